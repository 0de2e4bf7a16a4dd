using System.Globalization;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks;

/// <summary>The three forms of a kernel, in one table.</summary>
public enum Form
{
    /// <summary>The scalar twin: textbook loops, the definition of the result.</summary>
    Loop,

    /// <summary>The kernel over Vector&lt;T&gt;, whatever width the runtime gives it.</summary>
    Vector,

    /// <summary>The kernel over the widest register of the processor.</summary>
    Tiled,
}

/// <summary>
/// One kernel family: the cases it is measured on and its three forms, of which the loop is the baseline. All forms give the same bits.
/// </summary>
public abstract class Bench
{
    /// <summary>The measured work, in words: sizes are samples x inputs x outputs, or a length.</summary>
    [ParamsSource(nameof(Cases))]
    public string Case
    {
        get;
        set
        {
            // Split once, here: a timed call must neither parse nor allocate.
            field = value;
            string[] words = value.Split(' ');
            Word = words[0];
            string sizes = words.FirstOrDefault(word => word.Length > 0 && char.IsAsciiDigit(word[0])) ?? "";
            Sizes = [.. sizes.Split('x', StringSplitOptions.RemoveEmptyEntries).Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
        }
    } = "";

    /// <summary>All cases of the family. Not abstract itself: BenchmarkDotNet would find it twice.</summary>
    public IEnumerable<string> Cases => CaseList;

    /// <summary>Floating-point operations of one call: a multiply-add is two, comparing and work on bits are none.</summary>
    public abstract double Work { get; }

    protected abstract IEnumerable<string> CaseList { get; }

    /// <summary>The case's sizes: "NN 10x784x30 compact" has 10, 784 and 30.</summary>
    protected int[] Sizes { get; private set; } = [];

    /// <summary>The case's first word.</summary>
    protected string Word { get; private set; } = "";

    [GlobalSetup(Target = nameof(Loop))]
    public void SetUpLoop() => SetUp(Form.Loop);

    [GlobalSetup(Target = nameof(Vector))]
    public void SetUpVector() => SetUp(Form.Vector);

    [GlobalSetup(Target = nameof(Tiled))]
    public void SetUpTiled() => SetUp(Form.Tiled);

    [Benchmark(Baseline = true, Description = "loop")]
    public void Loop() => RunLoop();

    [Benchmark(Description = "Vector<T>")]
    public void Vector() => Run();

    [Benchmark(Description = "tiled")]
    public void Tiled() => Run();

    /// <summary>Chooses the width and fills the memory with the same floats every time.</summary>
    public void SetUp(Form form)
    {
        LaneDispatch.Width = form switch { Form.Loop => 1, Form.Vector => 0, _ => MachinePeak.WidestRegister };
        Prepare(form);
    }

    /// <summary>The results of the last call; equal for all forms.</summary>
    public abstract int ResultHash();

    /// <summary>Allocates and fills the memory of <see cref="Case"/>.</summary>
    protected abstract void Prepare(Form form);

    /// <summary>
    /// The kernel at the chosen width. It is timed: the kernel's call and as little else as can be; <see cref="Prepare"/> reads the case.
    /// </summary>
    protected abstract void Run();

    /// <summary>The scalar twin.</summary>
    protected abstract void RunLoop();

    /// <summary>A leading dimension: a multiple of 16 as in the engine's padded layout, or the length itself in the cases called compact.</summary>
    protected int Stride(int length) => length == 1 || Case.EndsWith("compact", StringComparison.Ordinal) ? length : (length + 15) / 16 * 16;

    /// <summary>Floats in [-1, 1), aligned to cache lines.</summary>
    protected static Memory<float> Numbers(int length, int seed)
    {
        Memory<float> memory = AlignedMemory.Allocate(length);
        Random random = new(seed);
        foreach (ref float x in memory.Span)
        {
            x = (random.NextSingle() * 2) - 1;
        }

        return memory;
    }

    /// <summary>A hash of the bits of a matrix, without the padding of its rows.</summary>
    protected static int HashOf(ReadOnlySpan<float> matrix, int rows, int columns, int stride)
    {
        HashCode hash = default;
        for (int i = 0; i < rows; i++)
        {
            hash.AddBytes(MemoryMarshal.AsBytes(matrix.Slice(i * stride, columns)));
        }

        return hash.ToHashCode();
    }
}
