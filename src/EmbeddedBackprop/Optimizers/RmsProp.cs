using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Each gradient is divided by the root of its running mean square: s = M((1 - alpha) * dw, dw, alpha * s); w = M(-eta, dw / (sqrt(s) + epsilon), w).
/// Source: Tieleman and Hinton 2012, lecture 6.5, in PyTorch's form (not centred, no momentum).
/// </summary>
public sealed class RmsProp : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "rmsprop";

    /// <summary>From 0 up to but not including 1: the share of the mean square that is kept. 0.99 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Alpha { get; init => field = Errors.RequireShare("alpha", value); } = 0.99f;

    /// <summary>Keeps the divisor away from 0: positive, or a gradient that was always 0 would give 0/0. 1e-8 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Epsilon { get; init => field = Errors.RequirePositive("epsilon", value); } = 1e-8f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Alpha = Alpha, Epsilon = Epsilon };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Rule);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Rule);

    internal override UpdateText? Text => new UpdateText<Formula>(Rule);

    private Formula Rule => new(Alpha, Epsilon);

    private readonly struct Formula(float alpha, float epsilon) : IUpdateFormula<Formula>
    {
        private readonly float alpha = alpha;
        private readonly float rest = 1f - alpha;
        private readonly float epsilon = epsilon;

        public static string Equation => "RMSprop: s = alpha * s + (1 - alpha) * g * g; w = w - rate * g / (sqrt(s) + epsilon)";

        public static int Arrays => 1;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(-rate, "minus_rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T s, ref T unused) where T : struct, ILanes<T>
        {
            T alpha = T.Named(T.Broadcast(f.alpha), "alpha"),
                rest = T.Named(T.Broadcast(f.rest), "rest"),
                epsilon = T.Named(T.Broadcast(f.epsilon), "epsilon");
            s = T.Named(T.MultiplyAdd(rest * gradient, gradient, alpha * s), "s");
            w = T.MultiplyAdd(k.First, gradient / (T.SquareRoot(s) + epsilon), w);
        }
    }
}
