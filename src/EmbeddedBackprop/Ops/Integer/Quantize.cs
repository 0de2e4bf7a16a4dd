using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// Floats become integers: q = z + round(min(max(x (1/s), lo - z), hi - z)), to even; one multiplication, rounded by itself. NaN gives z.
/// </summary>
internal sealed class Quantize : IntegerOp
{
    private Shape input;

    /// <summary>Integers of so many bits.</summary>
    public Quantize(int bits, IntegerValue? tied = null)
        : base(bits, tied)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "quantize";

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs[0].Integers is not null)
        {
            GraphErrors.ReadsIntegers(name, Kind, inputs[0].Name);
        }

        return Result;
    }

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>x in steps of the scale.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => batch * layout.Stride(input.Length);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerType type = c.OutputType;
        if (Observes(in c))
        {
            (float low, float high) = Extremes.Of(x);
            Extremes.Widen(c.OutputExtremes, low, high);
        }

        // One pass over memory; in both arithmetics the product is rounded by itself.
        if (type.Bits == 8)
        {
            SimdKernels.Apply<RoundToBytes>(c.Arithmetic, x, x, y, 1f / type.Scale, type.LowestCentred);
        }
        else
        {
            SimdKernels.Apply<RoundToWords>(c.Arithmetic, x, x, y, 1f / type.Scale, type.LowestCentred);
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerType type = c.OutputType;
        float inverse = 1f / type.Scale;
        Observe(in c, in x);
        for (int row = 0; row < x.Rows; row++)
        {
            ReadOnlySpan<float> from = x.Row(row);
            Span<float> to = y.Row(row);
            for (int i = 0; i < from.Length; i++)
            {
                to[i] = Centred(from[i], inverse, type);
            }
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Backward<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Backward<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Backward<double, ScalarKernels<double>>(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        Matrix<double> x = c.InputRows(0), y = c.OutputRows;
        IntegerType type = c.OutputType;
        float inverse = 1f / type.Scale;
        Observe(in c, in x);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < x.Columns; i++)
            {
                y.Row(row)[i] = Centred((float)x.Row(row)[i], inverse, type);
            }
        }
    }

    private static void Observe<T>(in OpContext<T> c, in Matrix<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Observes(in c))
        {
            (float low, float high) = Extremes.OfScalar(x);
            Extremes.Widen(c.OutputExtremes, low, high);
        }
    }

    // Straight through the rounding: dx = dy where x was not clamped, else 0.
    private static void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> x = c.InputRows(0), delta = c.OutputGradientRows;
        IntegerType type = c.OutputType;
        Matrix<T> steps = new(c.Scratch[..x.Values.Length], x.Rows, x.Columns, x.Stride, x.Width);
        K.Scale(T.CreateTruncating(1f / type.Scale), x.Values, steps.Values);
        K.Apply<ZeroOutside>(c.Arithmetic, steps, steps, delta, T.CreateChecked(type.LowestCentred), T.CreateChecked(type.HighestCentred));
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }

    /// <summary>q - zero point of one float.</summary>
    public static float Centred(float x, float inverse, IntegerType type)
    {
        float scaled = x * inverse;

        // NaN compares false twice and is 0; a clamped value rounds to itself.
        float clamped = scaled > type.LowestCentred ? scaled : scaled <= type.LowestCentred ? type.LowestCentred : 0f;
        return MathF.Round(clamped < type.HighestCentred ? clamped : type.HighestCentred, MidpointRounding.ToEven) + 0f;
    }
}
