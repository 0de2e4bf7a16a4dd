using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>One direction of a recurrent layer on integers, its products by the kernels of floats.</summary>
internal readonly ref struct IntegerRecurrentPass
{
    private readonly IntegerRecurrent op;
    private readonly OpContext<float> c;
    private readonly int direction;
    private readonly IntegerRecurrentSizes sizes;
    private readonly LayerIntegers input;
    private readonly LayerIntegers recurrent;
    private readonly Span<float> inputWeights;
    private readonly Span<float> recurrentWeights;
    private readonly Span<float> part;
    private readonly Span<float> sums;
    private readonly Span<int> total;
    private readonly Span<float> inputProducts;
    private readonly Span<float> recurrentProducts;
    private readonly Span<float> hidden;
    private readonly Span<float> cell;
    private readonly bool isMade;
    private readonly IntegerRecurrentKept<float, SimdKernels> kept;

    /// <summary>Makes the integers of the weights, unless the run before has left them.</summary>
    public IntegerRecurrentPass(IntegerRecurrent op, in OpContext<float> c, int direction)
    {
        this.op = op;
        this.c = c;
        this.direction = direction;
        sizes = new(op, c.Batch, c.Layout);
        kept = new(op, in c, direction);
        isMade = c.Made(sizes.Made, out Span<float> made, out Span<float> rest);
        made = made.Slice(direction * sizes.MadeOfOne, sizes.MadeOfOne);
        input = new(op.Axis(hidden: false, c.Layout), MemoryMarshal.Cast<float, int>(Cut(ref made, sizes.InputIntegers)));
        recurrent = new(op.Axis(hidden: true, c.Layout), MemoryMarshal.Cast<float, int>(Cut(ref made, sizes.HiddenIntegers)));
        inputWeights = Cut(ref made, sizes.InputWeights);
        recurrentWeights = Cut(ref made, sizes.HiddenWeights);
        part = Cut(ref rest, sizes.Part);
        sums = Cut(ref rest, 2 * sizes.InputProducts);
        total = MemoryMarshal.Cast<float, int>(Cut(ref rest, sizes.InputProducts));
        inputProducts = Cut(ref rest, sizes.InputProducts);
        recurrentProducts = Cut(ref rest, sizes.HiddenProducts);
        hidden = Cut(ref rest, sizes.States);
        cell = op.Layer.HasCell ? Cut(ref rest, sizes.States) : [];
        if (!isMade)
        {
            Make(hidden: false, input);
            Make(hidden: true, recurrent);
        }
    }

    /// <summary>h of every step from the step before it.</summary>
    public void Run()
    {
        Recurrent layer = op.Layer;
        int inputBits = Bits(in input, op.IsWide ? 256 : c.InputType(0).LargestCentred, inputWeights);
        int hiddenBits = Bits(in recurrent, 256, recurrentWeights);
        int carried = op.CarriedState;
        Begin(hidden, carried);
        Begin(cell, carried + 1);
        Keep(-1);
        for (int begin = 0; begin < layer.Steps; begin += sizes.InputSteps)
        {
            int count = Math.Min(sizes.InputSteps, layer.Steps - begin);
            GatherInputs(begin, count);
            Product(count * c.Batch, layer.Features, sizes.FeatureStride, op.IsWide, inputBits, in input, inputWeights, inputProducts);
            for (int step = begin; step < begin + count; step++)
            {
                GatherStates();
                Product(
                    c.Batch, layer.Hidden, sizes.HiddenStride, isWide: true, hiddenBits, in recurrent, recurrentWeights, recurrentProducts);
                Step(step, (step - begin) * c.Batch);
                Keep(step);
            }
        }

        End(hidden, carried);
        End(cell, carried + 1);
    }

    /// <summary>The gates of a step, whose products of the inputs begin at a row.</summary>
    private void Step(int step, int productRow)
    {
        Recurrent layer = op.Layer;
        int time = op.Time(direction, step);
        for (int row = 0; row < c.Batch; row++)
        {
            Span<float> state = hidden.Slice(row * sizes.HiddenStride, layer.Hidden);
            if (OverTime.Counts(in c, row, time))
            {
                Cell(step, row, productRow + row, state);
            }

            if (layer.Options.AllSteps || step == layer.Steps - 1)
            {
                state.CopyTo(c.OutputRows.Row(row)[op.OutputColumn(direction, time)..]);
            }
        }
    }

    private static Span<float> Cut(scoped ref Span<float> rest, int length)
    {
        Span<float> first = rest[..length];
        rest = rest[length..];
        return first;
    }

    private void Make(bool hidden, LayerIntegers integers)
    {
        int tensor = (4 * direction) + (hidden ? 1 : 0);
        op.MakeByLanes(
            in c, hidden, c.Parameter(tensor), c.Parameter(tensor + 2)[..op.Columns], c.State(op.ScaleState(direction, hidden)), integers);
    }

    /// <summary>Bits of the digits of weights; whole weights become floats once.</summary>
    private int Bits(in LayerIntegers integers, int largest, Span<float> weights)
    {
        int bits = IntegerLayer.BitsOfDigits(in integers, largest);
        if (bits == 8 && !isMade)
        {
            integers.Floats.CopyTo(weights);
        }

        return bits;
    }

    /// <summary>The inputs of some steps, a row a step and a sample; of 16 bits first the upper bytes of all rows, then the lower ones.</summary>
    private void GatherInputs(int begin, int count)
    {
        int features = op.Layer.Features, rows = count * c.Batch;
        for (int row = 0; row < rows; row++)
        {
            int time = op.Time(direction, begin + (row / c.Batch));
            ReadOnlySpan<float> x = c.Input(0).Slice((row % c.Batch * c.InputStride(0)) + (time * features), features);
            if (op.IsWide)
            {
                Bytes(x, row, rows, sizes.FeatureStride);
            }
            else
            {
                x.CopyTo(part[(row * sizes.FeatureStride)..]);
            }
        }
    }

    /// <summary>The hidden states, in the same way.</summary>
    private void GatherStates()
    {
        for (int row = 0; row < c.Batch; row++)
        {
            Bytes(hidden.Slice(row * sizes.HiddenStride, op.Layer.Hidden), row, c.Batch, sizes.HiddenStride);
        }
    }

    /// <summary>v = 256 high + low, 0 &lt;= low &lt; 256.</summary>
    private void Bytes(ReadOnlySpan<float> x, int row, int rows, int stride)
    {
        Digits.Take(x, 8, -1, part.Slice(row * stride, x.Length));
        Digits.Take(x, 0, 255, part.Slice((rows + row) * stride, x.Length));
    }

    /// <summary>
    /// R of b + x W, clamped: whole where the sums stay below 2^24, else by digits of weights and bytes of x, which is gathered.
    /// </summary>
    private void Product(
        int rows, int inputs, int stride, bool isWide, int bits, in LayerIntegers integers, Span<float> w, Span<float> result)
    {
        int n = sizes.ProductStride, operands = isWide ? 2 * rows : rows;
        Matrix<float> x = new(part, operands, inputs, stride), z = new(sums, operands, op.Columns, n, n);
        Matrix<float> weights = new(w, inputs, op.Columns, n, n), y = new(result, rows, op.Columns, n, n);
        if (bits == 8 && !isWide)
        {
            SimdKernels.AffineOfIntegers(c.Arithmetic, x, weights, z);
            Requantize.Columns(z, integers.Bias, integers.M, integers.Shift, kept.Ends.Lowest, kept.Ends.Highest, y);
            return;
        }

        Span<int> whole = total[..(rows * n)];
        whole.Clear();
        for (int shift = 0; shift < 8; shift += bits)
        {
            if (bits < 8)
            {
                IntegerLayer.Digit(integers.Floats, shift, bits, w);
            }

            SimdKernels.AffineOfIntegers(c.Arithmetic, x, weights, z);
            Requantize.AddTo(sums[..whole.Length], (isWide ? 256 : 1) << shift, whole);
            if (isWide)
            {
                Requantize.AddTo(sums.Slice(whole.Length, whole.Length), 1 << shift, whole);
            }
        }

        Requantize.Columns(
            new Matrix<int>(whole, rows, op.Columns, n), integers.Bias, integers.M, integers.Shift, kept.Ends.Lowest, kept.Ends.Highest, y);
    }

    private void Cell(int step, int row, int productRow, Span<float> h)
    {
        Span<float> p = inputProducts.Slice(productRow * sizes.ProductStride, op.Columns);
        Span<float> q = recurrentProducts.Slice(row * sizes.ProductStride, op.Columns);
        if (kept.Exists)
        {
            kept.Clamp(step, row, p, q);
        }

        switch (op.Layer)
        {
            case Gru:
                RecurrentGates.Gru(p, q, h, h);
                break;
            case Lstm:
                Span<float> state = CellOf(row);
                RecurrentGates.Lstm(p, q, IntegerRecurrent.CellBits(c.State(op.CellState)[0]), state, state, h);
                break;
            default:
                if (op.IsRelu)
                {
                    RecurrentGates.RnnRelu(p, q, h);
                }
                else
                {
                    RecurrentGates.Rnn(p, q, h);
                }

                break;
        }

        if (kept.Exists)
        {
            Gates(row, p, q, kept.Gates(step, row), kept.CellTanh(step, row));
            kept.MakeReal(step, row);
        }
    }

    /// <summary>The integers of the gates by themselves, for the backward pass.</summary>
    private void Gates(int row, ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> gates, Span<float> tanh)
    {
        int n = op.Layer.Hidden;
        switch (op.Layer)
        {
            case Gru:
                RecurrentGates.Sigmoids(p[..(2 * n)], q[..(2 * n)], gates[..(2 * n)]);
                RecurrentGates.New(p[(2 * n)..], q[(2 * n)..], gates[..n], gates.Slice(2 * n, n));
                q[(2 * n)..].CopyTo(gates[(3 * n)..]);
                break;
            case Lstm:
                RecurrentGates.Sigmoids(p, q, gates);
                RecurrentGates.Rnn(p.Slice(2 * n, n), q.Slice(2 * n, n), gates.Slice(2 * n, n));
                RecurrentGates.CellTanh(CellOf(row), IntegerRecurrent.CellBits(c.State(op.CellState)[0]), tanh);
                break;
        }
    }

    private Span<float> CellOf(int row) => cell.IsEmpty ? [] : cell.Slice(row * sizes.HiddenStride, op.Layer.Hidden);

    /// <summary>States after a step (-1: before the first), for the backward pass.</summary>
    private void Keep(int step)
    {
        for (int row = 0; row < c.Batch && kept.Exists; row++)
        {
            kept.States(step, row, hidden.Slice(row * sizes.HiddenStride, op.Layer.Hidden), CellOf(row));
        }
    }

    /// <summary>Zeros, or the state of the run before.</summary>
    private void Begin(Span<float> state, int carried)
    {
        state.Clear();
        for (int row = 0; row < c.Batch && op.Layer.Options.CarryState && !state.IsEmpty; row++)
        {
            c.State(carried).Slice(row * op.Layer.Hidden, op.Layer.Hidden).CopyTo(state[(row * sizes.HiddenStride)..]);
        }
    }

    /// <summary>Leaves the state to the next run.</summary>
    private void End(Span<float> state, int carried)
    {
        for (int row = 0; row < c.Batch && op.Layer.Options.CarryState && !state.IsEmpty; row++)
        {
            state.Slice(row * sizes.HiddenStride, op.Layer.Hidden).CopyTo(c.State(carried)[(row * op.Layer.Hidden)..]);
        }
    }
}
