using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Each parameter's rate falls with the sum of its squared gradients: s = M(dw, dw, s); w = M(-eta, dw / (sqrt(s) + epsilon), w).
/// Source: Duchi, Hazan, Singer 2011, in PyTorch's form (no decay of the rate, s begins at 0).
/// </summary>
public sealed class Adagrad : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "adagrad";

    /// <summary>Keeps the divisor away from 0: positive, or a gradient that was always 0 would give 0/0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Epsilon { get; init => field = Errors.RequirePositive("epsilon", value); } = 1e-10f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Epsilon = Epsilon };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, new Formula(Epsilon, -c.LearningRate));

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, new Formula(Epsilon, -c.LearningRate));

    private readonly struct Formula(float epsilon, float minusEta) : IUpdateFormula<Formula>
    {
        private readonly float epsilon = epsilon;
        private readonly float minusEta = minusEta;

        public static int Arrays => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, T gradient, ref T w, ref T s, ref T unused) where T : struct, IFloatLanes<T>
        {
            s = T.MultiplyAdd(gradient, gradient, s);
            w = T.MultiplyAdd(T.Broadcast(f.minusEta), gradient / (T.SquareRoot(s) + T.Broadcast(f.epsilon)), w);
        }
    }
}
