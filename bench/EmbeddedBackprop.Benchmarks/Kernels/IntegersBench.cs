using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>
/// What layers on integers compute besides their sums: samples x outputs of a dense layer, positions of a channel, weights as integers, and the gates
/// of a recurrent layer (samples x units).
/// </summary>
public class IntegersBench : Bench
{
    private Memory<float> sums, y, scales, state;
    private int[] bias = [], m = [], shift = [], integers = [], magnitudes = [];
    private int stride;

    protected override IEnumerable<string> CaseList =>
        ["columns 10x30", "columns 64x512", "columns 3x21 compact", "run 784", "run 49", "weights 784x30", "gru 32x64"];

    /// <summary>Integer operations are none of floats.</summary>
    public override double Work => 0;

    public override int ResultHash() => Word switch
    {
        "columns" => HashOf(y.Span, Sizes[0], Sizes[1], stride),
        "weights" => HashOf(MemoryMarshal.Cast<int, float>(integers.AsSpan()), Sizes[0], Sizes[1], stride),
        "gru" => HashOf(state.Span, Sizes[0], Sizes[1], Sizes[1]),
        _ => HashOf(y.Span, 1, Sizes[0], Sizes[0]),
    };

    protected override void Prepare(Form form)
    {
        int columns = Sizes[^1], rows = Sizes.Length == 1 ? 1 : Sizes[0];
        stride = Word == "gru" ? 3 * columns : Stride(columns);
        Random random = new(4);
        (sums, y, scales) = (Numbers(rows * stride, 1), Numbers(rows * stride, 2), Numbers(stride, 3));
        state = Numbers(rows * columns, 5);
        (bias, m, shift) = (new int[stride], new int[stride], new int[stride]);
        (integers, magnitudes) = (new int[rows * stride], new int[stride]);
        for (int j = 0; j < stride; j++)
        {
            (bias[j], m[j], shift[j]) = (random.Next(-1000, 1000), random.Next(1 << 30, int.MaxValue), random.Next(36, 44));
            scales.Span[j] = 1f / 127;
        }

        // Sums of a layer, products in Q11, states in Q15; weights remain between -1 and 1.
        foreach (ref float x in sums.Span)
        {
            x = Word == "weights" ? x : MathF.Round(x * (Word == "gru" ? 32767f : 200_000f));
        }

        foreach (ref float x in y.Span)
        {
            x = MathF.Round(x * 32767f);
        }

        foreach (ref float x in state.Span)
        {
            x = MathF.Round(x * 32767f);
        }
    }

    protected override void Run()
    {
        switch (Word)
        {
            case "columns":
                Requantize.Columns(
                    new Matrix<float>(sums.Span, Sizes[0], Sizes[1], stride), bias, m, shift, -128, 127,
                    new Matrix<float>(y.Span, Sizes[0], Sizes[1], stride));
                break;
            case "weights":
                IntegerWeights.Round(Sizes[0], Sizes[1], sums.Span, scales.Span, integers, stride, magnitudes);
                break;
            case "gru":
                for (int row = 0; row < Sizes[0]; row++)
                {
                    Span<float> h = state.Span.Slice(row * Sizes[1], Sizes[1]);
                    RecurrentGates.Gru(sums.Span.Slice(row * stride, stride), y.Span.Slice(row * stride, stride), h, h);
                }

                break;
            default:
                Requantize.Run(sums.Span, bias[0], new(m[0], shift[0]), -128, 127, y.Span);
                break;
        }
    }

    protected override void RunLoop()
    {
        int columns = Sizes[^1], rows = Sizes.Length == 1 ? 1 : Sizes[0];
        ReadOnlySpan<float> p = sums.Span;
        Span<float> q = y.Span;
        for (int row = 0; row < rows; row++)
        {
            for (int j = 0; j < columns; j++)
            {
                int i = (row * stride) + j, output = Sizes.Length == 1 ? 0 : j;
                switch (Word)
                {
                    case "weights":
                        integers[i] = IntegerWeights.Round(p[i], scales.Span[j]);
                        magnitudes[j] += Math.Abs(integers[i]);
                        break;
                    case "gru":
                        ref float h = ref state.Span[(row * columns) + j];
                        int z = i + columns, n = z + columns;
                        h = IntegerGates.Gru((int)(p[i] + q[i]), (int)(p[z] + q[z]), (int)p[n], (int)q[n], (int)h);
                        break;
                    default:
                        q[i] = Rounding.R((int)p[i] + bias[output], m[output], shift[output], -128, 127);
                        break;
                }
            }
        }
    }
}
