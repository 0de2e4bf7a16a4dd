using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Each gradient is divided by the root of its running mean square: s = M((1 - alpha) * dw, dw, alpha * s); w = M(-eta, dw / (sqrt(s) + epsilon), w).
/// Source: Tieleman and Hinton 2012, lecture 6.5, in PyTorch's form (not centred, no momentum).
/// </summary>
public sealed class RmsProp : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "rmsprop";

    /// <summary>From 0 up to but not including 1: the share of the mean square that is kept.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Alpha { get; init => field = Errors.RequireShare("alpha", value); } = 0.99f;

    /// <summary>Keeps the divisor away from 0: positive, or a gradient that was always 0 would give 0/0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Epsilon { get; init => field = Errors.RequirePositive("epsilon", value); } = 1e-8f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Alpha = Alpha, Epsilon = Epsilon };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, new Formula(Alpha, Epsilon, -c.LearningRate));

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, new Formula(Alpha, Epsilon, -c.LearningRate));

    private readonly struct Formula(float alpha, float epsilon, float minusEta) : IUpdateFormula<Formula>
    {
        private readonly float alpha = alpha;
        private readonly float rest = 1f - alpha;
        private readonly float epsilon = epsilon;
        private readonly float minusEta = minusEta;

        public static int Arrays => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, T gradient, ref T w, ref T s, ref T unused) where T : struct, IFloatLanes<T>
        {
            s = T.MultiplyAdd(T.Broadcast(f.rest) * gradient, gradient, T.Broadcast(f.alpha) * s);
            w = T.MultiplyAdd(T.Broadcast(f.minusEta), gradient / (T.SquareRoot(s) + T.Broadcast(f.epsilon)), w);
        }
    }
}
