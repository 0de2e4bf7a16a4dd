using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The bandwidth of one core for each level of its memory, and the levels' sizes as the system reports them.</summary>
internal static class MemoryBandwidth
{
    /// <summary>
    /// The levels by name with their bytes, from the fastest; the last one, DRAM, has no end. Without a system that tells: DRAM alone.
    /// </summary>
    public static (string Name, double Bytes)[] Levels { get; } = [.. ReadCaches(), ("DRAM", double.PositiveInfinity)];

    /// <summary>The smallest level that holds so many bytes.</summary>
    public static string LevelOf(double bytes) => Levels.First(level => bytes <= level.Bytes).Name;

    /// <summary>Bytes a second of reading memory of some size again and again, in the widest registers.</summary>
    public static double Read(Memory<float> memory, double duration) =>
        memory.Length * sizeof(float) / Timing.OfCall(duration, new Reading(memory));

    /// <summary>Bytes a second of y = alpha x + y, x and y half the memory each: for two floats read one is written.</summary>
    public static double MultiplyAdd(Memory<float> memory, double duration) =>
        1.5 * memory.Length * sizeof(float) / Timing.OfCall(duration, new Adding(memory));

    /// <summary>Memory whose pages are there.</summary>
    public static Memory<float> Allocate(int bytes)
    {
        Memory<float> memory = AlignedMemory.Allocate(bytes / sizeof(float));
        memory.Span.Fill(1f / 1024);
        return memory;
    }

    private static IEnumerable<(string Name, double Bytes)> ReadCaches()
    {
        const string Folder = "/sys/devices/system/cpu/cpu0/cache";
        string[] folders = Directory.Exists(Folder) ? Directory.GetDirectories(Folder, "index*") : [];
        foreach (string index in folders.Order())
        {
            string Value(string name) => File.ReadAllText(Path.Combine(index, name)).Trim();
            if (Value("type") != "Instruction" && Value("size") is [.. var number, 'K'])
            {
                yield return ("L" + Value("level"), 1024 * double.Parse(number, CultureInfo.InvariantCulture));
            }
        }
    }

    private static float sink;

    private readonly struct Reading(Memory<float> memory) : IWork
    {
        // The kernels' widest register; the result is kept so that nothing is optimised away.
        public void Call() => sink = MachinePeak.WidestRegister switch
        {
            512 => Sum<Lanes512<Fused>>(memory.Span),
            256 => Sum<Lanes256<Fused>>(memory.Span),
            _ => Sum<Lanes128<Fused>>(memory.Span),
        };

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float Sum<T>(ReadOnlySpan<float> numbers) where T : struct, IFloatLanes<T>
        {
            // Eight chains: additions take longer than loads.
            ref readonly float x = ref MemoryMarshal.GetReference(numbers);
            nuint n = (nuint)T.Count;
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero, e = T.Zero, f = T.Zero, g = T.Zero, h = T.Zero;
            for (nuint i = 0; i < (nuint)numbers.Length; i += 8 * n)
            {
                a += T.Load(in x, i);
                b += T.Load(in x, i + n);
                c += T.Load(in x, i + (2 * n));
                d += T.Load(in x, i + (3 * n));
                e += T.Load(in x, i + (4 * n));
                f += T.Load(in x, i + (5 * n));
                g += T.Load(in x, i + (6 * n));
                h += T.Load(in x, i + (7 * n));
            }

            Span<float> sum = stackalloc float[T.Count];
            T.Store(a + b + c + d + e + f + g + h, ref sum[0], 0);
            return sum[0];
        }
    }

    private readonly struct Adding(Memory<float> memory) : IWork
    {
        public void Call() =>
            Elementwise.MultiplyAdd(Arithmetic.Fused, 1e-9f, memory.Span[..(memory.Length / 2)], memory.Span[(memory.Length / 2)..]);
    }
}
