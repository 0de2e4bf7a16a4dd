using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Mini-batch training: shuffles the samples of each epoch, gathers batches straight into the plan's input, steps. Where the network has several
/// threads and samples are costly (<see cref="IBatchSource.GatherCost"/>), the next batch is gathered while this one is computed, with the same
/// bits. After construction no step allocates.
/// Source: Nielsen, chapter 1 (network.py, SGD).
/// </summary>
/// <remarks>The order of an epoch depends on the seed and the epoch alone, so training can go on from any step with the bits of never having
/// stopped.</remarks>
public sealed partial class Trainer
{
    private readonly Network network;
    private readonly IBatchSource source;
    private readonly TrainerOptions options;
    private readonly int[] order;
    private readonly int[] evaluationOrder;
    private readonly float[] bestParameters;
    private readonly float[] bestState;
    private readonly AveragedWeights average;
    private readonly BatchAhead? ahead;
    private int orderedEpoch = -1;

    /// <summary>Samples that are still to be tested for values that are not finite, as they are gathered.</summary>
    private int untested;

    /// <summary>Prepares training: all memory is made here.</summary>
    /// <exception cref="ArgumentException">The data do not fit the network; the message names both sizes. Or a value of the data is NaN or
    /// infinite; the message names sample and column.</exception>
    public Trainer(Network network, IBatchSource source, TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        CheckFits(network, source);
        options = options.For(network);
        if (options.Epochs < 0)
        {
            Errors.Negative("epochs", options.Epochs);
        }

        if (options.Accumulation < 1)
        {
            Errors.NotPositive("accumulation", options.Accumulation);
        }

        if (!(options.LearningRate >= 0) || float.IsInfinity(options.LearningRate))
        {
            Errors.Negative("learning rate", options.LearningRate);
        }

        if (options.EarlyStopping.Patience < 0)
        {
            Errors.Negative("patience", options.EarlyStopping.Patience);
        }

        if (options.Accumulation > 1 && network.TrainingPlan is { GradientLength: 0 })
        {
            GraphErrors.NoGradientSpan();
        }

        if ((long)network.Options.Batch * options.Accumulation > int.MaxValue)
        {
            Errors.OutOfRange(
                "accumulation",
                options.Accumulation,
                $"at most {int.MaxValue / network.Options.Batch} for a batch of {network.Options.Batch}");
        }

        if (options.Accumulation > 1 && network.TrainingPlan is { WholeBatch: { } whole })
        {
            TrainingErrors.AccumulatesWholeBatch(whole.Name, options.Accumulation, network.Options.Batch);
        }

        this.network = network;
        this.source = source;
        this.options = options;
        order = new int[source.Count];
        evaluationOrder = new int[network.MicroBatch];
        bestParameters = options.EarlyStopping.Patience > 0 ? new float[network.InferencePlan.ParameterLength] : [];
        bestState = options.EarlyStopping.Patience > 0 ? new float[network.InferencePlan.StateLength] : [];
        average = new AveragedWeights(network, options.Averaging);
        ahead = BatchAhead.For(network, source, order);
        untested = FiniteData.IsFinite(source) is null ? source.Count : 0;
    }

    /// <summary>The network to train.</summary>
    public Network Network => network;

    /// <summary>How it is trained.</summary>
    public TrainerOptions Options => options;

    /// <summary>Samples of one epoch.</summary>
    public int SampleCount => source.Count;

    /// <summary>Everything that must be kept to continue later as if training had not stopped.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The state is at a sample that an epoch of these data does not have.</exception>
    public TrainerState State
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.NextSample < 0 || value.NextSample > source.Count)
            {
                Errors.OutOfRange("next sample", value.NextSample, $"0 to {source.Count}");
            }

            field = value;
        }
    } = new();

    /// <summary>Updates of one epoch.</summary>
    public long StepsPerEpoch => (source.Count + LogicalBatch - 1L) / LogicalBatch;

    /// <summary>Steps in which ranges of integers follow the values: in the last tenth they stay.</summary>
    private long StepsWithRanges => (StepsPerEpoch * options.Epochs) - (StepsPerEpoch * options.Epochs / 10);

    /// <summary>Whether all epochs are done or training stopped early.</summary>
    public bool Finished => State.Epoch >= options.Epochs || State.Stopped;

    /// <summary>Whether the next batch is gathered while this one is computed.</summary>
    internal bool GathersAhead => ahead is not null;

    private bool HasAverage => State.Averages > 0 && options.Averaging.IsOn;

    private int LogicalBatch => network.Options.Batch * options.Accumulation;

    /// <summary>The parameters of the best epoch so far, in the network's layout; empty without early stopping.</summary>
    public Span<float> BestParameters => bestParameters;

    /// <summary>The state (running means) that belongs to <see cref="BestParameters"/>; empty without early stopping or without state.</summary>
    public Span<float> BestState => bestState;

    /// <summary>
    /// The averaged parameters, in the network's layout; they mean something once <see cref="TrainerState.Averages"/> is above 0. Empty without
    /// averaging.
    /// </summary>
    public Span<float> AveragedParameters => average.Span;

    /// <summary>Whether options ask for a validation result after each epoch: early stopping, or a schedule that looks at it.</summary>
    public bool WantsJudgement => options.EarlyStopping.Patience > 0 || options.Schedule.Patience > 0;

    /// <summary>Trains to the end of the current epoch.</summary>
    /// <param name="progress">Called after every update; null for none.</param>
    /// <param name="cancellation">Ends the call after the current update; a later call continues from there.</param>
    /// <returns>The epoch's result; null if the call was cancelled before the epoch's end.</returns>
    /// <exception cref="InvalidOperationException">Training has ended (<see cref="Finished"/>).</exception>
    /// <exception cref="ArgumentException">A value of the data is NaN or infinite; the message names sample and column.</exception>
    /// <exception cref="NotFiniteNumberException">
    /// A gradient was not finite and the weights are lost, because the network changes them within the backward pass
    /// (<see cref="Network.UpdatesInBackward"/>); the scalar twin of such a training ends in the same step.
    /// Elsewhere such an update is left out and counted.
    /// </exception>
    public EpochResult? TrainEpoch(Action<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        TrainEpoch(progress, checkpoints: null, cancellation);

    /// <summary>The same with checkpoints within the epoch; <see cref="ICheckpoints.AtEnd"/> is left to the caller.</summary>
    /// <param name="progress">Called after every update; null for none.</param>
    /// <param name="checkpoints">Called after every update, after the progress; null for none.</param>
    /// <param name="cancellation">Ends the call after the current update; a later call continues from there.</param>
    /// <returns>The epoch's result; null if the call was cancelled before the epoch's end.</returns>
    /// <exception cref="InvalidOperationException">Training has ended (<see cref="Finished"/>).</exception>
    /// <exception cref="ArgumentException">A value of the data is NaN or infinite; the message names sample and column.</exception>
    /// <exception cref="NotFiniteNumberException">A gradient was not finite and the weights are lost.</exception>
    public EpochResult? TrainEpoch(Action<TrainingProgress>? progress, ICheckpoints? checkpoints, CancellationToken cancellation)
    {
        TrainerState state = State;
        if (Finished)
        {
            TrainingErrors.Ended(state.Epoch, options.Epochs);
        }

        // What an earlier call left, which an exception may have ended, was made of data that may have changed since.
        ahead?.Forget();
        PrepareOrder(state.Epoch);
        long began = Stopwatch.GetTimestamp();
        while (state.NextSample < source.Count)
        {
            int logical = Math.Min(LogicalBatch, source.Count - state.NextSample);
            float rate = options.Schedule.Rate(
                options.LearningRate,
                new ScheduleTime(network.StepNumber, StepsPerEpoch, options.Epochs) { Reductions = state.Reductions });
            float loss = StepOnce(logical, rate, state);
            state.LossSum += (double)loss * logical;
            state.NextSample += logical;
            progress?.Invoke(new TrainingProgress(
                state.Epoch + 1, state.NextSample, source.Count, state.LossSum / state.NextSample, Share(source, state.Correct, state.NextSample)));
            if (checkpoints is not null)
            {
                // A file written now holds the time until now, and writing it is no training.
                state.Seconds += Stopwatch.GetElapsedTime(began).TotalSeconds;
                checkpoints.AfterUpdate(this);
                began = Stopwatch.GetTimestamp();
            }

            if (cancellation.IsCancellationRequested && state.NextSample < source.Count)
            {
                state.Seconds += Stopwatch.GetElapsedTime(began).TotalSeconds;
                return null;
            }
        }

        state.Seconds += Stopwatch.GetElapsedTime(began).TotalSeconds;
        EpochResult result = new(
            state.Epoch + 1, state.LossSum / source.Count, Share(source, state.Correct, source.Count), state.Seconds, state.Rejected);
        state.Epoch++;
        if (options.Averaging is { IsOn: true, EveryEpoch: true } && state.Epoch > options.Averaging.FromEpoch)
        {
            average.Step(state);
        }

        state.BeginEpoch();
        return result;
    }

    /// <summary>
    /// Trains to the end: all epochs, or until early stopping ends it. Each epoch is judged by the validation data, and at the end the network has
    /// the weights that predict (<see cref="RestoreBest"/>).
    /// </summary>
    /// <param name="validation">Data to judge epochs by; null for none.</param>
    /// <param name="progress">
    /// Called after every update, and once more after every epoch, with its <see cref="TrainingProgress.Result"/>; null for none.
    /// </param>
    /// <param name="cancellation">
    /// Ends the run after the current update, or after the validation that is under way. The network then has its last weights, and another run
    /// continues with the bits of never having stopped.
    /// </param>
    /// <param name="checkpoints">Saves the training now and then, and at the end; null for never.</param>
    /// <exception cref="ArgumentException">
    /// The validation data do not fit the network or are missing although early stopping or the schedule needs them; or a value of the data is NaN or
    /// infinite.
    /// </exception>
    /// <exception cref="NotFiniteNumberException">Training diverged: no update of an epoch could be applied, or the weights are lost.</exception>
    [SuppressMessage("Design", "CA1068", Justification = "Run(validation, progress, cancellation) is the usual call; checkpoints are named.")]
    public TrainingOutcome Run(
        IBatchSource? validation = null, Action<TrainingProgress>? progress = null, CancellationToken cancellation = default,
        ICheckpoints? checkpoints = null)
    {
        if (validation is not null)
        {
            CheckFits(network, validation);
        }
        else if (WantsJudgement)
        {
            TrainingErrors.NothingToJudgeBy(options.EarlyStopping.Patience > 0 ? "early stopping" : $"the schedule {options.Schedule.Name}");
        }

        EpochResult? result = null;
        Evaluation? judged = null;
        while (!Finished)
        {
            if (cancellation.IsCancellationRequested || TrainEpoch(progress, checkpoints, cancellation) is not { } epoch)
            {
                checkpoints?.AtEnd(this);
                return new TrainingOutcome(Cancelled: true, State.Stopped, State.Epoch, State.BestEpoch, result, judged);
            }

            if (epoch.Rejected == StepsPerEpoch)
            {
                // The weights have not changed: no later epoch can do better.
                TrainingErrors.AllRejected(epoch.Epoch);
            }

            result = epoch;
            judged = validation is null ? null : Evaluate(validation);
            bool best = judged is { } evaluation && Judge(evaluation);
            progress?.Invoke(new TrainingProgress(epoch.Epoch, source.Count, source.Count, epoch.Loss, epoch.TrainAccuracy)
            {
                Result = epoch, Validation = judged, IsBest = best,
            });
        }

        checkpoints?.AtEnd(this);
        RestoreBest();
        return new TrainingOutcome(Cancelled: false, State.Stopped, State.Epoch, State.BestEpoch, result, judged);
    }

    private static void CheckFits(Network network, IBatchSource data)
    {
        network.CheckFits(data);
        if (data.Count == 0)
        {
            Errors.NotPositive("samples", 0);
        }

        FiniteData.Require(data);
    }
}
