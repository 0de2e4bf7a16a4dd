using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Training;

/// <summary>How a network is trained.</summary>
public sealed record TrainerOptions
{
    private readonly float? learningRate;

    /// <summary>Passes over the training data; 10 by default.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>
    /// The learning rate, before the schedule. By default the one that suits the network's optimiser, loss and output
    /// (<see cref="LearningRates.For(Network)"/>), which <see cref="Trainer.Options"/> then holds; before that it reads as NaN.
    /// </summary>
    public float LearningRate
    {
        get => learningRate ?? float.NaN;
        init => learningRate = value;
    }

    /// <summary>How the learning rate changes; by default it does not (<see cref="Constant"/>).</summary>
    public Schedule Schedule { get; init; } = new Constant();

    /// <summary>
    /// Batches whose gradients are accumulated into one update; the bits are those of one batch of that size (to rounding only where an op is applied
    /// twice). 1 by default.
    /// </summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>When to stop early, by the validation data; never by default.</summary>
    public EarlyStopping EarlyStopping { get; init; } = EarlyStopping.Never;

    /// <summary>Whether an average of the weights judges and predicts; by default there is none.</summary>
    public WeightAveraging Averaging { get; init; } = WeightAveraging.None;

    /// <summary>The options with the learning rate of a network where none was given.</summary>
    internal TrainerOptions For(Network network) => learningRate is null ? this with { LearningRate = LearningRates.For(network) } : this;
}

/// <summary>
/// Training stops when the validation accuracy (without classes: the loss) has not improved for a number of epochs; the best weights are kept.
/// </summary>
/// <param name="Patience">Epochs without improvement that are borne; 0 switches early stopping off.</param>
public sealed record EarlyStopping(int Patience)
{
    /// <summary>All epochs are run.</summary>
    public static EarlyStopping Never { get; } = new(0);
}

/// <summary>The results of one epoch.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Loss">Mean of the batches' losses, each before its update.</param>
/// <param name="TrainAccuracy">Share of right predictions during the epoch, each before its update; 0 without classes.</param>
/// <param name="Seconds">Seconds of training alone.</param>
/// <param name="Rejected">Updates that were not applied because a gradient was not finite.</param>
public readonly record struct EpochResult(int Epoch, double Loss, double TrainAccuracy, double Seconds, long Rejected);

/// <summary>The progress of training within an epoch, for progress displays.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Samples">Samples of this epoch so far.</param>
/// <param name="Count">Samples of an epoch.</param>
/// <param name="Loss">Mean loss of this epoch so far.</param>
/// <param name="Accuracy">Share of right predictions of this epoch so far; 0 without classes.</param>
public readonly record struct TrainingProgress(int Epoch, int Samples, int Count, double Loss, double Accuracy)
{
    /// <summary>The results of the epoch that has just ended; null after an update.</summary>
    public EpochResult? Result { get; init; }

    /// <summary>With <see cref="Result"/>: how good the network is on the validation data; null without such data.</summary>
    public Evaluation? Validation { get; init; }

    /// <summary>With <see cref="Validation"/>: whether the epoch is the best so far.</summary>
    public bool IsBest { get; init; }
}

/// <summary>How <see cref="Trainer.Run"/> ended.</summary>
/// <param name="Cancelled">Whether it was cancelled: another run continues.</param>
/// <param name="StoppedEarly">Whether early stopping ended the training.</param>
/// <param name="Epochs">Whole epochs done, earlier runs among them.</param>
/// <param name="BestEpoch">The best epoch by validation, counted from 1; 0 without validation data.</param>
/// <param name="Result">The results of the last epoch; null if this run ended none.</param>
/// <param name="Validation">The last epoch on the validation data; null without such data.</param>
public readonly record struct TrainingOutcome(
    bool Cancelled, bool StoppedEarly, int Epochs, int BestEpoch, EpochResult? Result, Evaluation? Validation);

/// <summary>Saves a training now and then, so that a power cut or an exception costs minutes and not days.</summary>
public interface ICheckpoints
{
    /// <summary>Called after every update, by the thread that trains; should return at once when nothing is to be saved.</summary>
    void AfterUpdate(Trainer trainer);

    /// <summary>Called when a run ends or is cancelled, before the best weights are restored.</summary>
    void AtEnd(Trainer trainer);
}

/// <summary>How good a network is on some data.</summary>
/// <param name="Loss">The mean loss.</param>
/// <param name="Accuracy">Share of right predictions; 0 without classes.</param>
/// <param name="Correct">Right predictions; 0 without classes.</param>
/// <param name="Count">Samples.</param>
public readonly record struct Evaluation(double Loss, double Accuracy, int Correct, int Count);
