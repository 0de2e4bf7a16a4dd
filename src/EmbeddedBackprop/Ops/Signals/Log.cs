using System.Globalization;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The natural logarithm of powers or magnitudes: y = log max(x, floor), so that silence is no -inf; the gradient is dy / x above the floor, else 0.
/// </summary>
public sealed class Log : SignalOp, IPasses<Log>
{
    /// <summary>The logarithm above a floor, 1e-6 unless said otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The floor is not positive and finite.</exception>
    public Log(float floor = 1e-6f) => Floor = Errors.RequirePositive(nameof(floor), floor);

    /// <summary>The least value whose logarithm is taken.</summary>
    public float Floor { get; }

    /// <inheritdoc/>
    public override string Kind => "log";

    /// <inheritdoc/>
    public override string Settings => Floor == 1e-6f ? "" : string.Create(CultureInfo.InvariantCulture, $"floor{Floor:R}");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Log>();

    static void IPasses<Log>.Forward<T, K>(Log op, in OpContext<T> c) =>
        K.Apply<Value>(c.Arithmetic, c.InputRows(0), c.InputRows(0), c.OutputRows, T.CreateTruncating(op.Floor));

    static void IPasses<Log>.Backward<T, K>(Log op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        K.Apply<Derivative>(c.Arithmetic, c.InputRows(0), c.InputRows(0), c.OutputGradientRows, T.CreateTruncating(op.Floor));
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }

    /// <summary>log max(x, alpha).</summary>
    internal readonly struct Value : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.Log(T.IfGreater(alpha, x, alpha, x));
    }

    /// <summary>d / x above alpha, 0 elsewhere.</summary>
    internal readonly struct Derivative : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.IfGreater(x, alpha, d / x, T.Zero);
    }
}
