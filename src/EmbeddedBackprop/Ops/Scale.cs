using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>y = alpha * x with a constant alpha, or with one that is trained (parameter NAME.weight, 1 at first) times the constant.</summary>
public sealed class Scale : Op
{
    private Shape input;

    /// <summary>A factor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The factor is not finite.</exception>
    public Scale(float factor, bool trained = false)
    {
        if (!float.IsFinite(factor))
        {
            Errors.OutOfRange(nameof(factor), factor, "finite");
        }

        Factor = factor;
        Trained = trained;
    }

    /// <summary>The constant.</summary>
    public float Factor { get; }

    /// <summary>Whether a trained factor multiplies the constant.</summary>
    public bool Trained { get; }

    /// <inheritdoc/>
    public override string Kind => "scale";

    /// <inheritdoc/>
    public override string Settings => Factor.ToString("R", CultureInfo.InvariantCulture) + (Trained ? " trained" : "");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => Trained ? BackwardReads.Inputs : BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (Trained)
        {
            layout.AddTensor(Name + ".weight", ParameterKind.Scale, 1);
        }
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Elementwise.Scale(Alpha(in c, Factor), c.Input(0), c.Output);

    /// <summary>
    /// dalpha goes on by Factor * dot(dy, x) of one sample after the other, each dot product in 16 parts; dx = alpha * dy, or M(alpha, dy, dx) where another reader
    /// wrote first.
    /// </summary>
    public override void Backward(in OpContext<float> c)
    {
        float alpha = Alpha(in c, Factor);
        if (Trained)
        {
            float sum = c.ContinueParameterGradients ? c.ParameterGradient(0)[0] : 0f;
            for (int b = 0; b < c.Batch; b++)
            {
                sum += Factor * Dot.Product(
                    c.Arithmetic, c.OutputGradient.Slice(b * c.OutputStride, c.OutputColumns), c.Input(0).Slice(b * c.OutputStride, c.OutputColumns));
            }

            c.ParameterGradient(0)[0] = sum;
        }

        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.ContinueInputGradient(0))
        {
            Elementwise.MultiplyAdd(c.Arithmetic, alpha, c.OutputGradient, c.InputGradient(0));
        }
        else
        {
            Elementwise.Scale(alpha, c.OutputGradient, c.InputGradient(0));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c, Factor);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c, Factor);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c, Factor);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c, Factor);

    private T Alpha<T>(in OpContext<T> c, T factor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Trained ? c.Parameter(0)[0] * factor : factor;

    private void ForwardTwin<T>(in OpContext<T> c, T factor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.Elementwise.Scale(Alpha(in c, factor), c.Input(0), c.Output);

    private void BackwardTwin<T>(in OpContext<T> c, T factor) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T alpha = Alpha(in c, factor);
        if (Trained)
        {
            T sum = c.ContinueParameterGradients ? c.ParameterGradient(0)[0] : T.Zero;
            for (int b = 0; b < c.Batch; b++)
            {
                sum += factor * Kernels.Scalar.Dot.Product<T>(
                    c.Arithmetic, c.OutputGradient.Slice(b * c.OutputStride, c.OutputColumns), c.Input(0).Slice(b * c.OutputStride, c.OutputColumns));
            }

            c.ParameterGradient(0)[0] = sum;
        }

        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.ContinueInputGradient(0))
        {
            Kernels.Scalar.Elementwise.MultiplyAdd(c.Arithmetic, alpha, c.OutputGradient, c.InputGradient(0));
        }
        else
        {
            Kernels.Scalar.Elementwise.Scale(alpha, c.OutputGradient, c.InputGradient(0));
        }
    }
}
