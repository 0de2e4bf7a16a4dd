using System.Numerics;
using System.Numerics.Tensors;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// What a training step of a recurrent layer on integers keeps of one direction: the real values of gates, states and cells, where the float layer
/// keeps its own, and for each delta whether it passes. A product that was clamped to 16 bits passes none.
/// </summary>
internal readonly ref struct IntegerRecurrentKept<T, K>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where K : struct, IKernels<T>
{
    private readonly IntegerRecurrent op;
    private readonly OpContext<T> c;
    private readonly RecurrentMemory<T> memory;
    private readonly Span<T> passes;
    private readonly bool observes;

    /// <summary>Nothing is kept in a prediction.</summary>
    public IntegerRecurrentKept(IntegerRecurrent op, in OpContext<T> c, int direction)
    {
        this.op = op;
        this.c = c;
        Exists = !c.Saved.IsEmpty;
        if (Exists)
        {
            memory = new(op.Layer, in c, direction, scratch: []);
            passes = op.Passes(in c);
            observes = IntegerRecurrent.Notes(in c);
        }
    }

    /// <summary>Whether anything is kept.</summary>
    public bool Exists { get; }

    /// <summary>What R of a product is clamped to: what 16 bits hold, unless <see cref="Clamp"/> follows.</summary>
    public (int Lowest, int Highest) Ends => Exists ? (-IntegerRecurrent.Reach, IntegerRecurrent.Reach) : (short.MinValue, short.MaxValue);

    /// <summary>The gates of a sample's step, as integers until <see cref="MakeReal"/>.</summary>
    public Span<T> Gates(int step, int row) => memory.Gates(step).Slice(row * memory.Sizes.GateStride, op.Layer.Deltas * op.Layer.Hidden);

    /// <summary>tanh of its cells, in the same way.</summary>
    public Span<T> CellTanh(int step, int row) => Row(memory.CellTanh(step), row);

    /// <summary>Notes which products of a sample's step 16 bits do not hold, and clamps them.</summary>
    public void Clamp(int step, int row, Span<T> p, Span<T> q)
    {
        Recurrent layer = op.Layer;
        Span<T> pass = passes.Slice(memory.GatesOffset(step) + (row * memory.Sizes.GateStride), layer.Deltas * layer.Hidden);
        pass.Fill(T.One);
        T end = T.CreateChecked(short.MaxValue), low = T.CreateChecked(short.MinValue);
        T largest = T.Max(Magnitude(p), Magnitude(q));
        bool clamps = largest > end;
        for (int j = 0; j < p.Length && op.IsRelu; j++)
        {
            largest = T.Max(largest, p[j] + q[j]);
            pass[j] = p[j] + q[j] > end ? T.Zero : T.One;
        }

        // Products of a layer with ReLU have the output's scale, and must fit as well.
        if (op.IsRelu && observes)
        {
            Extremes.Widen(c.OutputExtremes, 0f, c.OutputType.Scale * float.CreateTruncating(largest));
        }

        int split = layer.SplitsLastGate ? (layer.Gates - 1) * layer.Hidden : p.Length;
        for (int j = 0; j < p.Length && clamps; j++)
        {
            bool input = p[j] >= low && p[j] <= end, hidden = q[j] >= low && q[j] <= end;
            if (j >= split)
            {
                pass[j] = input ? T.One : T.Zero;
                pass[j + layer.Hidden] = hidden ? T.One : T.Zero;
            }
            else if (!input || !hidden)
            {
                pass[j] = T.Zero;
            }

            p[j] = T.Clamp(p[j], low, end);
            q[j] = T.Clamp(q[j], low, end);
        }
    }

    /// <summary>Gates and tanh of cells, from integers to real values.</summary>
    public void MakeReal(int step, int row)
    {
        if (op.Layer is Rnn)
        {
            return;
        }

        Span<T> gates = Gates(step, row);
        int products = op.Layer.SplitsLastGate ? op.Layer.Hidden : 0;
        T scale = T.CreateChecked(IntegerRecurrent.HiddenScale);
        K.Scale(scale, gates[..^products], gates[..^products]);
        K.Scale(T.CreateChecked(IntegerRecurrent.ProductScale), gates[^products..], gates[^products..]);
        if (op.Layer.HasCell)
        {
            K.Scale(scale, CellTanh(step, row), CellTanh(step, row));
        }
    }

    /// <summary>State and cells of a sample after a step (-1: before the first).</summary>
    public void States(int step, int row, ReadOnlySpan<T> hidden, ReadOnlySpan<T> cell)
    {
        if (!Exists)
        {
            return;
        }

        K.Scale(T.CreateTruncating(c.OutputType.Scale), hidden, Row(memory.Hidden(step), row));
        if (op.Layer.HasCell)
        {
            K.Scale(c.State(op.CellState)[0], cell, Row(memory.Cell(step), row));
            if (observes)
            {
                Span<T> extreme = c.State(op.CellExtremeState);
                extreme[0] = T.Max(extreme[0], Magnitude(cell));
            }
        }
    }

    private Span<T> Row(Span<T> block, int row) => block.IsEmpty ? [] : block.Slice(row * memory.Sizes.HiddenStride, op.Layer.Hidden);

    private static T Magnitude(ReadOnlySpan<T> values) => T.Abs(TensorPrimitives.MaxMagnitude(values));
}
