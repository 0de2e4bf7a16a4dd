using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>
/// Kernels on spans between guard pages, run in a child process: it prints each family and width, and dies where one leaves its spans.
/// </summary>
internal static class GuardedKernels
{
    /// <summary>The families in the default run.</summary>
    public static readonly string[] Families = ["gemm", "vectors", "softmax", "pooling", "norms", "gates", "convolutions", "integers", "signals"];

    private static GuardedMemory[] memory = [];

    public static void Run(string family)
    {
        memory = [.. Enumerable.Range(0, 12).Select(_ => new GuardedMemory(1 << 16))];
        Widths.ForEach(width =>
        {
            Console.WriteLine($"{family} width {width}");
            foreach (bool atEnd in (ReadOnlySpan<bool>)[true, false])
            {
                switch (family)
                {
                    case "gemm": Products(atEnd); break;
                    case "gemm-all": AllProducts(atEnd); break;
                    case "vectors": Vectors(atEnd, 80); break;
                    case "vectors-all": Vectors(atEnd, 257); break;
                    case "softmax": RowsOfSoftmax(atEnd, 70); break;
                    case "pooling": GuardedLayers.Poolings(atEnd); break;
                    case "gates": GuardedGates.Steps(atEnd); break;
                    case "integers": GuardedIntegers.Run(atEnd); break;
                    case "signals": GuardedLayers.Signals(atEnd); break;
                    case "norms": GuardedLayers.Norms(atEnd); break;
                    case "softmax-all": RowsOfSoftmax(atEnd, 257); break;
                    case "convolutions": Convolutions(atEnd); break;
                    case "planted-read-behind": PlantedReadBehind(); break;
                    case "planted-read-before": PlantedReadBefore(); break;
                    case "planted-write-behind": PlantedWriteBehind(); break;
                    default: throw new ArgumentException(family);
                }
            }
        });
        Console.WriteLine("inside");
    }

    private static void Products(bool atEnd)
    {
        foreach (int m in (ReadOnlySpan<int>)[1, 2, 13])
        {
            for (int n = 1; n <= 70; n++)
            {
                foreach (int k in (ReadOnlySpan<int>)[1, 5])
                {
                    Product(m, n, k, atEnd);
                }
            }
        }

        foreach (int n in (ReadOnlySpan<int>)[1, 30, 129])
        {
            Product(7, n, 300, atEnd);
        }
    }

    private static void AllProducts(bool atEnd)
    {
        for (int m = 0; m <= 67; m++)
        {
            for (int n = 0; n <= 67; n++)
            {
                for (int k = 0; k <= 67; k++)
                {
                    Product(m, n, k, atEnd);
                }
            }
        }
    }

    private static void Product(int m, int n, int k, bool atEnd)
    {
        // A gap of three in every row, but none after the last: the spans end with the last element.
        foreach (int gap in (ReadOnlySpan<int>)[0, 3])
        {
            Span<float> aPlain = Put(0, m, k, k + gap, atEnd);
            Span<float> aTransposed = Put(1, k, m, m + gap, atEnd);
            Span<float> c = Put(2, m, n, n + gap, atEnd);
            Span<float> b = Put(3, k, n, n + gap, atEnd);
            Gemm.NN(Arithmetic.Fused, m, n, k, aPlain, k + gap, b, n + gap, default, c, n + gap);
            Gemm.TN(Arithmetic.Separate, m, n, k, aTransposed, m + gap, b, n + gap, c, n + gap, accumulate: true);
            Span<float> bias = Put(1, 1, n, n, atEnd);
            Gemm.NN(Arithmetic.Separate, m, n, k, aPlain, k + gap, b, n + gap, bias, c, n + gap);
            Span<float> bTransposed = Put(3, n, k, k + gap, atEnd);
            Gemm.NT(Arithmetic.Fused, m, n, k, aPlain, k + gap, bTransposed, k + gap, c, n + gap);
        }
    }

    private static void Vectors(bool atEnd, int longest)
    {
        for (int n = 0; n <= longest; n++)
        {
            Span<float> x = Put(0, 1, n, n, atEnd);
            Span<float> y = Put(1, 1, n, n, atEnd);
            Span<float> d = Put(2, 1, n, n, atEnd);
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                Dot.Product(arithmetic, x, y);
                Reduce.SumOfSquares(arithmetic, x);
                Elementwise.MultiplyAdd(arithmetic, 0.5f, x, d);
                Elementwise.Blend(arithmetic, 0.5f, x, d);
                Elementwise.MultiplyAdd(arithmetic, x, y, d);
                Gemv.OneOutput(arithmetic, 1, n, x, n, y, default, Put(3, 1, 1, 1, atEnd));
                Ger.Run(arithmetic, 1, n, Put(3, 1, 1, 1, atEnd), y, d, n);
                Gemv.Run(arithmetic, n, 1, Put(3, 1, 1, 1, atEnd), y, n, x, d);
            }

            Reduce.Sum(x);
            Reduce.AddToParts(x, Put(3, 1, 16, 16, atEnd), n);
            if (n > 0)
            {
                Reduce.Max(x);
            }

            Elementwise.Add(x, y, d);
            Elementwise.Subtract(x, y, d);
            Elementwise.Multiply(x, y, d);
            Elementwise.Scale(0.5f, x, d);
            Elementwise.Add(x, 0.5f, d);
            Elementwise.Divide(x, 0.5f, d);
            Elementwise.Clip(-0.5f, 0.5f, x, d);
            Elementwise.Fill(1f, d);
            Span<float> rows = Put(3, 3, n, n + 2, atEnd);
            Reduce.SumColumns(3, n, rows, n + 2, d);
            Reduce.SumRows(3, n, rows, n + 2, Put(0, 1, 3, 3, atEnd));
        }
    }

    private static void RowsOfSoftmax(bool atEnd, int longest)
    {
        for (int n = 1; n <= longest; n++)
        {
            Span<float> z = Put(0, 3, n, n + 1, atEnd);
            Span<float> a = Put(1, 3, n, n + 2, atEnd);
            Span<float> dz = Put(2, 3, n, n, atEnd);
            SoftmaxRows.Forward(Arithmetic.Fused, 3, n, z, n + 1, a, n + 2);
            SoftmaxRows.Backward(Arithmetic.Separate, 3, n, a, n + 2, z, n + 1, dz, n);
            SoftmaxRows.LogSumExp(Arithmetic.Fused, 3, n, z, n + 1, Put(3, 1, 3, 3, atEnd));
        }
    }

    private static void Convolutions(bool atEnd)
    {
        foreach (int kernel in (ReadOnlySpan<int>)[1, 3, 5])
        {
            for (int width = kernel; width <= 26; width += 3)
            {
                foreach ((int stride, int padding, int groups) in (ReadOnlySpan<(int, int, int)>)[(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 0, 2)])
                {
                    foreach ((int channels, int outputs) in (ReadOnlySpan<(int, int)>)[(2, 4), (2, 12), (8, 8)])
                    {
                        Convolution(
                            new(channels, 5 + (width % 3), width, outputs, kernel, kernel)
                            {
                                StrideY = stride, StrideX = stride, Top = padding, Bottom = padding, Left = padding, Right = padding,
                                Groups = channels == 8 ? 8 : groups,
                            },
                            atEnd);
                    }
                }
            }
        }

        // Kernels larger than the image, in one block of taps and in several.
        for (int channels = 1; channels <= 12; channels++)
        {
            for (int size = 1; size <= 6; size++)
            {
                Convolution(new(channels, size, size, 4, 5, 7) { Top = 2, Bottom = 2, Left = 3, Right = 3 }, atEnd);
                Convolution(new(channels, size, size, 4, 3, 3) { Top = 3, Bottom = 3, Left = 3, Right = 3, DilationY = 3, DilationX = 3 }, atEnd);
            }
        }
    }

    private static void Convolution(ConvSizes sizes, bool atEnd)
    {
        Span<float> image = Put(0, 2, sizes.InputLength, sizes.InputLength + 3, atEnd),
            kernels = Put(1, 1, sizes.Weights, sizes.Weights, atEnd);
        Span<float> maps = Put(2, 2, sizes.SampleOutputs, sizes.SampleOutputs + 1, atEnd),
            bias = Put(3, 1, sizes.Outputs, sizes.Outputs, atEnd);
        Conv.Forward(Arithmetic.Fused, in sizes, 2, image, sizes.InputLength + 3, kernels, bias, maps, sizes.SampleOutputs + 1);
        Conv.WeightGradient(Arithmetic.Fused, in sizes, 2, image, sizes.InputLength + 3, maps, sizes.SampleOutputs + 1, kernels, bias);
        Conv.InputGradient(
            Arithmetic.Fused, in sizes, 2, maps, sizes.SampleOutputs + 1, kernels, default, image, sizes.InputLength + 3);
        Conv.UpdateWeights(
            Arithmetic.Fused, in sizes, 2, image, sizes.InputLength + 3, maps, sizes.SampleOutputs + 1, kernels, bias, 0.1f, 0.1f, 0f);
        Conv.ChannelSums(2, 4, sizes.OutputPositions, maps, sizes.SampleOutputs + 1, bias);
    }

    // The error of a kernel that rounds its length up to a whole vector.
    private static void PlantedReadBehind() => Use(Vector128.LoadUnsafe(ref First(Put(0, 1, 7, 7, true)), 4));

    private static void PlantedReadBefore() => Use(Vector128.LoadUnsafe(ref Unsafe.Subtract(ref First(Put(0, 1, 7, 7, false)), 1)));

    private static void PlantedWriteBehind() => Vector128<float>.One.StoreUnsafe(ref First(Put(0, 1, 7, 7, true)), 4);

    private static ref float First(Span<float> span) => ref MemoryMarshal.GetReference(span);

    private static void Use(Vector128<float> value) => Console.WriteLine(value.ToString());

    /// <summary>A matrix in one of four guarded ranges, right before a page without access or right after one.</summary>
    internal static Span<float> Put(int slot, int rows, int columns, int leading, bool atEnd)
    {
        int length = rows == 0 || columns == 0 ? 0 : ((rows - 1) * leading) + columns;
        return memory[slot].Copy(Ones(length), atEnd);
    }

    private static ReadOnlySpan<float> Ones(int length) => Source.AsSpan(0, length);

    private static readonly float[] Source = Samples.Array(1 << 16, 1);
}
