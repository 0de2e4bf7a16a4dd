namespace EmbeddedBackprop.Training;

/// <summary>The progress of training: with the parameters and the optimiser's state, all that is needed to continue with the same bits.</summary>
public sealed class TrainerState
{
    /// <summary>Whole epochs done.</summary>
    public int Epoch { get; set; }

    /// <summary>Samples of the current epoch done.</summary>
    public int NextSample { get; set; }

    /// <summary>Sum of loss times batch over the current epoch.</summary>
    public double LossSum { get; set; }

    /// <summary>Right predictions of the current epoch.</summary>
    public int Correct { get; set; }

    /// <summary>Seconds of training in the current epoch.</summary>
    public double Seconds { get; set; }

    /// <summary>Updates of the current epoch that were not applied because a gradient was not finite.</summary>
    public long Rejected { get; set; }

    /// <summary>The best epoch by validation, counted from 1; 0 before the first.</summary>
    public int BestEpoch { get; set; }

    /// <summary>The best epoch's accuracy, or its negated loss.</summary>
    public double BestScore { get; set; }

    /// <summary>How often a schedule that looks at validation was told to reduce the rate.</summary>
    public int Reductions { get; set; }

    /// <summary>Epochs since validation was better, as that schedule counts: from its last reduction at most.</summary>
    public int WaitingEpochs { get; set; }

    /// <summary>The best score that schedule has seen; null before the first.</summary>
    public double? ScheduleScore { get; set; }

    /// <summary>Steps of the averaged weights.</summary>
    public long Averages { get; set; }

    /// <summary>Whether early stopping ended the training.</summary>
    public bool Stopped { get; set; }

    internal void BeginEpoch()
    {
        NextSample = 0;
        LossSum = 0;
        Correct = 0;
        Seconds = 0;
        Rejected = 0;
    }
}
