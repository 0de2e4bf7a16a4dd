using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Mini-batch training: shuffles the samples of each epoch, gathers batches straight into the plan's input, steps. After construction no step
/// allocates.
/// Source: Nielsen, chapter 1 (network.py, SGD).
/// </summary>
/// <remarks>The order of an epoch depends on the seed and the epoch alone, so training can go on from any step with the bits of never having
/// stopped.</remarks>
public sealed class Trainer
{
    private readonly Network network;
    private readonly IBatchSource source;
    private readonly TrainerOptions options;
    private readonly int[] order;
    private readonly int[] evaluationOrder;
    private readonly float[] bestParameters;
    private readonly float[] bestState;
    private readonly AveragedWeights average;
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

    /// <summary>
    /// Judges the epoch by validation data: keeps the best weights (the averaged ones, where there are any), tells a schedule that looks, and stops
    /// when there was no improvement for long enough.
    /// </summary>
    /// <returns>Whether this epoch is the best so far.</returns>
    public bool Judge(Evaluation validation)
    {
        // Without classes there is no accuracy; then a smaller loss is better.
        double score = source.ClassCount == 0 ? -validation.Loss : validation.Accuracy;
        bool better = State.BestEpoch == 0 || score > State.BestScore || (double.IsNaN(State.BestScore) && !double.IsNaN(score));
        if (better)
        {
            State.BestScore = score;
            State.BestEpoch = State.Epoch;
            if (bestParameters.Length > 0)
            {
                (HasAverage ? AveragedParameters : network.BorrowParameters()).CopyTo(bestParameters);
                network.BorrowState().CopyTo(bestState);
            }
        }

        JudgeSchedule(score);

        State.Stopped = options.EarlyStopping.Patience > 0 && State.Epoch - State.BestEpoch >= options.EarlyStopping.Patience;
        return better;
    }

    /// <summary>
    /// Puts the weights that predict into the network: the best epoch's, with its running means, if early stopping kept any, else the averaged ones
    /// if there are any.
    /// </summary>
    public void RestoreBest()
    {
        using SharedParameters.Change change = network.BeginChange();
        if (State.BestEpoch > 0 && bestParameters.Length > 0)
        {
            bestParameters.CopyTo(network.BorrowParameters());
            bestState.CopyTo(network.BorrowState());
            network.ResetState();
        }
        else if (HasAverage)
        {
            AveragedParameters.CopyTo(network.BorrowParameters());
        }

        network.FollowParameters();
    }

    /// <summary>Loss and accuracy over all samples of a source, without changing the network and without allocating.</summary>
    /// <remarks>
    /// By the averaged weights, where there are any. Otherwise by the network's own.
    /// The losses of the network's batches, rounded to float, are summed in double: with another batch the loss differs in its last digits, the
    /// number of right predictions does not.
    /// </remarks>
    /// <exception cref="ArgumentException">The data do not fit the network, or a value of theirs is NaN or infinite.</exception>
    public Evaluation Evaluate(IBatchSource data) => Evaluate(data, cancellation: default);

    /// <summary>The same for data that take long.</summary>
    /// <param name="data">The data.</param>
    /// <param name="cancellation">Ends the call after the current batch, by the exception.</param>
    /// <param name="progress">Called after every batch with the samples so far; null for none.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; the network is as it was.</exception>
    /// <inheritdoc cref="Evaluate(IBatchSource)"/>
    public Evaluation Evaluate(IBatchSource data, CancellationToken cancellation, Action<int>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        CheckFits(network, data);
        if (!HasAverage)
        {
            return EvaluateParameters(data, progress, cancellation);
        }

        average.Swap();
        try
        {
            return EvaluateParameters(data, progress, cancellation);
        }
        finally
        {
            average.Swap();
        }
    }

    private Evaluation EvaluateParameters(IBatchSource data, Action<int>? progress, CancellationToken cancellation)
    {
        int correct = 0;
        double lossSum = 0;
        for (int first = 0; first < data.Count; first += evaluationOrder.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            int batch = Math.Min(evaluationOrder.Length, data.Count - first);
            for (int i = 0; i < batch; i++)
            {
                evaluationOrder[i] = first + i;
            }

            network.Gather(data, evaluationOrder.AsSpan(0, batch));
            network.ResetState();
            lossSum += (double)network.ComputeLoss(batch, out int right) * batch;
            correct += right;
            progress?.Invoke(first + batch);
        }

        correct = data.ClassCount == 0 ? 0 : correct;
        return new Evaluation(lossSum / data.Count, (double)correct / data.Count, correct, data.Count);
    }

    /// <summary>Accuracy means nothing where there are no classes.</summary>
    private static double Share(IBatchSource data, int correct, int samples) => data.ClassCount == 0 ? 0 : (double)correct / samples;

    private static void CheckFits(Network network, IBatchSource data)
    {
        network.CheckFits(data);
        if (data.Count == 0)
        {
            Errors.NotPositive("samples", 0);
        }

        FiniteData.Require(data);
    }

    /// <summary>One update from one logical batch, gathered in pieces of the network's batch.</summary>
    private float StepOnce(int logical, float rate, TrainerState state)
    {
        float loss = 0;
        int right = 0;
        network.KeepsRanges = network.StepNumber >= StepsWithRanges;
        bool applied = true, whole = logical <= network.MicroBatch;
        for (int offset = 0; offset < logical; offset += network.MicroBatch)
        {
            int batch = Math.Min(network.MicroBatch, logical - offset);
            Gather(order.AsSpan(state.NextSample + offset, batch));

            // Samples are shuffled: none continues another, whatever the batch.
            network.ResetState();

            // The next batch's rows lie anywhere in memory: they are fetched while this batch is computed.
            int next = state.NextSample + offset + batch;
            source.Prefetch(order.AsSpan(next, Math.Min(batch, order.Length - next)));
            int correct;
            if (whole)
            {
                applied = network.TrainStep(batch, rate, out loss, out correct);
            }
            else
            {
                loss = network.ComputeGradients(batch, out correct, logical, offset);
            }

            right += correct;
        }

        // Only now: where a source fails in the middle, the whole logical batch is done again.
        state.Correct += right;
        applied = whole ? applied : network.Update(rate);
        if (!applied)
        {
            RequireFinite(order.AsSpan(state.NextSample, logical));
            if (whole && network.EndsWhereNotFinite)
            {
                TrainingErrors.Diverged(network.StepNumber);
            }

            state.Rejected++;
        }
        else if (options.Averaging is { IsOn: true, EveryEpoch: false } && state.Epoch >= options.Averaging.FromEpoch)
        {
            average.Step(state);
        }

        return loss;
    }

    /// <summary>Brings samples into the network. Those of a source that cannot answer for its values are tested once: in the first epoch.</summary>
    private void Gather(ReadOnlySpan<int> samples)
    {
        network.Gather(source, samples);
        if (untested > 0)
        {
            network.RequireFinite(samples);
            untested -= samples.Length;
        }
    }

    /// <summary>A gradient was not finite: if that is the fault of the data, they are named.</summary>
    private void RequireFinite(ReadOnlySpan<int> samples)
    {
        for (int first = 0; first < samples.Length; first += network.MicroBatch)
        {
            ReadOnlySpan<int> part = samples[first..Math.Min(first + network.MicroBatch, samples.Length)];
            network.Gather(source, part);
            network.RequireFinite(part);
        }
    }

    private void JudgeSchedule(double score)
    {
        if (options.Schedule.Patience == 0)
        {
            return;
        }

        if (State.ScheduleScore is not { } best || score > best || (double.IsNaN(best) && !double.IsNaN(score)))
        {
            State.ScheduleScore = score;
            State.WaitingEpochs = 0;
        }
        else if (++State.WaitingEpochs >= options.Schedule.Patience)
        {
            State.Reductions++;
            State.WaitingEpochs = 0;
        }
    }

    private void PrepareOrder(int epoch)
    {
        if (orderedEpoch == epoch)
        {
            return;
        }

        source.BeginEpoch(epoch);

        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        new CounterRandom(network.Options.Seed, RandomPurpose.Shuffle).Shuffle((uint)epoch, order);
        orderedEpoch = epoch;
    }
}
