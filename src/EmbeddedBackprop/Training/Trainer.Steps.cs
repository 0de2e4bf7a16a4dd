using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Training;

/// <content>The steps of an epoch: which samples, brought into the network by whom, and the update.</content>
public sealed partial class Trainer
{
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
            Gather(state.NextSample + offset, batch);

            // Samples are shuffled: none continues another, whatever the batch.
            network.ResetState();
            BeginNext(state.NextSample + offset + batch, logical - offset - batch);
            int correct;
            try
            {
                if (whole)
                {
                    applied = network.TrainStep(batch, rate, out loss, out correct);
                }
                else
                {
                    loss = network.ComputeGradients(batch, out correct, logical, offset);
                }
            }
            finally
            {
                ahead?.End();
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
    private void Gather(int first, int count)
    {
        ReadOnlySpan<int> samples = order.AsSpan(first, count);
        if (ahead is null || !ahead.TryTake(network, first, count))
        {
            network.Gather(source, samples);
        }

        if (untested > 0)
        {
            network.RequireFinite(samples);
            untested -= samples.Length;
        }
    }

    /// <summary>The next batch is gathered ahead, or its rows, which lie anywhere in memory, are fetched, while this batch is computed.</summary>
    /// <param name="first">Its first sample.</param>
    /// <param name="left">Samples that are left of the logical batch; where there are none, it is the first of the next one.</param>
    private void BeginNext(int first, int left)
    {
        int count = Math.Min(network.MicroBatch, left > 0 ? left : Math.Min(LogicalBatch, order.Length - first));
        if (ahead is null)
        {
            source.Prefetch(order.AsSpan(first, count));
            return;
        }

        ahead.Begin(first, count);
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
