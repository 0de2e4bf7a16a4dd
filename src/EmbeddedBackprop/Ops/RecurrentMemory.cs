using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The buffers of one direction of a recurrent layer in one run, cut into steps. Everything in them is time-major, [step][batch][stride].
/// </summary>
/// <remarks>
/// Step s is the s-th that the direction takes. Saved blocks are in reverse order: step s in block steps - 1 - s, the state before the
/// first step in block steps. A product over consecutive blocks then adds in the order of the definition, last step first, and h of the step before
/// is one block further on.
/// </remarks>
internal readonly ref struct RecurrentMemory<T> where T : unmanaged
{
    private readonly Recurrent op;
    private readonly OpContext<T> context;
    private readonly int direction;
    private readonly bool saves;
    private readonly Span<T> gates;
    private readonly Span<T> hidden;
    private readonly Span<T> cell;
    private readonly Span<T> cellTanh;

    /// <summary>The buffers of a forward pass.</summary>
    public RecurrentMemory(Recurrent op, in OpContext<T> c, int direction)
        : this(op, in c, direction, backward: false, c.Scratch)
    {
    }

    /// <summary>Those of a backward pass; without scratch memory, what the forward pass keeps for it.</summary>
    public RecurrentMemory(Recurrent op, in OpContext<T> c, int direction, Span<T> scratch)
        : this(op, in c, direction, backward: true, scratch)
    {
    }

    private RecurrentMemory(Recurrent op, in OpContext<T> c, int direction, bool backward, Span<T> rest)
    {
        this.op = op;
        this.direction = direction;
        context = c;
        int batch = c.Batch;
        RecurrentSizes sizes = new(op, batch, c.Layout);
        Sizes = sizes;
        if (backward && !rest.IsEmpty)
        {
            int columns = op.Gates * op.Hidden;
            TransposedHidden = Cut(ref rest, (long)columns * sizes.HiddenStride);
            TransposedInput = Cut(ref rest, (long)columns * sizes.FeatureStride);
            HiddenGradient = Cut(ref rest, (long)batch * sizes.HiddenStride);
            CellGradient = op.HasCell ? Cut(ref rest, (long)batch * sizes.HiddenStride) : default;
            GatheredInputs = rest;
        }
        else if (!backward)
        {
            InputProducts = Cut(ref rest, (long)sizes.MostInputRows * sizes.ProductStride);
            RecurrentProducts = Cut(ref rest, (long)batch * sizes.ProductStride);
        }

        saves = !c.Saved.IsEmpty;
        if (saves)
        {
            rest = c.Saved[(int)(direction * sizes.Saved)..];
        }

        long states = (long)batch * sizes.HiddenStride;
        gates = Cut(ref rest, saves ? sizes.SavedGates : (long)batch * sizes.GateStride);
        hidden = Cut(ref rest, saves ? sizes.SavedHidden : 2 * states);
        cell = op.HasCell ? Cut(ref rest, saves ? sizes.SavedHidden : 2 * states) : default;
        cellTanh = op.HasCell ? Cut(ref rest, saves ? sizes.SavedTanh : states) : default;
    }

    public RecurrentSizes Sizes { get; }

    /// <summary>x W_ih of some steps.</summary>
    public Span<T> InputProducts { get; }

    /// <summary>h' W_hh of one step.</summary>
    public Span<T> RecurrentProducts { get; }

    /// <summary>W_hh transposed, [G H][H].</summary>
    public Span<T> TransposedHidden { get; }

    /// <summary>W_ih transposed, [G H][features].</summary>
    public Span<T> TransposedInput { get; }

    /// <summary>dL/dh.</summary>
    public Span<T> HiddenGradient { get; }

    /// <summary>dL/dc of later steps.</summary>
    public Span<T> CellGradient { get; }

    /// <summary>Inputs of some steps, one after the other.</summary>
    public Span<T> GatheredInputs { get; }

    /// <summary>The position in the sequence of the direction's s-th step.</summary>
    public int Time(int step) => direction == 0 ? step : op.Steps - 1 - step;

    /// <summary>Where the output of a direction begins at a time, and its gradient.</summary>
    public int OutputColumn(int time) => ((op.Options.AllSteps ? time * op.Directions : 0) + direction) * op.Hidden;

    /// <summary>The kept gate values of a step, and of the steps before it where they are saved.</summary>
    public Span<T> Gates(int step) => gates[(saves ? (op.Steps - 1 - step) * context.Batch * Sizes.GateStride : 0)..];

    /// <summary>tanh c of a step.</summary>
    public Span<T> CellTanh(int step) =>
        op.HasCell ? cellTanh[(saves ? (op.Steps - 1 - step) * context.Batch * Sizes.HiddenStride : 0)..] : default;

    /// <summary>Where a step's gates begin among the saved ones of all directions.</summary>
    public int GatesOffset(int step) => (int)(direction * Sizes.SavedGates) + ((op.Steps - 1 - step) * context.Batch * Sizes.GateStride);

    /// <summary>h after a step (-1: before the first).</summary>
    public Span<T> Hidden(int step) => hidden[StateOffset(step)..];

    /// <summary>c after a step (-1: before the first).</summary>
    public Span<T> Cell(int step) => op.HasCell ? cell[StateOffset(step)..] : default;

    /// <summary>The operands of a step's gates in the forward pass; products begin at the given row.</summary>
    public StepBuffers<T> Forward(int step, int productRow)
    {
        int time = Time(step);
        return new StepBuffers<T>
        {
            Rows = context.Batch,
            Hidden = op.Hidden,
            Input = InputProducts[(productRow * Sizes.ProductStride)..],
            Recurrent = RecurrentProducts,
            ProductStride = Sizes.ProductStride,
            Gates = Gates(step),
            GateStride = Sizes.GateStride,
            Before = Hidden(step - 1),
            After = Hidden(step),
            CellBefore = Cell(step - 1),
            Cell = Cell(step),
            CellTanh = CellTanh(step),
            HiddenStride = Sizes.HiddenStride,
            Output = op.Options.AllSteps ? context.Output[OutputColumn(time)..] : default,
            OutputStride = context.OutputStride,
            Mask = Mask(time),
            MaskStride = MaskStride,
        };
    }

    /// <summary>The same for the backward pass.</summary>
    public StepBuffers<T> Backward(int step)
    {
        return new StepBuffers<T>
        {
            Rows = context.Batch,
            Hidden = op.Hidden,
            Gates = Gates(step),
            GateStride = Sizes.GateStride,
            Before = Hidden(step - 1),
            After = Hidden(step),
            CellBefore = Cell(step - 1),
            CellTanh = CellTanh(step),
            HiddenStride = Sizes.HiddenStride,
            OutputStride = context.OutputStride,
            Mask = Mask(Time(step)),
            MaskStride = MaskStride,
            HiddenGradient = HiddenGradient,
            CellGradient = CellGradient,
            Upstream = step > 0 ? Upstream(step - 1) : default,
        };
    }

    /// <summary>Begins with zeros, or with the state of the run before.</summary>
    public void Begin()
    {
        if (!op.Options.CarryState)
        {
            Hidden(-1)[..(context.Batch * Sizes.HiddenStride)].Clear();
            if (op.HasCell)
            {
                Cell(-1)[..(context.Batch * Sizes.HiddenStride)].Clear();
            }

            return;
        }

        CopyRows(context.State(0), op.Hidden, Hidden(-1), Sizes.HiddenStride);
        if (op.HasCell)
        {
            CopyRows(context.State(1), op.Hidden, Cell(-1), Sizes.HiddenStride);
        }
    }

    /// <summary>Returns the last hidden state if asked for it, and leaves the state to the next run.</summary>
    public void End()
    {
        int last = op.Steps - 1;
        if (!op.Options.AllSteps)
        {
            CopyRows(Hidden(last), Sizes.HiddenStride, context.Output[OutputColumn(0)..], context.OutputStride);
        }

        Padding.Clear(context.Output, context.Batch, context.OutputColumns, context.OutputStride);
        if (op.Options.CarryState)
        {
            CopyRows(Hidden(last), Sizes.HiddenStride, context.State(0), op.Hidden);
            if (op.HasCell)
            {
                CopyRows(Cell(last), Sizes.HiddenStride, context.State(1), op.Hidden);
            }
        }
    }

    /// <summary>dL/dh of the last step is the gradient of its output; that of its cell is 0.</summary>
    public void BeginBackward()
    {
        int last = op.Steps - 1;
        CopyRows(context.OutputGradient[OutputColumn(Time(last))..], context.OutputStride, HiddenGradient, Sizes.HiddenStride);
        CellGradient.Clear();
    }

    /// <summary>Cuts the gradient between a step and the one before it.</summary>
    public void Truncate(int step)
    {
        CellGradient.Clear();
        if (op.Options.AllSteps)
        {
            CopyRows(Upstream(step - 1), context.OutputStride, HiddenGradient, Sizes.HiddenStride);
        }
        else
        {
            HiddenGradient.Clear();
        }
    }

    private int MaskStride => Masked ? context.InputStride(1) : 0;

    private bool Masked => context.InputCount > 1;

    private static Span<T> Cut(scoped ref Span<T> rest, long length)
    {
        Span<T> first = rest[..(int)length];
        rest = rest[(int)length..];
        return first;
    }

    private int StateOffset(int step) => (saves ? op.Steps - 1 - step : (step + 1) & 1) * context.Batch * Sizes.HiddenStride;

    private ReadOnlySpan<T> Mask(int time) => Masked ? context.Input(1)[time..] : default;

    private ReadOnlySpan<T> Upstream(int step) => op.Options.AllSteps ? context.OutputGradient[OutputColumn(Time(step))..] : default;

    private void CopyRows(ReadOnlySpan<T> source, int sourceStride, Span<T> destination, int destinationStride)
    {
        for (int row = 0; row < context.Batch; row++)
        {
            source.Slice(row * sourceStride, op.Hidden).CopyTo(destination[(row * destinationStride)..]);
        }
    }
}
