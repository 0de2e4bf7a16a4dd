namespace EmbeddedBackprop.Benchmarks;

/// <summary>
/// Runs every benchmark's three forms and compares their bits: the measured code is also right. A timed call must allocate nothing.
/// </summary>
internal static class CheckCommand
{
    /// <param name="planted">Checks one case that allocates instead: it must be found.</param>
    /// <returns>0 if all forms give the same bits and allocate nothing.</returns>
    public static int Run(bool planted)
    {
        int cases = 0, different = 0, allocating = 0;
        IEnumerable<Type> types = typeof(Bench).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Bench)) && type != typeof(Planted));
        foreach (Type type in planted ? [typeof(Planted)] : types)
        {
            Bench bench = (Bench)Activator.CreateInstance(type)!;
            foreach (string name in bench.Cases)
            {
                bench.Case = name;
                (int loop, long loopBytes) = Measure(bench, bench.SetUpLoop, bench.Loop);
                (int vector, long vectorBytes) = Measure(bench, bench.SetUpVector, bench.Vector);
                (int tiled, long tiledBytes) = Measure(bench, bench.SetUpTiled, bench.Tiled);
                cases++;
                if (loop != vector || loop != tiled)
                {
                    different++;
                    Console.Error.WriteLine($"{type.Name} {name}: the three forms differ");
                }

                if (loopBytes + vectorBytes + tiledBytes > 0)
                {
                    allocating++;
                    Console.Error.WriteLine(
                        $"{type.Name} {name}: a call allocates {loopBytes} bytes (loop), {vectorBytes} (Vector<T>), {tiledBytes} (tiled)");
                }
            }
        }

        Console.WriteLine(
            $"{cases} cases, loop, Vector<T> and tiled: {(different == 0 ? "the same bits" : different + " differ")}, "
            + (allocating == 0 ? "no byte allocated" : allocating + " allocate"));
        return different + allocating == 0 ? 0 : 1;
    }

    /// <summary>
    /// The hash of the first call's result, and the bytes that a further call allocates: the first one also compiles. The runtime counts the unused
    /// rest of a thread's buffer when it collects in the background, so the least of three calls is taken.
    /// </summary>
    private static (int Hash, long Bytes) Measure(Bench bench, Action prepare, Action call)
    {
        prepare();
        call();
        int hash = bench.ResultHash();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 3 && least > 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return (hash, least);
    }

    /// <summary>The control: it splits its case within the timed call.</summary>
    private sealed class Planted : Bench
    {
        private int length;

        public override double Work => 0;

        protected override IEnumerable<string> CaseList => ["planted 10"];

        public override int ResultHash() => length;

        protected override void Prepare(Form form)
        {
        }

        protected override void Run() => length = Case.Split(' ').Length;

        protected override void RunLoop() => Run();
    }
}
