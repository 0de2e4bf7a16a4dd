using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>
/// Training. The backward pass is the float layer's at the real values of inputs, weights, gates and states; a delta whose product was clamped is 0.
/// </content>
internal sealed partial class IntegerRecurrent
{
    /// <summary>Floats hold every integer up to here.</summary>
    public const int Reach = 1 << 24;

    /// <summary>The index of NAME.cell_extremes, the largest cell that the steps since the last update have seen, in integers.</summary>
    public int CellExtremeState => CarriedState + (Layer.Options.CarryState ? 2 : 0);

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => Layer.BackwardReads;

    /// <inheritdoc/>
    public override bool SplitsToRounding => Layer.SplitsToRounding;

    /// <summary>What the float layer keeps, and for each delta whether it passes.</summary>
    public override int SavedLength(int batch, Layout layout) =>
        Length(Layer.SavedLength(batch, layout) + (Layer.Directions * new RecurrentSizes(Layer, batch, layout).SavedGates));

    /// <summary>The real values of the inputs and of all weights, and the float layer's own.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        Length(
            ((long)batch * layout.Stride(Layer.Steps * Layer.Features)) + RealLength(layout) + MostIntegers(layout)
                + Layer.BackwardScratchLength(batch, layout));

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Layer.Cell.Backward(Layer, in c, Operands<float, SimdKernels>(in c));

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) =>
        Layer.Cell.BackwardScalar(Layer, in c, Operands<float, ScalarKernels<float>>(in c));

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) =>
        Layer.Cell.BackwardScalar(Layer, in c, Operands<double, ScalarKernels<double>>(in c));

    /// <inheritdoc/>
    internal override bool FollowsParameters => true;

    /// <inheritdoc/>
    internal override void FollowParameters(in OpContext<float> c, bool keepRanges)
    {
        base.FollowParameters(in c, keepRanges);
        if (FollowsCells)
        {
            Span<float> range = c.State(CellState), extreme = c.State(CellExtremeState);
            if (!keepRanges && extreme[0] >= short.MaxValue)
            {
                // A cell that meets an end of its range doubles it.
                range[0] = MathF.Min(2f * range[0], HiddenScale * (1 << MostCellBits));
            }

            extreme[0] = 0f;
        }

        for (int i = 0; i < 2 * Layer.Directions; i++)
        {
            bool hidden = i % 2 == 1;
            WeightAxis axis = Axis(hidden, c.Layout);
            int tensor = (4 * (i / 2)) + (i % 2);
            new LayerIntegers(axis, MemoryMarshal.Cast<float, int>(c.Scratch[..LayerIntegers.Length(axis)])).MakeScales(
                c.Parameter(tensor), c.Parameter(tensor + 2)[..Columns], hidden ? c.OutputType : c.InputType(0), c.State(ScaleState(i / 2, hidden)));
        }
    }

    /// <summary>Whether a training step notes how far cells and products reach.</summary>
    internal static bool Notes<T>(in OpContext<T> c) where T : unmanaged => Observes(in c);

    /// <summary>1 for each delta that passes, in the order of the kept gates of all directions.</summary>
    internal Span<T> Passes<T>(in OpContext<T> c) where T : unmanaged => c.Saved[Layer.SavedLength(c.Batch, c.Layout)..];

    private bool FollowsCells => Layer.HasCell && Graph is { FollowsRanges: true };

    private RecurrentOperands<T> Operands<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Span<T> integers = c.Input(0), scratch = c.Scratch;
        Span<T> x = Cut(ref scratch, integers.Length), weights = Cut(ref scratch, RealLength(c.Layout)), rest = weights;
        Span<T> made = Cut(ref scratch, MostIntegers(c.Layout));
        K.Scale(T.CreateTruncating(c.InputType(0).Scale), integers, x);
        for (int i = 0; i < 2 * Layer.Directions; i++)
        {
            WeightAxis axis = Axis(i % 2 == 1, c.Layout);
            Span<T> w = Cut(ref rest, axis.Count), stored = c.Parameter((4 * (i / 2)) + (i % 2)), scales = c.State(ScaleState(i / 2, i % 2 == 1));
            if (typeof(K) == typeof(SimdKernels))
            {
                new LayerIntegers(axis, MemoryMarshal.Cast<T, int>(made)).MakeReal(
                    MemoryMarshal.Cast<T, float>(stored), MemoryMarshal.Cast<T, float>(scales), MemoryMarshal.Cast<T, float>(w));
            }
            else
            {
                LayerIntegers.MakeRealScalar<T>(axis, stored, scales, w);
            }
        }

        return new(in c, x, weights, Passes(in c), scratch);
    }

    private int RealLength(Layout layout) =>
        Length((long)Layer.Directions * (Axis(hidden: false, layout).Count + Axis(hidden: true, layout).Count));

    private int MostIntegers(Layout layout) =>
        Math.Max(LayerIntegers.Length(Axis(hidden: false, layout)), LayerIntegers.Length(Axis(hidden: true, layout)));

    private int Length(long floats)
    {
        if (floats > int.MaxValue)
        {
            Errors.TooLarge(Name, floats);
        }

        return (int)floats;
    }

    private static Span<T> Cut<T>(scoped ref Span<T> rest, int length)
    {
        Span<T> first = rest[..length];
        rest = rest[length..];
        return first;
    }

    /// <summary>The gates of a step of the twin, as integers.</summary>
    private void Gates<T>(ReadOnlySpan<int> p, ReadOnlySpan<int> q, ReadOnlySpan<int> cell, int k, Span<T> gates, Span<T> tanh)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Layer.Hidden;
        for (int j = 0; j < gates.Length && Layer is not Rnn; j++)
        {
            int gate = j / n;
            gates[j] = T.CreateChecked((Layer, gate) switch
            {
                (Gru, 2) => Kernels.Scalar.IntegerGates.New(Kernels.Scalar.IntegerGates.Gate(p[j - (2 * n)] + q[j - (2 * n)]), p[j], q[j]),
                (Gru, 3) => q[j - n],
                (Lstm, 2) => Kernels.Scalar.IntegerGates.Tanh(p[j] + q[j]),
                _ => Kernels.Scalar.IntegerGates.Gate(p[j] + q[j]),
            });
        }

        for (int j = 0; j < cell.Length; j++)
        {
            tanh[j] = T.CreateChecked(Kernels.Scalar.IntegerGates.TanhOfCell(cell[j], k));
        }
    }
}
