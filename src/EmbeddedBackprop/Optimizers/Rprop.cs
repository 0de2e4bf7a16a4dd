using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// Only the signs of gradients count: each parameter has a step of its own, which grows while the sign stays and shrinks when it turns; then that
/// update is left out. With p the gradient before (0 at first) and h the step (the learning rate at first): t = sign(dw) * sign(p); h = h * (t &gt; 0
/// ? Increase : t &lt; 0 ? Decrease : 1), held between SmallestStep and LargestStep; g = t &lt; 0 ? 0 : dw; w = w - sign(g) * h; p = g. Source:
/// Riedmiller and Braun 1993, in PyTorch's form (iRprop-, Igel and Huesken 2000).
/// </summary>
/// <remarks>
/// Made for the gradient of all samples at once: signs of small batches turn by chance. The learning rate is where steps begin; it and a schedule
/// have no say afterwards.
/// </remarks>
public sealed class Rprop : Optimizer
{
    /// <inheritdoc/>
    public override string Name => "rprop";

    /// <summary>The factor of a step when the sign turned: above 0 and below 1. 0.5 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Decrease { get; init => field = Errors.RequireShare("decrease", Errors.RequirePositive("decrease", value)); } = 0.5f;

    /// <summary>The factor of a step while the sign stays: at least 1. 1.2 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Increase { get; init => field = Errors.RequireAtLeastOne("increase", value); } = 1.2f;

    /// <summary>The smallest step: positive, so that no parameter stops for ever. 1e-6 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float SmallestStep { get; init => field = Errors.RequirePositive("smallest step", value); } = 1e-6f;

    /// <summary>The largest step. 50 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float LargestStep { get; init => field = Errors.RequirePositive("largest step", value); } = 50f;

    /// <inheritdoc/>
    public override OptimizerSettings Settings =>
        new() { Decrease = Decrease, Increase = Increase, SmallestStep = SmallestStep, LargestStep = LargestStep };

    /// <inheritdoc/>
    /// <remarks>The gradient before, and the step; a step of 0 has not begun.</remarks>
    public override int StateArrays => 2;

    /// <inheritdoc/>
    public override void Update(in UpdateContext c) => FormulaUpdate.Run(in c, Rule);

    /// <inheritdoc/>
    public override void UpdateScalar(in UpdateContext c) => FormulaUpdate.RunScalar(in c, Rule);

    internal override UpdateText? Text => new UpdateText<Formula>(Rule);

    private Formula Rule => new(this);

    private readonly struct Formula(Rprop settings) : IUpdateFormula<Formula>
    {
        private readonly float decrease = settings.Decrease;
        private readonly float increase = settings.Increase;
        private readonly float smallest = settings.SmallestStep;
        private readonly float largest = settings.LargestStep;

        public static string Equation =>
            "Rprop: the step h of a weight (the rate at first) grows while the sign of g stays and shrinks when it turns, and then w stays: w = w - sign(g) * h";

        public static int Arrays => 2;

        public static UpdateFactors<T> Factors<T>(in Formula f, T rate, T decay, T first, T second)
            where T : struct, ILanes<T> => new(T.Named(rate, "rate"));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<T>(in Formula f, in UpdateFactors<T> k, T gradient, ref T w, ref T previous, ref T step) where T : struct, ILanes<T>
        {
            // Signs are -1, 0 and 1: their product is exact, where that of two small gradients would be 0.
            T turn = T.Named(Sign(gradient) * Sign(previous), "turn");
            T h = T.IfGreater(step, T.Zero, step, k.First);
            T factor = T.IfGreater(
                turn,
                T.Zero,
                T.Named(T.Broadcast(f.increase), "increase"),
                T.IfGreater(T.Zero, turn, T.Named(T.Broadcast(f.decrease), "decrease"), T.One));
            h *= factor;
            T smallest = T.Named(T.Broadcast(f.smallest), "smallest"), largest = T.Named(T.Broadcast(f.largest), "largest");
            h = T.IfGreater(h, smallest, h, smallest);
            h = T.Named(T.IfGreater(h, largest, largest, h), "step");
            T g = T.Named(T.IfGreater(T.Zero, turn, T.Zero, gradient), "previous");
            w -= Sign(g) * h;
            previous = g;
            step = h;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Sign<T>(T x) where T : struct, ILanes<T> =>
            T.IfGreater(x, T.Zero, T.One, T.IfGreater(T.Zero, x, -T.One, T.Zero));
    }
}
