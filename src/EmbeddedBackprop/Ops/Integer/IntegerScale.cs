using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// y = alpha x: R(+-(q_x - z_x); |alpha| s_x / s_y), the sign that of alpha. With alpha = 1 it gives integers another scale and zero point, or other
/// bits.
/// </summary>
/// <remarks>A positive constant changes the scale alone: with s_y = alpha s_x, R moves every integer as it is.</remarks>
internal sealed partial class IntegerScale : IntegerActivated
{
    private readonly Scale layer;
    private Shape input;

    /// <summary>The integer form of a factor.</summary>
    public IntegerScale(Scale scale, int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied) => layer = (Scale)scale.Unbound();

    /// <inheritdoc/>
    public override string Kind => layer.Kind;

    /// <inheritdoc/>
    public override string Settings => layer.Settings;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        layer.Name = Name;
        layer.DescribeParameters(layout);
    }

    /// <inheritdoc/>
    public override IntegerType? FixedType(ReadOnlySpan<IntegerType> inputs) =>
        OwnsRange && !layer.Trained && float.IsNormal(layer.Factor * inputs[0].Scale) && layer.Factor > 0
            && Activation is Activation<Identity> && inputs[0].Bits == Result.Bits
            ? inputs[0] with { Scale = layer.Factor * inputs[0].Scale }
            : null;

    /// <summary>f for a step of the result, without the sign.</summary>
    public static Multiplier Factor(float alpha, IntegerType x, double scale) => Multiplier.Of(Math.Abs((double)alpha) * x.Scale / scale);

    /// <summary>The constant times the trained factor, if there is one.</summary>
    public float Alpha(float weight) => layer.Trained ? weight * layer.Factor : layer.Factor;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        float alpha = Alpha(layer.Trained ? c.Parameter(0)[0] : 0f);
        Multiplier factor = Factor(alpha, c.InputType(0), end.Scale);
        for (int row = 0; row < x.Rows; row++)
        {
            Kernels.Elementwise.Scale(alpha < 0 ? -1f : 1f, x.Row(row), y.Row(row));
            Requantize.Run(y.Row(row), 0, factor, end.Lowest, end.Highest, r.Row(row));
        }

        LookUp(in c, in end, in y);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = End(in c);
        int[] table = Table(in c, in end);
        float alpha = Alpha(layer.Trained ? float.CreateTruncating(c.Parameter(0)[0]) : 0f);
        (int m, int shift) = Factor(alpha, c.InputType(0), end.Scale);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < x.Columns; i++)
            {
                int q = int.CreateChecked(x.Row(row)[i]);
                int r = Rounding.R(alpha < 0 ? -q : q, m, shift);
                Keep(in c, row, i, r);
                y.Row(row)[i] = T.CreateChecked(LookUp(table, in end, Math.Clamp(r, end.Lowest, end.Highest)));
            }
        }

        Observe(in c);
    }
}
