using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>Stochastic gradient descent: w = M(-eta, dw, w). Source: Nielsen, chapter 1, equations 20 and 21.</summary>
public sealed class Sgd : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "sgd";

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => Elementwise.MultiplyAdd(c.Arithmetic, -c.LearningRate, c.Gradients, c.Parameters);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) =>
        Kernels.Scalar.Elementwise.MultiplyAdd(c.Arithmetic, -c.LearningRate, c.Gradients, c.Parameters);
}
