namespace EmbeddedBackprop.Benchmarks;

/// <summary>Runs every benchmark's three forms once and compares their bits: what is measured is also right.</summary>
internal static class CheckCommand
{
    public static int Run()
    {
        int cases = 0, wrong = 0;
        foreach (Type type in typeof(Bench).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Bench))))
        {
            Bench bench = (Bench)Activator.CreateInstance(type)!;
            foreach (string name in bench.Cases)
            {
                bench.Case = name;
                bench.SetUpLoop();
                bench.Loop();
                int loop = bench.ResultHash();
                bench.SetUpVector();
                bench.Vector();
                int vector = bench.ResultHash();
                bench.SetUpTiled();
                bench.Tiled();
                int tiled = bench.ResultHash();
                cases++;
                if (loop != vector || loop != tiled)
                {
                    wrong++;
                    Console.Error.WriteLine($"{type.Name} {name}: the three forms differ");
                }
            }
        }

        Console.WriteLine($"{cases} cases, loop, Vector<T> and tiled: {(wrong == 0 ? "the same bits" : wrong + " differ")}");
        return wrong == 0 ? 0 : 1;
    }
}
