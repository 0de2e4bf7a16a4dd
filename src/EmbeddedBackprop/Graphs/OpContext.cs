using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>The constants of one run of a plan.</summary>
/// <param name="Batch">Samples in this run, at most the plan's batch.</param>
/// <param name="LogicalBatch">Samples over which the loss averages: more than <paramref name="Batch"/> when gradients are accumulated.</param>
/// <param name="SampleOffset">Index of this run's first sample in the logical batch; above 0 the parameter gradients and the loss go on from
/// before.</param>
/// <param name="Training">Whether ops that differ in training (dropout) behave as in training.</param>
/// <param name="Seed">Seed of the random numbers of a run.</param>
/// <param name="StepNumber">Training step, counted from 0.</param>
public readonly record struct RunInfo(int Batch, int LogicalBatch, int SampleOffset = 0, bool Training = false, ulong Seed = 0, long StepNumber = 0)
{
    /// <summary>
    /// Whether parameters and state are those of the run before this one, of the same plan in the same memory: what ops made of them is still there.
    /// </summary>
    internal bool Unchanged { get; init; }

    /// <summary>Whether no weight is NaN or infinite, as far as is known without looking.</summary>
    internal bool FiniteWeights { get; init; }

    /// <summary>One batch that is its own logical batch.</summary>
    public static RunInfo Single(int batch, bool training = false) => new(batch, batch, 0, training);
}

/// <summary>The spans that a plan reads and writes: it owns none of them.</summary>
/// <typeparam name="T">float, or double for the oracle.</typeparam>
public readonly ref struct PlanMemory<T> where T : unmanaged
{
    /// <summary>Collects the spans; a plan without state needs none for it.</summary>
    public PlanMemory(Span<T> parameters, Span<T> gradients, Span<T> workspace, Span<T> state = default)
    {
        Parameters = parameters;
        Gradients = gradients;
        Workspace = workspace;
        State = state;
    }

    /// <summary>All weights and biases.</summary>
    public Span<T> Parameters { get; }

    /// <summary>Their gradients, at the same offsets; empty in inference.</summary>
    public Span<T> Gradients { get; }

    /// <summary>Activations, their gradients, saved values, scratch.</summary>
    public Span<T> Workspace { get; }

    /// <summary>State kept from step to step without being trained: running means, carried recurrent state.</summary>
    public Span<T> State { get; }
}

/// <summary>One step as an op sees it: spans of the plan's memory. Nothing is allocated.</summary>
/// <typeparam name="T">float, or double for the oracle.</typeparam>
public readonly ref struct OpContext<T> where T : unmanaged
{
    private readonly PlanMemory<T> memory;
    private readonly ref readonly Step step;
    private readonly ref readonly RunInfo run;
    private readonly bool backward;

    /// <summary>The step is a variable of the caller's: a context is made once for a run, and moves on as the variable does.</summary>
    internal OpContext(in PlanMemory<T> memory, ref readonly Step step, in RunInfo run, Arithmetic arithmetic, Layout layout, bool backward)
    {
        this.memory = memory;
        this.step = ref step;
        this.run = ref run;
        this.backward = backward;
        Arithmetic = arithmetic;
        Layout = layout;
    }

    private OpContext(OpContext<T> other, ref readonly Step step)
    {
        memory = other.memory;
        this.step = ref step;
        run = ref other.run;
        backward = other.backward;
        Arithmetic = other.Arithmetic;
        Layout = other.Layout;
    }

    /// <summary>The model's arithmetic.</summary>
    public Arithmetic Arithmetic { get; }

    /// <summary>Padded or compact rows.</summary>
    public Layout Layout { get; }

    /// <summary>Samples in this run.</summary>
    public int Batch => run.Batch;

    /// <summary>Samples over which the loss averages.</summary>
    public int LogicalBatch => run.LogicalBatch;

    /// <summary>Index of the first sample in the logical batch.</summary>
    public int SampleOffset => run.SampleOffset;

    /// <summary>Whether this is a training run and the layer is trained in it; a frozen one does what it does in a prediction.</summary>
    public bool Training => run.Training && !step.Frozen;

    /// <summary>Seed of the random numbers of a run.</summary>
    public ulong Seed => run.Seed;

    /// <summary>Training step, counted from 0.</summary>
    public long StepNumber => run.StepNumber;

    /// <summary>The op's index among the graph's ops: the stream of its random numbers.</summary>
    public int OpIndex => step.OpIndex;

    /// <summary>How many parameter tensors the op has.</summary>
    public int ParameterCount => step.Ranges.Length;

    /// <summary>Whether parameter gradients continue from their stored values (a second use of the weights, a further micro-batch).</summary>
    public bool ContinueParameterGradients => step.ContinueParameterGradient || run.SampleOffset > 0;

    /// <summary>The output, [batch][stride].</summary>
    public Span<T> Output => Rows(step.Output);

    /// <summary>The 16 partial sums that are a loss's output.</summary>
    public Span<T> LossParts => Cut(step.Output);

    /// <summary>Elements of one sample of the output.</summary>
    public int OutputColumns => step.Output.Columns;

    /// <summary>Floats from row to row of the output.</summary>
    public int OutputStride => step.Output.Stride;

    /// <summary>dL/d(output), [batch][stride of the output]. The op may overwrite it: nothing reads it afterwards.</summary>
    public Span<T> OutputGradient => Rows(step.OutputGradient);

    /// <summary>Kept from the forward to the backward pass.</summary>
    public Span<T> Saved => Cut(step.Saved);

    /// <summary>Dies with this pass of the step.</summary>
    public Span<T> Scratch => Cut(backward ? step.BackwardScratch : step.ForwardScratch);

    /// <summary>
    /// Divides scratch memory: first what <see cref="Op.MadeLength"/> asked for, which in a prediction's plan has memory of its own, then the rest.
    /// </summary>
    /// <param name="length">The op's <see cref="Op.MadeLength"/>.</param>
    /// <param name="made">Memory for what the op makes from parameters and state.</param>
    /// <param name="rest">Memory that dies with the step.</param>
    /// <returns>Whether the memory still holds what the op made in the run before.</returns>
    internal bool Made(int length, out Span<T> made, out Span<T> rest)
    {
        Span<T> scratch = Scratch;
        bool kept = step.Made.Exists;
        made = kept ? Cut(step.Made) : scratch[..length];
        rest = kept ? scratch : scratch[length..];
        return kept && run.Unchanged;
    }

    /// <summary>The same for an op that needs no memory for it in training: what it made has memory in a prediction's plan alone.</summary>
    /// <param name="made">Memory of <see cref="Op.MadeLength"/>, or none.</param>
    /// <returns>Whether it still holds what the op made in the run before.</returns>
    internal bool Kept(out Span<T> made)
    {
        made = Cut(step.Made);
        return step.Made.Exists && run.Unchanged;
    }

    /// <summary>Steps that the op does along in this run.</summary>
    internal ReadOnlySpan<Step> DoneAlong => run.Training ? [] : step.DoneAlong;

    /// <summary>Whether this backward pass multiplies by the derivative of the activation that ends the step before it.</summary>
    internal bool Derives => step.Derives;

    /// <summary>Whether the output's gradient was multiplied by the derivative of the activation already.</summary>
    internal bool IsDerived => step.DerivedBy is not null;

    /// <summary>
    /// The gradient that the output's was made from, if <see cref="IsDerived"/>: its magnitudes are no smaller. It lasts until this pass writes.
    /// </summary>
    internal Span<T> DeriversGradient => Rows(step.DerivedBy!.OutputGradient);

    /// <summary>The context of another step in the same run.</summary>
    internal OpContext<T> Of(ref readonly Step other) => new(this, in other);

    /// <summary>The op's i-th range of state: the whole range, or the rows of this run's samples, [batch][length].</summary>
    public Span<T> State(int index)
    {
        ref readonly StateRange range = ref step.StateRanges[index];
        return range.PerSample
            ? memory.State.Slice(range.Offset + (run.SampleOffset * range.Length), run.Batch * range.Length)
            : memory.State.Slice(range.Offset, range.Length);
    }

    /// <summary>Whether the i-th input holds integers.</summary>
    internal bool HasIntegers(int index) => step.InputTypes[index].Bits > 0;

    /// <summary>What the integers of the i-th input mean.</summary>
    internal IntegerType InputType(int index) => step.InputTypes[index].Read<T>(memory.State);

    /// <summary>What the integers of the output mean.</summary>
    internal IntegerType OutputType => step.OutputType.Read<T>(memory.State);

    /// <summary>NAME.extremes of the op that owns the output's integers; empty where ranges do not follow training.</summary>
    internal Span<T> OutputExtremes =>
        step.OutputType.Extremes > 0 ? memory.State.Slice(step.OutputType.Extremes, IntegerValue.ExtremesLength) : [];

    /// <summary>How many nodes the op reads.</summary>
    public int InputCount => step.Inputs.Length;

    /// <summary>Elements of one sample of the i-th input.</summary>
    public int InputColumns(int index) => step.Inputs[index].Columns;

    /// <summary>The i-th input, [batch][stride].</summary>
    public Span<T> Input(int index) => Rows(step.Inputs[index]);

    /// <summary>Floats from row to row of the i-th input.</summary>
    public int InputStride(int index) => step.Inputs[index].Stride;

    /// <summary>Whether dL/d(input i) is needed; not for the first layer.</summary>
    public bool WantsInputGradient(int index) => step.InputGradients[index].Exists;

    /// <summary>dL/d(input i), [batch][stride of the input].</summary>
    public Span<T> InputGradient(int index) => Rows(step.InputGradients[index]);

    /// <summary>Whether that gradient continues from the value that a later reader of the same node wrote.</summary>
    public bool ContinueInputGradient(int index) => step.ContinueInputGradients[index];

    /// <summary>The i-th parameter tensor's range and kind.</summary>
    public ref readonly ParameterRange Range(int index) => ref step.Ranges[index];

    /// <summary>The i-th parameter tensor, [rows][stride].</summary>
    public Span<T> Parameter(int index)
    {
        ref readonly ParameterRange range = ref step.Ranges[index];
        return memory.Parameters.Slice(range.Offset, range.Length);
    }

    /// <summary>
    /// The memory that <see cref="Op.UpdateLength"/> asked for, in a plan without a gradient span: gradients live there only while the
    /// step's weights are changed. Empty where gradients have a span of their own.
    /// </summary>
    public Span<T> UpdateScratch => Cut(step.UpdateScratch);

    /// <summary>The gradient of the i-th parameter tensor, [rows][stride].</summary>
    public Span<T> ParameterGradient(int index)
    {
        ref readonly ParameterRange range = ref step.Ranges[index];
        return step.UpdateScratch.Exists
            ? memory.Workspace.Slice(step.UpdateScratch.Offset + range.Offset - step.Parameters.Offset, range.Length)
            : memory.Gradients.Slice(range.Offset, range.Length);
    }

    /// <summary>The i-th input as rows, one per sample.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Matrix<T> InputRows(int index) => MatrixOf(step.Inputs[index]);

    /// <summary>dL/d(input i) as rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Matrix<T> InputGradientRows(int index) => MatrixOf(step.InputGradients[index]);

    /// <summary>The output as rows, one per sample.</summary>
    public Matrix<T> OutputRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MatrixOf(step.Output);
    }

    /// <summary>dL/d(output) as rows. The op may overwrite it: nothing reads it afterwards.</summary>
    public Matrix<T> OutputGradientRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MatrixOf(step.OutputGradient);
    }

    /// <summary>The i-th parameter tensor as rows: a dense weight has one per input, all others have one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Matrix<T> ParameterRows(int index) => MatrixOf(Parameter(index), in step.Ranges[index]);

    /// <summary>The gradient of the i-th parameter tensor as rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Matrix<T> ParameterGradientRows(int index) => MatrixOf(ParameterGradient(index), in step.Ranges[index]);

    /// <summary>
    /// z of an op that ends in an activation a = f(z): kept where the derivative reads it in a backward pass to come, elsewhere in a's memory.
    /// </summary>
    internal Matrix<T> WeightedInputRows
    {
        get
        {
            int stride = step.Output.Stride;
            return step.Saved.Exists
                ? new(memory.Workspace.Slice(step.Saved.Offset, run.Batch * stride), run.Batch, step.Output.Columns, stride, stride)
                : OutputRows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Matrix<T> MatrixOf(Span<T> values, ref readonly ParameterRange range) =>
        new(values, range.Rows, range.Columns, range.Stride, range.Stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Matrix<T> MatrixOf(Slot slot) => new(Rows(slot), run.Batch, slot.Columns, slot.Stride, slot.Stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<T> Rows(Slot slot) => memory.Workspace.Slice(slot.Offset, run.Batch * slot.Stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<T> Cut(Slot slot) => slot.Exists ? memory.Workspace.Slice(slot.Offset, slot.Length) : [];
}
