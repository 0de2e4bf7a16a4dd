using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Momentum that looks one step ahead: v = M(mu, v, dw); d = M(mu, v, dw); w = M(-eta, d, w).
/// Source: Sutskever, Martens, Dahl, Hinton 2013, in PyTorch's form (nesterov=True).
/// </summary>
public sealed class Nesterov : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "nesterov";

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

        public static string Equation => "Momentum that looks one step ahead: v = mu * v + g; w = w - rate * (mu * v + g)";

        public static int Arrays => 1;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(-rate, "minus_rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T v, ref T unused) where T : struct, ILanes<T>
        {
            T mu = T.Named(T.Broadcast(f.mu), "mu");
            v = T.Named(T.MultiplyAdd(mu, v, gradient), "v");
            w = T.MultiplyAdd(k.First, T.MultiplyAdd(mu, v, gradient), w);
        }
    }
}
