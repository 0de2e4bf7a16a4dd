namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Adam with weight decay apart from the gradient: w = M(-(eta * decay), w, w), then the step of <see cref="Adam"/>, whose formula does not see the
/// decay. That is w * (1 - eta * decay) without rounding the factor: 1 - 1e-6 would be 3 % off in float.
/// The decay is that of the network's regularisation (PyTorch's default is 0.01, here it is 0 unless it is given).
/// Source: Loshchilov and Hutter 2019, in PyTorch's form.
/// </summary>
public sealed class AdamW : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "adamw";

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
    public override bool DecouplesDecay => true;

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
