namespace EmbeddedBackprop.Training;

/// <content>How good the network is: evaluation, early stopping, schedules that look at validation data.</content>
public sealed partial class Trainer
{
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
}
