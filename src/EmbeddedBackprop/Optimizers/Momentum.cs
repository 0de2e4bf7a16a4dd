using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Gradient descent with momentum: v = M(mu, v, dw); w = M(-eta, v, w). Source: Nielsen, chapter 3, equations 107 and 108, in PyTorch's form,
/// where the learning rate scales the velocity and not the gradient.
/// </summary>
public sealed class Momentum : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "momentum";

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
            v = T.MultiplyAdd(T.Broadcast(f.mu), v, gradient);
            w = T.MultiplyAdd(T.Broadcast(f.minusEta), v, w);
        }
    }
}
