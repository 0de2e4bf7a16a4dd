namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Steps by the running mean of the gradient over the root of its running mean square, both corrected for their start at 0. Once per step, for all
/// tensors:
/// p1 = p1 * beta1; p2 = p2 * beta2 (both begin at 1); q = 1 / sqrt(1 - p2); r = eta / (1 - p1). Then for each parameter:
/// m = M(beta1, m, (1 - beta1) * dw); v = M((1 - beta2) * dw, dw, beta2 * v); w = M(-r, m / M(sqrt(v), q, epsilon), w).
/// Source: Kingma and Ba 2015, in PyTorch's form.
/// </summary>
public sealed class Adam : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "adam";

    /// <summary>From 0 up to but not including 1: the share of the mean gradient that is kept. 0.9 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Beta1 { get; init => field = Errors.RequireShare("beta1", value); } = 0.9f;

    /// <summary>From 0 up to but not including 1: the share of the mean square that is kept. 0.999 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Beta2 { get; init => field = Errors.RequireShare("beta2", value); } = 0.999f;

    /// <summary>Keeps the divisor away from 0: positive, or a gradient that was always 0 would give 0/0. 1e-8 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Epsilon { get; init => field = Errors.RequirePositive("epsilon", value); } = 1e-8f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Beta1 = Beta1, Beta2 = Beta2, Epsilon = Epsilon };

    /// <inheritdoc/>
    public override int StateArrays => AdamFormula.Arrays;

    /// <inheritdoc/>
    public override int StateScalars => AdamFormula.Scalars;

    /// <inheritdoc/>
    public override void Reset(Span<float> scalars) => AdamFormula.Reset(scalars);

    /// <inheritdoc/>
    public override void BeginStep(Span<float> scalars) => FormulaUpdate.BeginStep(scalars, Rule);

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Rule);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Rule);

    internal override UpdateText? Text => new UpdateText<AdamFormula>(Rule);

    private AdamFormula Rule => new(Beta1, Beta2, Epsilon);
}
