namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// An optimiser of your own, made of one formula: it runs on SIMD kernels, its scalar twin gives the same bits, and it exports to C. Derive from it
/// with a struct that implements <see cref="IUpdateFormula{TSelf}"/>, and give the optimiser's name.
/// </summary>
/// <typeparam name="TFormula">The formula.</typeparam>
public abstract class FormulaOptimizer<TFormula> : Optimizer where TFormula : struct, IUpdateFormula<TFormula>
{
    /// <summary>The formula with its settings.</summary>
    protected abstract TFormula Formula { get; }

    /// <inheritdoc/>
    public override int StateArrays => TFormula.Arrays;

    /// <inheritdoc/>
    public override int StateScalars => TFormula.Scalars;

    /// <inheritdoc/>
    public override void BeginStep(Span<float> scalars) => FormulaUpdate.BeginStep(scalars, Formula);

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Formula);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Formula);

    internal override UpdateText? Text => new UpdateText<TFormula>(Formula);
}
