using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

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
        IntegerEnd end = End(in c);
        Multiplier factor = Factor(c.InputType(0), c.InputType(1), end.Scale);
        for (int row = 0; row < y.Rows; row++)
        {
            ReadOnlySpan<float> a = first.Row(row), b = second.Row(row);
            Span<float> to = y.Row(row);
            if (isWide)
            {
                Span<int> products = MemoryMarshal.Cast<float, int>(c.Scratch)[..to.Length];
                for (int i = 0; i < products.Length; i++)
                {
                    products[i] = (int)a[i] * (int)b[i];
                }

                Requantize.Run(products, 0, factor, end.Lowest, end.Highest, to);
                continue;
            }

            // 255 times 32768 is below 2^24.
            Kernels.Elementwise.Multiply(a, b, to);
            Requantize.Run(to, 0, factor, end.Lowest, end.Highest, to);
        }

        LookUp(in c, in end, in y);
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
                y.Row(row)[j] = T.CreateChecked(LookUp(table, in end, Rounding.R(product, m, shift, end.Lowest, end.Highest)));
            }
        }
    }
}
