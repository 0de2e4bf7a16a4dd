using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Predicts with the parameters of a network in memory of its own: one predictor a thread, made by <see cref="Network.CreatePredictor"/>. It holds a
/// workspace, what recurrent layers carry from call to call, and of a quantised network the integers of the weights; the parameters are the
/// network's. After it was made nothing is allocated.
/// </summary>
/// <remarks>
/// A predictor serves one thread at a time, as a network does. Any number of predictors and the network itself may predict at the same time, each
/// on its thread. Changes of the network's parameters and running statistics (a training step, a file's weights) are seen by the next prediction. A
/// change during a prediction is a mistake of the program, which the prediction tells by an <see cref="InvalidOperationException"/>. Nobody sees
/// when a span to <see cref="Network.Parameters"/> is written through: such values, too, hold for the next prediction.
/// </remarks>
public sealed class Predictor
{
    // No version is negative before two thousand million changes, and none is odd.
    private const int NotMade = -1;

    private readonly Network network;
    private readonly Plan plan;
    private readonly ThreadGuard guard;
    private readonly SharedParameters shared;
    private readonly Memory<float> workspace;
    private readonly Memory<float> state;
    private readonly int copiedState;
    private readonly WorkerPool? pool;
    private readonly OneSamplePrediction? oneSample;
    private readonly int inputLength;
    private int madeVersion = NotMade;
    private readonly bool leavesOutZeros;
    private bool isExposed;

    // The versions of the parameters that the last prediction read, that were looked at, and that are finite.
    private int readVersion = NotMade;
    private int testedVersion = NotMade;
    private int finiteVersion = NotMade;

    /// <summary>A predictor with memory of its own.</summary>
    internal Predictor(Network network, Plan plan, SharedParameters shared)
        : this(network, plan, shared, new ThreadGuard("the predictor"))
    {
        workspace = AlignedMemory.Allocate(plan.WorkspaceLength);
        state = plan.StateLength > 0 ? AlignedMemory.Allocate(plan.StateLength) : default;
        copiedState = plan.SharedStateLength;
        oneSample = OneSample();
        leavesOutZeros = oneSample is { LeavesOutZeros: true };
    }

    /// <summary>The network's own predictor, in the network's memory and on its threads.</summary>
    internal Predictor(Network network, SharedParameters shared, NetworkMemory memory, WorkerPool? pool)
        : this(network, network.InferencePlan, shared, new ThreadGuard("the network"))
    {
        workspace = memory.Workspace;
        state = memory.State;
        this.pool = pool;
        oneSample = OneSample();
        leavesOutZeros = oneSample is { LeavesOutZeros: true };
    }

    private Predictor(Network network, Plan plan, SharedParameters shared, ThreadGuard guard)
    {
        this.network = network;
        this.plan = plan;
        this.shared = shared;
        this.guard = guard;
        inputLength = network.InputLength;
    }

    /// <summary>The network whose parameters predict.</summary>
    public Network Network => network;

    /// <summary>The most samples that are computed at once.</summary>
    public int Batch => plan.Batch;

    /// <summary>Floats of memory that predictions take besides the parameters.</summary>
    public int MemoryLength => workspace.Length + state.Length;

    /// <summary>Predicts one sample.</summary>
    /// <param name="input">The sample, unpadded; with several inputs their values one after the other, as in a row of a data set.</param>
    /// <returns>The first output's values, valid until the next call.</returns>
    /// <exception cref="ArgumentException">The sample has another length than the network's inputs together.</exception>
    /// <exception cref="InvalidOperationException">Another thread predicts with it, or changes the network's parameters.</exception>
    public unsafe ReadOnlySpan<float> Predict(ReadOnlySpan<float> input)
    {
        if (input.Length != inputLength)
        {
            network.SampleDiffers(input.Length);
        }

        if (oneSample is not { CanRun: true })
        {
            return PredictByPlan(input);
        }

        // Nothing throws before the end: try and finally would cost more than the guard.
        int place = 0;
        nint mark = (nint)(&place);
        int version = shared.BeginRead();
        nint before = guard.EnterShortly(mark);
        ReadOnlySpan<float> prediction = oneSample.Run(input, leavesOutZeros && AreFinite(version));
        guard.Leave(mark, before);
        shared.EndRead(version);
        return prediction;
    }

    /// <summary>Predicts any number of samples, as many at once as <see cref="Batch"/> says.</summary>
    /// <param name="rows">
    /// [count][<see cref="Network.InputLength"/>], one after the other without padding; with several inputs a row holds their values one after the
    /// other. Every row begins a new sequence.
    /// </param>
    /// <param name="count">Samples; 0 does nothing.</param>
    /// <param name="results">
    /// Receives [count][<see cref="Network.OutputLength"/>], one after the other without padding; of several outputs a row holds all, in their order.
    /// </param>
    /// <exception cref="ArgumentException">A length is another, or the spans share memory with each other or with the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread predicts with it, or changes the network's parameters.</exception>
    public void Predict(ReadOnlySpan<float> rows, int count, Span<float> results)
    {
        int outputLength = network.OutputLength;
        PredictionChecks.Rows(rows, count, inputLength, results, outputLength);
        PredictionChecks.Apart(rows, results, workspace.Span, shared.Parameters.Span);
        using ThreadGuard.Use use = guard.Enter();
        int version = shared.BeginRead();
        Span<float> values = workspace.Span;
        for (int first = 0; first < count; first += Batch)
        {
            int batch = Math.Min(Batch, count - first);
            plan.ResetState(state.Span);
            BatchFeed.Deal(network.InputNodes, rows.Slice(first * inputLength, batch * inputLength), inputLength, plan, values, batch);
            _ = Run(batch, unchanged: first > 0 || IsMade);
            BatchFeed.Collect(network.OutputNodes, results.Slice(first * outputLength, batch * outputLength), outputLength, plan, values, batch);
        }

        plan.ResetState(state.Span);
        shared.EndRead(version);
    }

    /// <summary>Writes samples of one of several inputs, for <see cref="Predict(int)"/>.</summary>
    /// <param name="name">The input's name in the graph.</param>
    /// <param name="rows">[count][elements of the input], one after the other without padding.</param>
    /// <param name="count">Samples, at most <see cref="Batch"/>.</param>
    /// <exception cref="ArgumentException">There is no such input, a length is another, or the span is memory of the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread predicts with it.</exception>
    public void WriteInput(string name, ReadOnlySpan<float> rows, int count)
    {
        Node node = PredictionChecks.Find(network.InputNodes, "input", name);
        plan.CheckBatch(count);
        PredictionChecks.Length(name, count, node.Shape.Length, rows.Length);
        PredictionChecks.Apart(rows, [], workspace.Span, []);
        using ThreadGuard.Use use = guard.Enter();
        BatchFeed.Deal([node], rows, node.Shape.Length, plan, workspace.Span, count);
    }

    /// <summary>Predicts the samples that <see cref="WriteInput"/> wrote to every input; <see cref="ReadOutput"/> reads the predictions.</summary>
    /// <param name="count">Samples, at most <see cref="Batch"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is not from 1 to <see cref="Batch"/>.</exception>
    /// <exception cref="InvalidOperationException">Another thread predicts with it, or changes the network's parameters.</exception>
    public void Predict(int count) => Run(count, IsMade);

    /// <summary>Copies one of several outputs after <see cref="Predict(int)"/>.</summary>
    /// <param name="name">The output's name in the graph.</param>
    /// <param name="count">Samples.</param>
    /// <param name="results">Receives [count][elements of the output], one after the other without padding.</param>
    /// <exception cref="ArgumentException">There is no such output, a length is another, or the span is memory of the network.</exception>
    /// <exception cref="InvalidOperationException">Another thread predicts with it.</exception>
    public void ReadOutput(string name, int count, Span<float> results)
    {
        Node node = PredictionChecks.Find(network.OutputNodes, "output", name);
        plan.CheckBatch(count);
        PredictionChecks.Length(name, count, node.Shape.Length, results.Length);
        PredictionChecks.Apart([], results, workspace.Span, shared.Parameters.Span);
        using ThreadGuard.Use use = guard.Enter();
        BatchFeed.Collect([node], results, node.Shape.Length, plan, workspace.Span, count);
    }

    /// <summary>Begins new sequences: forgets what recurrent layers carry from call to call.</summary>
    /// <exception cref="InvalidOperationException">Another thread predicts with it.</exception>
    public void ResetState()
    {
        using ThreadGuard.Use use = guard.Enter();
        plan.ResetState(state.Span);
    }

    /// <summary>Who computes in this memory.</summary>
    internal ThreadGuard Guard => guard;

    /// <summary>
    /// Whether the next prediction finds what the one before it made of parameters and state (weights as integers). So it is until something writes
    /// to them or over what was made, but never where the caller holds a span to any of these: nobody sees who writes through one.
    /// </summary>
    internal bool IsMade => madeVersion == shared.Version && !shared.IsExposed && !isExposed;

    /// <summary>Something else writes over what was made.</summary>
    internal void Forget() => madeVersion = NotMade;

    /// <summary>The caller holds a span to memory in which things are made.</summary>
    internal void Expose() => isExposed = true;

    /// <summary>Predicts the samples in the workspace.</summary>
    /// <param name="batch">Samples.</param>
    /// <param name="unchanged">Nothing but inputs was written since the last prediction: no parameter, no state, no other pass.</param>
    /// <returns>The first output, [batch][stride].</returns>
    internal ReadOnlySpan<float> Run(int batch, bool unchanged)
    {
        using ThreadGuard.Use use = guard.Enter();
        int version = shared.BeginRead();
        if (!unchanged)
        {
            shared.State.Span[..copiedState].CopyTo(state.Span);
        }

        RunInfo run = RunInfo.Single(batch) with { Unchanged = unchanged };
        madeVersion = NotMade;
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        Span<float> values = workspace.Span;
        plan.Forward(new PlanMemory<float>(shared.Parameters.Span, [], values, state.Span), in run, network.Options.Execution);
        shared.EndRead(version);
        madeVersion = version;
        return plan.ValueSpan(values, network.Output, batch);
    }

    /// <summary>
    /// Whether no parameter is NaN or infinite. They are looked at in the second prediction with the same ones: that costs as much as a prediction.
    /// </summary>
    private bool AreFinite(int version)
    {
        if (shared.IsExposed)
        {
            return false;
        }

        if (testedVersion != version)
        {
            if (readVersion != version)
            {
                readVersion = version;
                return false;
            }

            testedVersion = version;
            finiteVersion = Finite.All(shared.Parameters.Span) ? version : NotMade;
        }

        return finiteVersion == version;
    }

    private OneSamplePrediction? OneSample() =>
        network.Options.Execution == Execution.Vector && network.Inputs.Count == 1
            ? OneSamplePrediction.Of(plan, network.Input, network.Output, shared.Parameters, workspace)
            : null;

    private ReadOnlySpan<float> PredictByPlan(ReadOnlySpan<float> input)
    {
        using ThreadGuard.Use use = guard.Enter();
        if (oneSample is null)
        {
            BatchFeed.Deal(network.InputNodes, input, inputLength, plan, workspace.Span, 1);
        }
        else
        {
            oneSample.Write(input);
        }

        return Run(1, IsMade)[..network.Output.Shape.Length];
    }
}
