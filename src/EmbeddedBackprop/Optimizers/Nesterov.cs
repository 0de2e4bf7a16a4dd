using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Momentum that looks one step ahead: v = M(mu, v, dw); d = M(mu, v, dw); w = M(-eta, d, w).
/// Source: Sutskever, Martens, Dahl, Hinton 2013, in PyTorch's form (nesterov=True).
/// </summary>
public sealed class Nesterov : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "nesterov";

    /// <summary>mu, from 0 up to but not including 1: the share of the velocity that is kept.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Coefficient { get; init => field = Errors.RequireShare("momentum", value); } = 0.9f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Momentum = Coefficient };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, new Formula(Coefficient, -c.LearningRate));

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, new Formula(Coefficient, -c.LearningRate));

    private readonly struct Formula(float mu, float minusEta) : IUpdateFormula<Formula>
    {
        private readonly float mu = mu;
        private readonly float minusEta = minusEta;

        public static int Arrays => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, T gradient, ref T w, ref T v, ref T unused) where T : struct, IFloatLanes<T>
        {
            T mu = T.Broadcast(f.mu);
            v = T.MultiplyAdd(mu, v, gradient);
            T d = T.MultiplyAdd(mu, v, gradient);
            w = T.MultiplyAdd(T.Broadcast(f.minusEta), d, w);
        }
    }
}
