using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Gradient descent with momentum: v = M(mu, v, dw); w = M(-eta, v, w). Source: Nielsen, chapter 3, equations 107 and 108, in PyTorch's form,
/// where the learning rate scales the velocity and not the gradient.
/// </summary>
public sealed class Momentum : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "momentum";

    /// <summary>mu, from 0 up to but not including 1: the share of the velocity that is kept. 0.9 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Coefficient { get; init => field = Errors.RequireShare("momentum", value); } = 0.9f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings => new() { Momentum = Coefficient };

    /// <inheritdoc/>
    public override int StateArrays => 1;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Rule);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Rule);

    internal override UpdateText? Text => new UpdateText<Formula>(Rule);

    private Formula Rule => new(Coefficient);

    private readonly struct Formula(float mu) : IUpdateFormula<Formula>
    {
        private readonly float mu = mu;

        public static string Equation => "Momentum: v = mu * v + g; w = w - rate * v";

        public static int Arrays => 1;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(-rate, "minus_rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T v, ref T unused) where T : struct, ILanes<T>
        {
            v = T.Named(T.MultiplyAdd(T.Named(T.Broadcast(f.mu), "mu"), v, gradient), "v");
            w = T.MultiplyAdd(k.First, v, w);
        }
    }
}
