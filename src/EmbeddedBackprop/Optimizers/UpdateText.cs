using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>An optimiser's formula as trees, which the exporter prints as C.</summary>
internal abstract class UpdateText
{
    /// <summary>The equation in a line of ASCII.</summary>
    public abstract string Equation { get; }

    /// <summary>Moves the scalars on.</summary>
    public abstract void BeginStep(ref LaneText first, ref LaneText second);

    /// <summary>The factors that all parameters share in a step.</summary>
    public abstract UpdateFactors<LaneText> Factors(LaneText rate, LaneText decay, LaneText first, LaneText second);

    /// <summary>Moves a parameter and its kept state.</summary>
    public abstract void Apply(in UpdateFactors<LaneText> k, LaneText gradient, ref LaneText parameter, ref LaneText first, ref LaneText second);
}

/// <summary>The trees of a formula.</summary>
/// <param name="formula">The formula with its settings.</param>
internal sealed class UpdateText<TFormula>(TFormula formula) : UpdateText where TFormula : struct, IUpdateFormula<TFormula>
{
    private readonly TFormula formula = formula;

    public override string Equation => TFormula.Equation;

    public override void BeginStep(ref LaneText first, ref LaneText second) => TFormula.BeginStep(in formula, ref first, ref second);

    public override UpdateFactors<LaneText> Factors(LaneText rate, LaneText decay, LaneText first, LaneText second) =>
        TFormula.Factors(in formula, rate, decay, first, second);

    public override void Apply(in UpdateFactors<LaneText> k, LaneText gradient, ref LaneText parameter, ref LaneText first, ref LaneText second) =>
        TFormula.Apply(in formula, in k, gradient, ref parameter, ref first, ref second);
}
