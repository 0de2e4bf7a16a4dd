using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Each parameter's rate falls with the sum of its squared gradients: s = M(dw, dw, s); w = M(-eta, dw / (sqrt(s) + epsilon), w).
/// Source: Duchi, Hazan, Singer 2011, in PyTorch's form (no decay of the rate, s begins at 0).
/// </summary>
public sealed class Adagrad : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "adagrad";

    /// <summary>Keeps the divisor away from 0: positive, or a gradient that was always 0 would give 0/0. 1e-10 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Epsilon { get; init => field = Errors.RequirePositive("epsilon", value); } = 1e-10f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Epsilon = Epsilon };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Rule);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Rule);

    internal override UpdateText? Text => new UpdateText<Formula>(Rule);

    private Formula Rule => new(Epsilon);

    private readonly struct Formula(float epsilon) : IUpdateFormula<Formula>
    {
        private readonly float epsilon = epsilon;

        public static string Equation => "Adagrad: s = s + g * g; w = w - rate * g / (sqrt(s) + epsilon)";

        public static int Arrays => 1;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(-rate, "minus_rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T s, ref T unused) where T : struct, ILanes<T>
        {
            s = T.Named(T.MultiplyAdd(gradient, gradient, s), "s");
            w = T.MultiplyAdd(k.First, gradient / (T.SquareRoot(s) + T.Named(T.Broadcast(f.epsilon), "epsilon")), w);
        }
    }
}
