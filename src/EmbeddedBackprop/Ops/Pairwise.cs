using System.Runtime.CompilerServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// a = f(x, y) for two nodes of one shape, element by element; dL/dx = dL/da * df/dx, or M(dL/da, df/dx, dL/dx) where another reader of x wrote
/// first; the same for y.
/// </summary>
/// <typeparam name="TFunction">f.</typeparam>
public sealed class Pairwise<TFunction> : KernelOp, IPasses<Pairwise<TFunction>>, IPairwise where TFunction : struct, IPairwiseFunction
{
    private Shape input;

    /// <inheritdoc/>
    public override string Kind => TFunction.Name;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>The second input's gradient is the last to be written.</summary>
    public override bool MayOverlayGradient(int input) => input == 1;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Shapes.Equal(name, inputs, 2, 2);
        return Shapes.Bind(name, inputs[0], ref input);
    }

    /// <summary>None in the forward pass.</summary>
    public override int ScratchLength(int batch, Layout layout) => 0;

    /// <summary>The derivatives.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => batch * layout.Stride(input.Length);

    internal override int ExportTrainingScratchLength(int batch, bool backward) => 0;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Pairwise<TFunction>>();

    static void IPasses<Pairwise<TFunction>>.Forward<T, K>(Pairwise<TFunction> op, in OpContext<T> c) =>
        K.Apply<Value>(c.Arithmetic, c.InputRows(0), c.InputRows(1), c.OutputRows);

    static void IPasses<Pairwise<TFunction>>.Backward<T, K>(Pairwise<TFunction> op, in OpContext<T> c)
    {
        Matrix<T> x = c.InputRows(0), y = c.InputRows(1);
        Span<T> da = c.OutputGradient;
        Matrix<T> slope = new(c.Scratch[..da.Length], c.Batch, x.Columns, x.Stride, x.Width);
        for (int i = 0; i < 2; i++)
        {
            if (!c.WantsInputGradient(i))
            {
                continue;
            }

            if (i == 0)
            {
                K.Apply<SlopeX>(c.Arithmetic, x, y, slope);
            }
            else
            {
                K.Apply<SlopeY>(c.Arithmetic, x, y, slope);
            }

            if (c.ContinueInputGradient(i))
            {
                K.MultiplyAdd(c.Arithmetic, da, slope.Values, c.InputGradient(i));
            }
            else
            {
                K.Multiply(da, slope.Values, c.InputGradient(i));
            }
        }
    }

    string IPairwise.Equation => TFunction.Equation;

    LaneText IPairwise.Value(LaneText x, LaneText y) => TFunction.Value(x, y);

    LaneText IPairwise.Derivative(int input, LaneText x, LaneText y) => input == 0 ? TFunction.DerivativeX(x, y) : TFunction.DerivativeY(x, y);

    private readonly struct Value : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.Value(x, y);
    }

    private readonly struct SlopeX : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.DerivativeX(x, y);
    }

    private readonly struct SlopeY : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.DerivativeY(x, y);
    }
}

/// <summary>An op a = f(x, y) by elements, as the exporter sees it: formulas as trees, whatever the function's type.</summary>
internal interface IPairwise
{
    /// <summary>The equation in a line of ASCII; may be empty.</summary>
    string Equation { get; }

    /// <summary>f(x, y).</summary>
    LaneText Value(LaneText x, LaneText y);

    /// <summary>df/dx for input 0, df/dy for input 1.</summary>
    LaneText Derivative(int input, LaneText x, LaneText y);
}
