using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>
/// Convolutions, samples x channels x rows x columns x filters x kernel (of one row, where the input has one): the forward pass, the weight gradient
/// (dw) and the input gradient (dx); s is the stride, same the padding, depth a group for each channel, zeros that seven of eight gradients are 0, as
/// after a pooling and a rectifier (the work is counted as if they were not). "relu pool": followed by a rectifier and maxima of two by two.
/// </summary>
public class ConvBench : Bench
{
    private ConvSizes sizes;
    private Pass pass;
    private int batch;
    private bool hasMaxima;
    private PoolSizes pairs;
    private Memory<float> x, w, bias, y, maxima;

    private enum Pass
    {
        Forward,
        WeightGradient,
        InputGradient,
    }

    protected override IEnumerable<string> CaseList =>
        [
            "forward 1x1x28x28x8x5", "forward 1x8x12x12x16x5", "forward 32x1x28x28x8x5", "forward 32x8x12x12x16x5",
            "forward 1x1x28x28x8x5 relu pool", "forward 1x8x12x12x16x5 relu pool", "dw 32x1x28x28x8x3 zeros", "dw 32x1x28x28x8x5",
            "dw 32x8x12x12x16x5", "dx 32x8x12x12x16x5", "dw 32x1x28x28x8x5 zeros", "dw 32x8x12x12x16x5 zeros", "dx 32x8x12x12x16x5 zeros",
            "forward 32x16x14x14x32x3 same",
            "dw 32x16x14x14x32x3 same",
            "dx 32x16x14x14x32x3 same",
            "forward 1x4x13x13x8x3 s2",
            "forward 32x32x14x14x64x1",
            "forward 8x16x32x32x16x3 same",
            "forward 8x64x8x8x64x3 same",
            "forward 8x32x16x16x64x3 same s2",
            "forward 32x16x28x28x16x3 same depth",
            "forward 32x64x25x5x64x3 same depth",
            "dw 32x16x28x28x16x3 same depth",
            "dx 32x16x28x28x16x3 same depth",
            "forward 32x16x32x32x16x3 same",
            "dw 32x16x32x32x16x3 same",
            "dx 32x1x28x28x8x5",
            "forward 32x64x25x5x64x3 same depth",
            "dw 32x64x25x5x64x3 same depth",
            "dx 32x64x25x5x64x3 same depth",
            "forward 32x64x25x5x64x1",
            "dw 32x64x25x5x64x1",
            "forward 32x32x1x64x32x7 same",
            "dw 32x32x1x64x32x7 same",
            "dx 32x32x1x64x32x7 same",
        ];

    public override double Work => Case.Length == 0 ? 0 : 2.0 * SizesOf().MultiplyAdds * Sizes[0];

    public override int ResultHash() => pass switch
    {
        Pass.Forward when hasMaxima => HashOf(maxima.Span, batch, pairs.OutputLength, pairs.OutputLength),
        Pass.Forward => HashOf(y.Span, batch, sizes.SampleOutputs, sizes.SampleOutputs),
        Pass.WeightGradient => HashOf(w.Span, 1, sizes.Weights, sizes.Weights),
        _ => HashOf(x.Span, batch, sizes.InputLength, sizes.InputLength),
    };

    protected override void Prepare(Form form)
    {
        sizes = SizesOf();
        pass = Word switch { "forward" => Pass.Forward, "dw" => Pass.WeightGradient, _ => Pass.InputGradient };
        batch = Sizes[0];
        x = Numbers(batch * sizes.InputLength, 1);
        w = Numbers(sizes.Weights, 2);
        bias = Numbers(sizes.Outputs, 3);
        y = Numbers(batch * sizes.SampleOutputs, 4);
        hasMaxima = Case.Contains("pool", StringComparison.Ordinal);
        pairs = new PoolSizes(sizes.Outputs, sizes.OutputHeight, sizes.OutputWidth, 2, 2, 2, 2, 0, 0);
        maxima = Numbers(hasMaxima ? batch * pairs.OutputLength : 0, 5);
        if (!Case.Contains("zeros", StringComparison.Ordinal))
        {
            return;
        }

        for (int i = 0; i < y.Length; i++)
        {
            y.Span[i] = (i * 2654435761L >> 7) % 8 == 0 ? y.Span[i] : 0f;
        }
    }

    protected override void Run()
    {
        if (hasMaxima)
        {
            _ = Conv.ForwardAndFollowers(
                Arithmetic.Fused, in sizes, batch, x.Span, sizes.InputLength, w.Span, bias.Span, y.Span, sizes.SampleOutputs,
                new ConvFollowers { Rectifies = true, Maxima = maxima.Span, LeadingMaxima = pairs.OutputLength });
        }
        else if (pass == Pass.Forward)
        {
            Conv.Forward(Arithmetic.Fused, in sizes, batch, x.Span, sizes.InputLength, w.Span, bias.Span, y.Span, sizes.SampleOutputs);
        }
        else if (pass == Pass.WeightGradient)
        {
            Conv.WeightGradient(Arithmetic.Fused, in sizes, batch, x.Span, sizes.InputLength, y.Span, sizes.SampleOutputs, w.Span, bias.Span);
        }
        else
        {
            Conv.InputGradient(Arithmetic.Fused, in sizes, batch, y.Span, sizes.SampleOutputs, w.Span, default, x.Span, sizes.InputLength);
        }
    }

    protected override void RunLoop()
    {
        if (pass == Pass.Forward)
        {
            Twin.Conv.Forward<float>(Arithmetic.Fused, in sizes, batch, x.Span, sizes.InputLength, w.Span, bias.Span, y.Span, sizes.SampleOutputs);
            for (int i = 0; hasMaxima && i < y.Length; i++)
            {
                y.Span[i] = Math.Max(y.Span[i], 0f);
            }

            if (hasMaxima)
            {
                Twin.Pool2D.MaxForward<float>(in pairs, batch, y.Span, sizes.SampleOutputs, maxima.Span, pairs.OutputLength);
            }
        }
        else if (pass == Pass.WeightGradient)
        {
            Twin.Conv.WeightGradient<float>(
                Arithmetic.Fused,
                in sizes,
                batch,
                x.Span,
                sizes.InputLength,
                y.Span,
                sizes.SampleOutputs,
                w.Span,
                bias.Span);
        }
        else
        {
            Twin.Conv.InputGradient<float>(
                Arithmetic.Fused,
                in sizes,
                batch,
                y.Span,
                sizes.SampleOutputs,
                w.Span,
                default,
                x.Span,
                sizes.InputLength);
        }
    }

    private ConvSizes SizesOf()
    {
        int[] given = Sizes;
        int padding = Case.Contains("same", StringComparison.Ordinal) ? given[5] / 2 : 0,
            stride = Case.Contains("s2", StringComparison.Ordinal) ? 2 : 1;
        // A signal has one row, and so has its kernel.
        bool signal = given[2] == 1;
        return new ConvSizes(given[1], given[2], given[3], given[4], signal ? 1 : given[5], given[5])
        {
            Top = signal ? 0 : padding, Bottom = signal ? 0 : padding, Left = padding, Right = padding, StrideY = stride, StrideX = stride,
            Groups = Case.EndsWith("depth", StringComparison.Ordinal) ? given[1] : 1,
        };
    }
}
