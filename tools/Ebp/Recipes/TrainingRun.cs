using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Trains epoch by epoch, judges each, and measures: the common part of train and compare.</summary>
internal sealed class TrainingRun : ICheckpoints
{
    private readonly TaskData data;
    private readonly List<EpochRecord> history;
    private readonly AllocationMeter meter;

    public TrainingRun(TaskData data, Network network, Trainer trainer, IEnumerable<EpochRecord>? earlier = null)
    {
        this.data = data;
        Network = network;
        meter = new AllocationMeter(network);
        Trainer = trainer;
        history = [.. earlier ?? []];
    }

    public Network Network { get; }

    public Trainer Trainer { get; }

    public IReadOnlyList<EpochRecord> History => history;

    /// <summary>Files that are written on the way; null for none.</summary>
    public Checkpoints? Checkpoints { get; init; }

    /// <summary>Whether the training was stopped from outside before its end.</summary>
    public bool Interrupted { get; private set; }

    /// <summary>Bytes that the training thread and the network's workers allocated for each update of this run.</summary>
    public double AllocatedBytesPerStep => meter.BytesPerStep;

    public double TrainSeconds
    {
        get
        {
            double sum = 0;
            foreach (EpochRecord record in history)
            {
                sum += record.Seconds;
            }

            return sum;
        }
    }

    public double SamplesPerSecond => TrainSeconds > 0 ? (double)data.Training.Count * history.Count / TrainSeconds : 0;

    /// <summary>
    /// The epoch whose weights predict: the best one by validation where early stopping keeps it, else the last; null before the first.
    /// </summary>
    public EpochRecord? Kept => Trainer.BestParameters.Length > 0 && Trainer.State.BestEpoch is > 0 and int best && best <= history.Count
        ? history[best - 1]
        : history.Count > 0 ? history[^1] : null;

    public double? BestTestAccuracy
    {
        get
        {
            double? best = null;
            foreach (EpochRecord record in history)
            {
                best = best is null || record.TestAccuracy > best ? record.TestAccuracy : best;
            }

            return best;
        }
    }

    /// <summary>Trains to the last epoch, or until cancelled.</summary>
    /// <param name="display">Shows the progress.</param>
    /// <param name="cancellation">Ends the training after the current update.</param>
    /// <param name="until">Epochs to stop at.</param>
    public void Run(ProgressDisplay display, CancellationToken cancellation, int until = int.MaxValue)
    {
        Action<TrainingProgress> report = progress =>
        {
            meter.StepDone();
            display.Report(progress);
        };
        while (!Trainer.Finished && Trainer.State.Epoch < until && !cancellation.IsCancellationRequested)
        {
            display.Begin(Trainer.State.Epoch + 1);
            meter.Begin();
            EpochResult? result = Trainer.TrainEpoch(report, Checkpoints is null ? null : this, cancellation);
            meter.End();
            if (result is not { } epoch)
            {
                break;
            }

            if (epoch.Rejected == Trainer.StepsPerEpoch)
            {
                // The weights have not changed: no later epoch can do better.
                throw new NotFiniteNumberException(
                    $"training diverged: no gradient of epoch {epoch.Epoch} is finite; a smaller learning rate may help");
            }

            EpochRecord record = Record(epoch);
            history.Add(record);
            Checkpoints?.AfterEpoch(Trainer, history);
            display.End(record, data.Training.Count);
            if (epoch.Rejected > 0)
            {
                display.Note(
                    $"epoch {epoch.Epoch}: {epoch.Rejected} updates were not applied, their gradients were not finite (a smaller --lr may help)");
            }
        }

        Interrupted = !Trainer.Finished && Trainer.State.Epoch < until;
    }

    void ICheckpoints.AfterUpdate(Trainer trainer)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Checkpoints!.AfterUpdate(trainer);
        meter.Leave(GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>The end has a file of its own.</summary>
    void ICheckpoints.AtEnd(Trainer trainer)
    {
    }

    private EpochRecord Record(EpochResult epoch)
    {
        bool classes = data.Classes > 0;
        Evaluation test = Trainer.Evaluate(data.Test);
        Evaluation? validation = data.Validation is null ? null : Trainer.Evaluate(data.Validation);
        if (validation is { } judged && Trainer.WantsJudgement)
        {
            Trainer.Judge(judged);
        }

        return new EpochRecord(
            epoch.Epoch, epoch.Loss, classes ? epoch.TrainAccuracy : null, test.Loss, classes ? test.Accuracy : null,
            validation?.Loss, classes ? validation?.Accuracy : null, epoch.Seconds);
    }
}
