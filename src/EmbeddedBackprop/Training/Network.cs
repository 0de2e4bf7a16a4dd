using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Training;

/// <summary>
/// A compiled graph with its memory: parameters, gradients, optimiser state and one workspace, made once. After that nothing is allocated:
/// not in a training step, a prediction or an evaluation.
/// </summary>
/// <remarks>
/// A network serves one thread at a time; its own threads (<see cref="NetworkOptions.Threads"/>) are its affair. A call that computes while another
/// thread is in such a call is refused by an <see cref="InvalidOperationException"/>, before it writes anything. Calls of several threads that take
/// turns are not seen, nor is who reads and writes through spans. To predict on several threads give each a <see cref="Predictor"/>
/// (<see cref="CreatePredictor"/>): they share the network's parameters.
/// Only a network with more than one thread holds anything that must be disposed of.
/// </remarks>
public sealed partial class Network : IDisposable
{
    private readonly Node[] inputs;
    private readonly Node[] outputs;
    private readonly Node[] targets;
    private readonly float[] lossValues;
    private readonly BatchFeed feed;
    private readonly NetworkMemory memory;
    private readonly SharedParameters shared;
    private readonly Predictor own;
    private readonly WorkerPool? pool;
    private readonly FiniteWeights? finiteWeights;

    /// <summary>The input that samples are written to; the first of several.</summary>
    public Node Input => inputs[0];

    /// <summary>The prediction; the first of several.</summary>
    public Node Output => outputs[0];

    /// <summary>The inputs that samples are written to.</summary>
    public IReadOnlyList<Node> Inputs => inputs;

    /// <summary>The predictions.</summary>
    public IReadOnlyList<Node> Outputs => outputs;

    /// <summary>The inputs that losses compare with, in the order of the losses; a row of a data set's targets is dealt out to them.</summary>
    public IReadOnlyList<Node> Targets => targets;

    /// <summary>The target of the first loss; null for a network that only predicts.</summary>
    public Node? Target { get; }

    /// <summary>The first loss; null for a network that only predicts.</summary>
    public Loss? Loss { get; }

    /// <summary>The value of each loss in the last pass, without its weight.</summary>
    public ReadOnlySpan<float> LossValues => lossValues;

    /// <summary>How the network was compiled.</summary>
    public NetworkOptions Options { get; }

    /// <summary>The plan of a prediction.</summary>
    public Plan InferencePlan { get; }

    /// <summary>The plan of a training step; null for a network that only predicts.</summary>
    public Plan? TrainingPlan { get; }

    /// <summary>Floats of memory that the network uses: parameters, gradients, optimiser state, state and workspace.</summary>
    public int MemoryLength => memory.Length;

    /// <summary>The most samples of one call: the batch, or under a memory budget a part of it. A trainer accumulates the parts.</summary>
    public int MicroBatch => (TrainingPlan ?? InferencePlan).Batch;

    /// <summary>Threads that compute, the caller's among them.</summary>
    public int Threads => pool?.Threads ?? 1;

    /// <summary>Bytes that the network's worker threads have allocated since they were started: it does not grow while steps are run.</summary>
    public long WorkerAllocatedBytes => pool?.AllocatedBytes ?? 0;

    /// <summary>Trainable elements.</summary>
    public long ParameterCount => InferencePlan.ParameterCount;

    /// <summary>Everything trainable, as one flat span in the plan's layout.</summary>
    public Span<float> Parameters
    {
        get
        {
            shared.IsExposed = true;
            return ParameterMemory;
        }
    }

    /// <summary>The gradients of the last <see cref="ComputeGradients"/>, at the offsets of the parameters.</summary>
    public Span<float> Gradients => memory.Gradients.Span;

    /// <summary>The optimiser's state: its arrays one after the other, then its scalars.</summary>
    public Span<float> OptimizerState => memory.OptimizerState.Span;

    /// <summary>
    /// State that ops keep from step to step without training it (running means, carried recurrent state); <see cref="Plan.State"/> lists its ranges.
    /// </summary>
    public Span<float> State
    {
        get
        {
            shared.IsExposed = true;
            return StateMemory;
        }
    }

    /// <summary>Training steps so far.</summary>
    public long StepNumber { get; set; }

    /// <summary>Forgets what recurrent layers carry from call to call: the next samples begin new sequences.</summary>
    public void ResetState() => own.ResetState();

    /// <summary>Gives all parameters and the state fresh values and forgets the optimiser's state.</summary>
    public void Initialize(ulong seed)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        using SharedParameters.Change change = shared.BeginChange();
        ReadOnlySpan<ParameterRange> ranges = InferencePlan.Parameters;
        for (int i = 0; i < ranges.Length; i++)
        {
            Options.Initializer.Fill(in ranges[i], i, BorrowParameters(), seed);
        }

        InferencePlan.InitializeState(BorrowState());
        StepNumber = 0;
        if (Loss is not null)
        {
            OptimizerState.Clear();
            Options.Optimizer.Reset(OptimizerState[(Options.Optimizer.StateArrays * ParameterMemory.Length)..]);
        }
    }

    /// <summary>
    /// Where a training step's samples are written, before every step: afterwards other values may overwrite them. [batch][InputStride].
    /// </summary>
    public Span<float> TrainingInput(int batch) => TrainingInput(Input, batch);

    /// <summary>
    /// Where a training step's values of any input of the graph (a target, too) are written, [batch][<see cref="Plan.Stride"/> of the node].
    /// </summary>
    public Span<float> TrainingInput(Node input, int batch)
    {
        own.Guard.Require();

        // Other values of a prediction are in the same memory.
        own.Expose();
        return Training.ValueSpan(Workspace, input, batch);
    }

    /// <summary>
    /// Where a training step's targets are written, before every step: afterwards other values may overwrite them. [batch][TargetStride].
    /// </summary>
    public Span<float> TrainingTarget(int batch) => TrainingInput(Target!, batch);

    /// <summary>Elements of one sample: of all inputs together, without padding.</summary>
    public int InputLength { get; }

    /// <summary>Elements of one sample's prediction: of all outputs together, without padding.</summary>
    public int OutputLength { get; }

    /// <summary>Floats from sample to sample of the input.</summary>
    public int InputStride => InferencePlan.Stride(Input);

    /// <summary>Floats from sample to sample of the output.</summary>
    public int OutputStride => InferencePlan.Stride(Output);

    /// <summary>Floats from sample to sample of the target.</summary>
    public int TargetStride => Training.Stride(Target!);

    /// <summary>The worker threads; null for none.</summary>
    internal WorkerPool? Pool => pool;

    private Plan Training
    {
        get
        {
            if (TrainingPlan is null)
            {
                GraphErrors.InferenceOnly();
            }

            return TrainingPlan!;
        }
    }

    /// <summary>Whether the next prediction finds what the one before it made of parameters and state (weights as integers).</summary>
    internal bool IsMade => own.IsMade;

    /// <summary>The predictor in the network's own memory.</summary>
    internal Predictor OwnPredictor => own;

    /// <summary>The inputs, for code that deals out values.</summary>
    internal ReadOnlySpan<Node> InputNodes => inputs;

    /// <summary>The outputs, for code that collects values.</summary>
    internal ReadOnlySpan<Node> OutputNodes => outputs;

    /// <summary>Parameters and state change until the result is disposed of.</summary>
    internal SharedParameters.Change BeginChange()
    {
        own.Guard.Require();
        return shared.BeginChange();
    }

    /// <summary>The parameters, for code that does not write to them.</summary>
    internal ReadOnlySpan<float> ReadParameters() => ParameterMemory;

    /// <summary>The state, for code that does not write to it.</summary>
    internal ReadOnlySpan<float> ReadState() => StateMemory;

    /// <summary>The parameters, for code that lets go of the span before the next prediction.</summary>
    internal Span<float> BorrowParameters()
    {
        own.Guard.Require();
        shared.Touch();
        return ParameterMemory;
    }

    /// <summary>The state, for code that lets go of the span before the next prediction.</summary>
    internal Span<float> BorrowState()
    {
        own.Guard.Require();
        shared.Touch();
        return StateMemory;
    }

    /// <summary>
    /// Forward and backward pass over the samples written to <see cref="TrainingInput(int)"/> and <see cref="TrainingTarget"/>: fills
    /// <see cref="Gradients"/>.
    /// </summary>
    /// <param name="batch">Samples in this call.</param>
    /// <param name="correct">How many of them were predicted as the class of their target.</param>
    /// <param name="logicalBatch">Samples over which the loss averages; 0 for <paramref name="batch"/>.</param>
    /// <param name="sampleOffset">
    /// Samples of the logical batch that earlier calls have seen; above 0 gradients and loss go on from there, with the bits of one large batch (to
    /// rounding only where an op is applied twice: its weights then sum over uses and samples in another order). No other pass may come between.
    /// </param>
    /// <returns>The loss of the logical batch so far.</returns>
    public float ComputeGradients(int batch, out int correct, int logicalBatch = 0, int sampleOffset = 0)
    {
        using ThreadGuard.Use use = own.Guard.Enter();

        // Running statistics follow the samples.
        using SharedParameters.Change change = shared.BeginChange();
        RunInfo run = new(batch, logicalBatch == 0 ? batch : logicalBatch, sampleOffset, Training: true, Options.Seed, StepNumber);
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        float loss = ForwardLoss(in run, out correct);
        Training.Backward(TrainingMemory, in run, Options.Execution);
        return loss;
    }

    /// <summary>The loss of the samples written to <see cref="TrainingInput(int)"/> and <see cref="TrainingTarget"/>, without gradients.</summary>
    /// <param name="batch">Samples in this call.</param>
    /// <param name="correct">How many of them were predicted as the class of their target.</param>
    public float ComputeLoss(int batch, out int correct)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        return ForwardLoss(RunInfo.Single(batch), out correct);
    }

    /// <summary>
    /// Lets the optimiser change the parameters by <see cref="Gradients"/>, which clipping and penalties change first. Parameters that the loss does
    /// not depend on stay as they are.
    /// </summary>
    /// <returns>False, and no parameter is changed, if a gradient is not finite.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The learning rate is negative or not finite.</exception>
    public bool Update(float learningRate)
    {
        Errors.RequireNotNegative("learning rate", learningRate);
        if (Training.GradientLength == 0)
        {
            GraphErrors.NoGradientSpan();
        }

        using ThreadGuard.Use use = own.Guard.Enter();
        using SharedParameters.Change change = shared.BeginChange();
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        bool applied = GradientUpdate.Apply(Training, Options, BorrowParameters(), Gradients, OptimizerState, learningRate);
        StepNumber++;
        FollowParameters(KeepsRanges || !applied);
        return applied;
    }

    /// <summary>Sets the state that follows the parameters (the scales of integer weights), after they changed.</summary>
    internal void FollowParameters() => FollowParameters(keepRanges: true);

    /// <summary>Whether the ranges of integers stay as they are in training.</summary>
    internal bool KeepsRanges { get; set; }

    private void FollowParameters(bool keepRanges)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        using SharedParameters.Change change = shared.BeginChange();
        Training.FollowParameters(TrainingMemory, keepRanges);
    }

    /// <summary>One training step: forward, backward, update.</summary>
    /// <returns>The loss of the batch before the update.</returns>
    /// <exception cref="NotFiniteNumberException">A gradient is not finite and the parameters are lost (only where
    /// <see cref="UpdatesInBackward"/>, and in its scalar twin, which ends in the same step and keeps them).</exception>
    public float TrainStep(int batch, float learningRate)
    {
        if (!TrainStep(batch, learningRate, out float loss, out _) && EndsWhereNotFinite)
        {
            TrainingErrors.Diverged(StepNumber);
        }

        return loss;
    }

    /// <summary>
    /// One training step: forward, backward, update. Where <see cref="UpdatesInBackward"/>, <see cref="Gradients"/> of weights are not written;
    /// the new parameters have the same bits either way.
    /// </summary>
    /// <param name="batch">Samples written to <see cref="TrainingInput(int)"/> and <see cref="TrainingTarget"/>.</param>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="loss">The loss of the batch before the update.</param>
    /// <param name="correct">How many samples were predicted as the class of their target.</param>
    /// <returns>False if a gradient is not finite: then the update was not applied, or, where <see cref="UpdatesInBackward"/>, the parameters are
    /// lost.</returns>
    public bool TrainStep(int batch, float learningRate, out float loss, out int correct)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        if (!UpdatesInBackward)
        {
            loss = ComputeGradients(batch, out correct);
            return Update(learningRate);
        }

        Errors.RequireNotNegative("learning rate", learningRate);
        bool finite = batch == 1 && finiteWeights is not null && !shared.IsExposed && finiteWeights.Begin(shared.Version, ParameterMemory);
        bool applied;
        using (shared.BeginChange())
        {
            RunInfo run = new(batch, batch, 0, Training: true, Options.Seed, StepNumber) { FiniteWeights = finite };
            using WorkerPool.Loan loan = WorkerPool.Lend(pool);
            loss = ForwardLoss(in run, out correct);
            Regularization penalty = Options.Regularization;
            float l2 = penalty.L2 + penalty.WeightDecay;
            StepNumber++;
            SgdUpdate update = new(learningRate, l2, penalty.AllParameters ? l2 : 0f) { Finite = finite ? finiteWeights : null };
            applied = Training.BackwardAndUpdate(TrainingMemory, in run, in update);
            FollowParameters(KeepsRanges || !applied);
        }

        if (finite)
        {
            finiteWeights!.End(shared.Version);
        }

        return applied;
    }

    /// <summary>
    /// Whether a training step changes the weights within the backward pass: plain gradient descent without clipping or L1, no shared weights.
    /// </summary>
    public bool UpdatesInBackward { get; }

    /// <summary>
    /// Whether a gradient that is not finite ends a training: where the update is part of the backward pass, and in the scalar twin of such a
    /// training, so that both end in the same step.
    /// </summary>
    internal bool EndsWhereNotFinite { get; }

    /// <summary>Writes samples of a source into the input and the targets of a training step.</summary>
    internal void Gather(IBatchSource source, ReadOnlySpan<int> samples)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        feed.Gather(pool, source, samples, Training, TrainingMemory.Workspace, memory.Rows.Span);
    }

    /// <summary>Writes samples that were gathered elsewhere into the input and the targets of a training step.</summary>
    internal void Deal(ReadOnlySpan<float> inputRows, ReadOnlySpan<float> targetRows, int count)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        feed.Deal(inputRows, targetRows, Training, TrainingMemory.Workspace, count);
    }

    /// <summary>Elements of one sample's targets that data must give.</summary>
    internal int FedTargetLength => feed.TargetLength;

    /// <summary>The samples that were just gathered must have finite values.</summary>
    internal void RequireFinite(ReadOnlySpan<int> samples) => feed.RequireFinite(Training, TrainingMemory.Workspace, samples);

    /// <summary>Writes samples of a source into the inputs of a prediction.</summary>
    internal void GatherInputs(IBatchSource source, ReadOnlySpan<int> samples)
    {
        using ThreadGuard.Use use = own.Guard.Enter();
        if (inputs.Length == 1)
        {
            ParallelGather.Run(pool, source, samples, PredictionInput(samples.Length), InputStride, default, 0);
            return;
        }

        float[] rows = new float[samples.Length * feed.InputLength];
        source.Gather(samples, rows, feed.InputLength, default, 0);
        BatchFeed.Deal(inputs, rows, feed.InputLength, InferencePlan, Workspace, samples.Length);
    }

    /// <summary>Refuses a sample of another length than the inputs' together.</summary>
    internal void SampleDiffers(int length) => Errors.LengthDiffers(feed.InputNames, InputLength, length);

    /// <summary>The data's rows must be rows of all inputs.</summary>
    internal void CheckInputs(IBatchSource data) => feed.CheckInputs(data);

    /// <summary>The data's rows must be rows of all inputs and all targets.</summary>
    internal void CheckFits(IBatchSource data) => feed.CheckFits(Training, data);

    /// <summary>
    /// Ends the worker threads, if there are any. Calls that compute are then refused by an <see cref="ObjectDisposedException"/>; weights can
    /// be read and saved, and predictors that were made go on.
    /// </summary>
    public void Dispose()
    {
        own.Guard.Dispose();
        pool?.Dispose();
    }

    /// <summary>
    /// The memory table of the training plan, or of the inference plan; then <see cref="Processor.Hint"/>, where a native program leaves vectors of
    /// the processor unused.
    /// </summary>
    public override string ToString() => (TrainingPlan ?? InferencePlan) + (Processor.Hint is { } hint ? hint + "\n" : "");

    private float ForwardLoss(in RunInfo run, out int correct)
    {
        Plan plan = Training;
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        plan.Forward(TrainingMemory, in run, Options.Execution);
        for (int i = 0; i < lossValues.Length; i++)
        {
            lossValues[i] = ((Loss)plan.LossSteps[i].Op).Value(plan.LossParts(Workspace, i), run.LogicalBatch);
        }

        // The step may read logits where the graph's loss reads probabilities.
        Step judge = plan.LossSteps[0];
        correct = ((Loss)judge.Op).CountCorrect(
            plan.ValueSpan(Workspace, judge.InputNodes[0], run.Batch), judge.Inputs[0].Stride, plan.ValueSpan(Workspace, Target!, run.Batch),
            TargetStride, run.Batch);
        return plan.TotalLoss(Workspace, run.LogicalBatch);
    }

    private Span<float> ParameterMemory => memory.Parameters.Span;

    private Span<float> StateMemory => memory.State.Span;

    private Span<float> Workspace => memory.Workspace.Span;

    /// <summary>Memory of a training step, whose values overwrite what a prediction has made in it.</summary>
    private PlanMemory<float> TrainingMemory
    {
        get
        {
            own.Forget();
            return new PlanMemory<float>(ParameterMemory, Gradients, Workspace, StateMemory);
        }
    }
}
