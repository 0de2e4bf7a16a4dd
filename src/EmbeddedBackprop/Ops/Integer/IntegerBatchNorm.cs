using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// A batch normalisation that no layer took in: g x + b for each channel, g = gamma / sqrt(variance + epsilon), b = beta - mean g, as a convolution
/// of one weight: a = b + (q_x - z_x) w, y = R(a; s_x s_w / s_y). w is 127 with the sign of g, unless b needs a larger scale.
/// </summary>
internal sealed partial class IntegerBatchNorm : IntegerActivated
{
    private readonly BatchNorm norm;

    /// <summary>The integer form of a normalisation by running values.</summary>
    public IntegerBatchNorm(BatchNorm norm, int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied) => this.norm = (BatchNorm)norm.Unbound();

    /// <inheritdoc/>
    public override string Kind => norm.Kind;

    /// <inheritdoc/>
    public override string Settings => norm.Settings;

    /// <inheritdoc/>
    public override int TableState => base.TableState + 2;

    /// <summary>Channels, known when the op is applied.</summary>
    public int Channels => norm.Channels;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => norm.InferShape(name, inputs);

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        norm.Name = Name;
        norm.DescribeParameters(layout);
    }

    /// <summary>Weight, bias, multiplier and shift of every channel.</summary>
    public override int ScratchLength(int batch, Layout layout) => 4 * Channels;

    private protected override void DescribeOwnState(StateLayout layout)
    {
        norm.Name = Name;
        norm.DescribeState(layout);
    }

    /// <summary>The integers of a channel.</summary>
    /// <param name="gamma">Its factor.</param>
    /// <param name="beta">Its bias.</param>
    /// <param name="mean">Its running mean.</param>
    /// <param name="variance">Its running variance.</param>
    /// <param name="x">The type of the input.</param>
    /// <param name="scale">The real value of a step of the result.</param>
    public (int Weight, int Bias, Multiplier Factor) Channel(float gamma, float beta, float mean, float variance, IntegerType x, double scale)
    {
        (float weight, float bias, float step) = Rounded(gamma, beta, mean, variance, x);
        return (IntegerWeights.Round(weight, step), IntegerWeights.Bias(bias, x.Scale, step), Multiplier.Of((double)x.Scale * step / scale));
    }

    /// <summary>The real values of a channel's weight and bias.</summary>
    /// <inheritdoc cref="Channel(float, float, float, float, IntegerType, double)"/>
    public (float Weight, float Bias) RealChannel(float gamma, float beta, float mean, float variance, IntegerType x)
    {
        (float weight, float bias, float step) = Rounded(gamma, beta, mean, variance, x);
        return (IntegerWeights.Round(weight, step) * step, (float)(IntegerWeights.Bias(bias, x.Scale, step) * ((double)x.Scale * step)));
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        int channels = Channels, positions = x.Columns / channels;
        Span<float> weights = c.Scratch[..channels];
        Span<int> rest = MemoryMarshal.Cast<float, int>(c.Scratch[channels..]);
        Span<int> bias = rest[..channels], m = rest.Slice(channels, channels), shift = rest.Slice(2 * channels, channels);
        for (int channel = 0; channel < channels; channel++)
        {
            (int weight, bias[channel], Multiplier factor) = Channel(in c, channel, end.Scale);
            weights[channel] = weight;
            (m[channel], shift[channel]) = factor;
        }

        // 32768 times 127 is below 2^24.
        for (int row = 0; row < x.Rows; row++)
        {
            if (positions == 1)
            {
                Kernels.Elementwise.Multiply(x.Row(row), weights, y.Row(row));
                continue;
            }

            for (int channel = 0; channel < channels; channel++)
            {
                Span<float> to = y.Row(row).Slice(channel * positions, positions);
                Kernels.Elementwise.Scale(weights[channel], x.Row(row).Slice(channel * positions, positions), to);
                Requantize.Run(
                    to, bias[channel], new(m[channel], shift[channel]), end.Lowest, end.Highest, r.Row(row).Slice(channel * positions, positions));
            }
        }

        if (positions == 1)
        {
            Requantize.Columns(y, bias, m, shift, end.Lowest, end.Highest, r);
        }

        LookUp(in c, in end, in y);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private (float Weight, float Bias, float Step) Rounded(float gamma, float beta, float mean, float variance, IntegerType x)
    {
        double factor = gamma / Math.Sqrt((double)variance + norm.Epsilon);
        float weight = (float)factor, bias = (float)(beta - (mean * factor));
        return (weight, bias, IntegerWeights.Scale(Math.Abs(weight), bias, x.Scale));
    }

    private (int Weight, int Bias, Multiplier Factor) Channel<T>(in OpContext<T> c, int channel, double scale)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int first = OwnsRange ? 1 : 0;
        return Channel(
            float.CreateTruncating(c.Parameter(0)[channel]), float.CreateTruncating(c.Parameter(1)[channel]),
            float.CreateTruncating(c.State(first)[channel]), float.CreateTruncating(c.State(first + 1)[channel]), c.InputType(0), scale);
    }

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = End(in c);
        int[] table = Table(in c, in end);
        int positions = x.Columns / Channels;
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < x.Columns; i++)
            {
                (int weight, int bias, Multiplier factor) = Channel(in c, i / positions, end.Scale);
                int sum = checked((int.CreateChecked(x.Row(row)[i]) * weight) + bias);
                int r = Rounding.R(sum, factor.M, factor.Shift);
                Keep(in c, row, i, r);
                y.Row(row)[i] = T.CreateChecked(LookUp(table, in end, Math.Clamp(r, end.Lowest, end.Highest)));
            }
        }

        Observe(in c);
    }
}
