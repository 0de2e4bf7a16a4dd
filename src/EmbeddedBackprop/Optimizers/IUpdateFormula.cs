using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// An optimiser's formula for one parameter, written once: it runs as scalar float and as SIMD lanes, and is printed as C. The struct holds the
/// optimiser's settings;
/// implement it in a struct of your own and derive an optimiser from <see cref="FormulaOptimizer{TFormula}"/>.
/// </summary>
/// <typeparam name="TSelf">The implementing struct.</typeparam>
public interface IUpdateFormula<TSelf> where TSelf : struct, IUpdateFormula<TSelf>
{
    /// <summary>The equation in a line of ASCII, a comment of the exported C; empty for the name alone.</summary>
    static virtual string Equation => "";

    /// <summary>Floats kept for each parameter (a velocity, a mean square ...): 0, 1 or 2. They begin as 0.</summary>
    static abstract int Arrays { get; }

    /// <summary>Floats kept for the whole network (running powers of beta): 0, 1 or 2. <see cref="Optimizer.Reset"/> sets them.</summary>
    static virtual int Scalars => 0;

    /// <summary>
    /// Moves the scalars on, once a step, before any tensor is updated. Sums, differences, products, quotients, roots and comparisons only.
    /// </summary>
    static virtual void BeginStep<T>(in TSelf f, ref T first, ref T second) where T : struct, ILanes<T>
    {
    }

    /// <summary>The factors that all parameters of a tensor share in a step, computed once.</summary>
    /// <param name="f">The settings.</param>
    /// <param name="rate">The learning rate of the step.</param>
    /// <param name="decay">The weight decay that the optimiser applies itself: 0 unless <see cref="Optimizer.DecouplesDecay"/>.</param>
    /// <param name="first">The first scalar; 0 where there is none.</param>
    /// <param name="second">The second scalar; 0 where there is none.</param>
    static abstract UpdateFactors<T> Factors<T>(in TSelf f, T rate, T decay, T first, T second) where T : struct, ILanes<T>;

    /// <summary>
    /// Moves one parameter (or one vector of parameters) and its kept state by its gradient. Settings come into the formula by <c>T.Broadcast</c>.
    /// </summary>
    /// <param name="f">The settings.</param>
    /// <param name="k">The result of <see cref="Factors{T}"/>.</param>
    /// <param name="gradient">dL/dw, penalties included.</param>
    /// <param name="parameter">w.</param>
    /// <param name="first">The first state value kept for it; 0 where there is none.</param>
    /// <param name="second">The second state value kept for it; 0 where there is none.</param>
    static abstract void Apply<T>(in TSelf f, in UpdateFactors<T> k, T gradient, ref T parameter, ref T first, ref T second)
        where T : struct, ILanes<T>;
}
