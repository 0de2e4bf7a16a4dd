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

    /// <summary>Makes the integers of the weights.</summary>
    public IntegerRecurrentPass(IntegerRecurrent op, in OpContext<float> c, int direction)
    {
        this.op = op;
        this.c = c;
        this.direction = direction;
        sizes = new(op, c.Batch, c.Layout);
        Span<float> rest = c.Scratch;
        input = new(op.Axis(hidden: false, c.Layout), MemoryMarshal.Cast<float, int>(Cut(ref rest, sizes.InputIntegers)));
        recurrent = new(op.Axis(hidden: true, c.Layout), MemoryMarshal.Cast<float, int>(Cut(ref rest, sizes.HiddenIntegers)));
        inputWeights = Cut(ref rest, sizes.InputWeights);
        recurrentWeights = Cut(ref rest, sizes.HiddenWeights);
        part = Cut(ref rest, sizes.Part);
        sums = Cut(ref rest, sizes.Products);
        total = MemoryMarshal.Cast<float, int>(Cut(ref rest, sizes.Products));
        inputProducts = Cut(ref rest, sizes.Products);
        recurrentProducts = Cut(ref rest, sizes.Products);
        hidden = Cut(ref rest, sizes.States);
        cell = op.Layer.HasCell ? Cut(ref rest, sizes.States) : [];
        Make(hidden: false, input);
        Make(hidden: true, recurrent);
    }

    /// <summary>h of every step from the step before it.</summary>
    public void Run()
    {
        Recurrent layer = op.Layer;
        int inputBits = IntegerLayer.BitsOfDigits(in input, op.IsWide ? 256 : c.InputType(0).LargestCentred);
        int hiddenBits = IntegerLayer.BitsOfDigits(in recurrent, 256);
        int carried = op.CarriedState;
        Begin(hidden, carried);
        Begin(cell, carried + 1);
        for (int step = 0; step < layer.Steps; step++)
        {
            int time = op.Time(direction, step);
            Matrix<float> x = new(c.Input(0)[(time * layer.Features)..], c.Batch, layer.Features, c.InputStride(0));
            Product(x, sizes.FeatureStride, op.IsWide, inputBits, in input, inputWeights, first: step == 0, inputProducts);
            Matrix<float> h = new(hidden, c.Batch, layer.Hidden, sizes.HiddenStride);
            Product(h, sizes.HiddenStride, isWide: true, hiddenBits, in recurrent, recurrentWeights, first: step == 0, recurrentProducts);
            for (int row = 0; row < c.Batch; row++)
            {
                Span<float> state = hidden.Slice(row * sizes.HiddenStride, layer.Hidden);
                if (OverTime.Counts(in c, row, time))
                {
                    Cell(row, state);
                }

                if (layer.Options.AllSteps || step == layer.Steps - 1)
                {
                    state.CopyTo(c.OutputRows.Row(row)[op.OutputColumn(direction, time)..]);
                }
            }
        }

        End(hidden, carried);
        End(cell, carried + 1);
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
        op.Make(
            in c, hidden, c.Parameter(tensor), c.Parameter(tensor + 2)[..op.Columns], c.State(op.ScaleState(direction, hidden)), integers);
    }

    /// <summary>R of b + x W, kept in 16 bits: whole where the sums stay below 2^24, else by digits of weights and bytes of x.</summary>
    private void Product(
        Matrix<float> x, int stride, bool isWide, int bits, in LayerIntegers integers, Span<float> w, bool first, Span<float> result)
    {
        int n = sizes.ProductStride;
        Matrix<float> z = new(sums, c.Batch, op.Columns, n, n), y = new(result, c.Batch, op.Columns, n, n);
        if (first && bits == 8)
        {
            IntegerLayer.Digit(integers.Weights, 0, 8, w);
        }

        Matrix<float> weights = new(w, x.Columns, op.Columns, n, n);
        if (bits == 8 && !isWide)
        {
            SimdKernels.Affine(c.Arithmetic, x, weights, [], z);
            Requantize.Columns(z, integers.Bias, integers.M, integers.Shift, short.MinValue, short.MaxValue, y);
            return;
        }

        total.Clear();
        for (int half = isWide ? 0 : 1; half < 2; half++)
        {
            Matrix<float> operand = isWide ? Byte(x, stride, high: half == 0) : x;
            for (int shift = 0; shift < 8; shift += bits)
            {
                if (bits < 8)
                {
                    IntegerLayer.Digit(integers.Weights, shift, bits, w);
                }

                SimdKernels.Affine(c.Arithmetic, operand, weights, [], z);
                Requantize.AddTo(sums, (half == 0 ? 256 : 1) << shift, total);
            }
        }

        Requantize.Columns(
            new Matrix<int>(total, c.Batch, op.Columns, n), integers.Bias, integers.M, integers.Shift, short.MinValue, short.MaxValue, y);
    }

    /// <summary>v = 256 high + low, 0 &lt;= low &lt; 256.</summary>
    private Matrix<float> Byte(Matrix<float> x, int stride, bool high)
    {
        for (int row = 0; row < x.Rows; row++)
        {
            Digits.Take((ReadOnlySpan<float>)x.Row(row), high ? 8 : 0, high ? -1 : 255, part.Slice(row * stride, x.Columns));
        }

        return new Matrix<float>(part, x.Rows, x.Columns, stride);
    }

    private void Cell(int row, Span<float> h)
    {
        ReadOnlySpan<float> p = inputProducts.Slice(row * sizes.ProductStride, op.Columns);
        ReadOnlySpan<float> q = recurrentProducts.Slice(row * sizes.ProductStride, op.Columns);
        switch (op.Layer)
        {
            case Gru:
                RecurrentGates.Gru(p, q, h, h);
                break;
            case Lstm:
                Span<float> state = cell.Slice(row * sizes.HiddenStride, h.Length);
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
