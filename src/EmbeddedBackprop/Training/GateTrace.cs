using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The gates of a recurrent layer in one forward pass, read from the values saved for the backward pass, which overwrites them with deltas.
/// </summary>
internal static class GateTrace
{
    /// <summary>
    /// The gates of every direction: means over the samples at each one's last step, and over all their steps. Steps that a mask holds do not count.
    /// </summary>
    /// <param name="op">The layer.</param>
    /// <param name="saved">Its saved values.</param>
    /// <param name="samples">Samples of the pass.</param>
    /// <param name="layout">The plan's rows.</param>
    /// <param name="mask">[samples][steps]; empty for none.</param>
    public static GateExplanation[] Read(Recurrent op, ReadOnlySpan<float> saved, int samples, Layout layout, ReadOnlySpan<float> mask)
    {
        RecurrentSizes sizes = new(op, samples, layout);
        List<GateExplanation> gates = [];
        for (int direction = 0; direction < op.Directions; direction++)
        {
            ReadOnlySpan<float> own = saved.Slice((int)(direction * sizes.Saved), (int)sizes.SavedGates);
            for (int gate = 0; gate < op.GateNames.Count; gate++)
            {
                double[] last = new double[op.Hidden], all = new double[op.Hidden];
                int ended = 0, steps = 0;
                for (int sample = 0; sample < samples; sample++)
                {
                    // Of two directions the second one takes the sequence from its end. Step s is block steps - 1 - s.
                    bool first = true;
                    for (int step = op.Steps - 1; step >= 0; step--)
                    {
                        int time = direction == 0 ? step : op.Steps - 1 - step;
                        if (!mask.IsEmpty && !(mask[(sample * op.Steps) + time] > 0))
                        {
                            continue;
                        }

                        int at = ((((op.Steps - 1 - step) * samples) + sample) * sizes.GateStride) + (gate * op.Hidden);
                        Add(own.Slice(at, op.Hidden), all);
                        steps++;
                        if (first)
                        {
                            Add(own.Slice(at, op.Hidden), last);
                            ended++;
                            first = false;
                        }
                    }
                }

                gates.Add(new GateExplanation(op.GateNames[gate] + (direction == 0 ? "" : "_reverse"), Divided(last, ended), Divided(all, steps)));
            }
        }

        return [.. gates];
    }

    private static void Add(ReadOnlySpan<float> values, double[] sums)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            sums[i] += values[i];
        }
    }

    private static float[] Divided(double[] sums, int count) => Array.ConvertAll(sums, sum => count == 0 ? 0f : (float)(sum / count));
}
