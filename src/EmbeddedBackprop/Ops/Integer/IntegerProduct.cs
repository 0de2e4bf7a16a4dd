using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>A product of two values, element by element: y = R((q_1 - z_1)(q_2 - z_2); s_1 s_2 / s_y). A product is at most 2^30.</summary>
internal sealed class IntegerProduct : IntegerActivated
{
    private Shape input;
    private bool isWide;

    /// <summary>The integer form of a multiplication.</summary>
    public IntegerProduct(int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "multiply";

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Shapes.Equal(name, inputs, 2, 2);
        isWide |= inputs[0].Integers is { Bits: 16 } && inputs[1].Integers is { Bits: 16 };
        return Shapes.Bind(name, inputs[0], ref input);
    }

    /// <summary>Products of two values of 16 bits, which a float does not hold.</summary>
    public override int ScratchLength(int batch, Layout layout) => isWide ? batch * layout.Stride(input.Length) : 0;

    /// <summary>f for a step of the result.</summary>
    public static Multiplier Factor(IntegerType first, IntegerType second, double scale) => Multiplier.Of((double)first.Scale * second.Scale / scale);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> first = c.InputRows(0), second = c.InputRows(1), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        Multiplier factor = Factor(c.InputType(0), c.InputType(1), end.Scale);
        for (int row = 0; row < y.Rows; row++)
        {
            ReadOnlySpan<float> a = first.Row(row), b = second.Row(row);
            Span<float> to = y.Row(row), rounded = r.Row(row);
            if (isWide)
            {
                Span<int> products = MemoryMarshal.Cast<float, int>(c.Scratch)[..to.Length];
                for (int i = 0; i < products.Length; i++)
                {
                    products[i] = (int)a[i] * (int)b[i];
                }

                Requantize.Run(products, 0, factor, end.Lowest, end.Highest, rounded);
                continue;
            }

            // 255 times 32768 is below 2^24.
            Kernels.Elementwise.Multiply(a, b, to);
            Requantize.Run(to, 0, factor, end.Lowest, end.Highest, rounded);
        }

        LookUp(in c, in end, in y);
    }

    private protected override int TrainedLength => input.Length;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>The real values of an input.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        Math.Max(DeltaLength(batch, layout), batch * layout.Stride(input.Length));

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Backward<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Backward<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Backward<double, ScalarKernels<double>>(in c);

    // As the float op, with x = s (q - z): dx0 = delta * x1, or M(delta, x1, dx0) where another reader wrote first; the other way round for x1.
    private void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Span<T> scratch = c.Scratch, delta = Delta<T, K>(in c, ref scratch).Values;
        for (int i = 0; i < 2; i++)
        {
            if (!c.WantsInputGradient(i))
            {
                continue;
            }

            Span<T> other = c.Scratch[..c.Input(1 - i).Length];
            K.Scale(T.CreateTruncating(c.InputType(1 - i).Scale), c.Input(1 - i), other);
            if (c.ContinueInputGradient(i))
            {
                K.MultiplyAdd(c.Arithmetic, delta, other, c.InputGradient(i));
            }
            else
            {
                K.Multiply(delta, other, c.InputGradient(i));
            }
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> y = c.OutputRows;
        IntegerEnd end = End(in c);
        int[] table = Table(in c, in end);
        (int m, int shift) = Factor(c.InputType(0), c.InputType(1), end.Scale);
        for (int row = 0; row < y.Rows; row++)
        {
            for (int j = 0; j < y.Columns; j++)
            {
                int product = int.CreateChecked(c.InputRows(0).Row(row)[j]) * int.CreateChecked(c.InputRows(1).Row(row)[j]);
                int r = Rounding.R(product, m, shift);
                Keep(in c, row, j, r);
                y.Row(row)[j] = T.CreateChecked(LookUp(table, in end, Math.Clamp(r, end.Lowest, end.Highest)));
            }
        }

        Observe(in c);
    }
}
