using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>The values of every node of a network over some samples, in the samples' order: the same at every number of threads.</summary>
internal sealed class Calibration
{
    private readonly Dictionary<Node, ValueHistogram> values = [];

    private Calibration(IReadOnlyList<Node> nodes)
    {
        Nodes = nodes;
        foreach (Node node in nodes)
        {
            values.Add(node, new ValueHistogram());
        }
    }

    /// <summary>The nodes of a prediction.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>The values of a node.</summary>
    public ValueHistogram this[Node node] => values[node];

    /// <summary>Runs twice over the samples: for minima and maxima, and for what lies between them.</summary>
    /// <exception cref="ArgumentException">There are no samples, or a value is not finite; the message names the node.</exception>
    public static Calibration Run(Network network, IBatchSource source, int[] samples)
    {
        if (samples.Length == 0)
        {
            QuantizationErrors.NoSamples();
        }

        PredictionTrace trace = new(network);
        Calibration result = new(trace.Nodes);
        trace.Run(source, samples, first =>
        {
            foreach (Node node in trace.Nodes)
            {
                if (result[node].Widen(trace.Values(node)) is { Row: >= 0 } wrong)
                {
                    QuantizationErrors.NotFinite(node.Name, samples[first + wrong.Row], wrong.Value);
                }
            }
        });
        trace.Run(source, samples, _ =>
        {
            foreach (Node node in trace.Nodes)
            {
                result[node].Count(trace.Values(node));
            }
        });
        return result;
    }

    /// <summary>Samples for a calibration: all of them, or as many as are wanted, drawn by a seed.</summary>
    public static int[] Draw(int count, int wanted, ulong seed)
    {
        int[] samples = new int[count];
        for (int i = 0; i < count; i++)
        {
            samples[i] = i;
        }

        if (wanted < count)
        {
            new CounterRandom(seed, RandomPurpose.Calibration).Shuffle(0, samples);
            Array.Resize(ref samples, wanted);
        }

        return samples;
    }
}
