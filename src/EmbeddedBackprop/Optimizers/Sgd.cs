using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>Stochastic gradient descent: w = M(-eta, dw, w). Source: Nielsen, chapter 1, equations 20 and 21.</summary>
public sealed class Sgd : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "sgd";

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, default(Formula));

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, default(Formula));

    internal override UpdateText? Text => new UpdateText<Formula>(default);

    private readonly struct Formula : IUpdateFormula<Formula>
    {
        public static string Equation => "Gradient descent: w = w - rate * g (Nielsen, chapter 1, equations 20 and 21)";

        public static int Arrays => 0;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(-rate, "minus_rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T unused1, ref T unused2)
            where T : struct, ILanes<T> => w = T.MultiplyAdd(k.First, gradient, w);
    }
}
