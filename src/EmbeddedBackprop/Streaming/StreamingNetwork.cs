using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Streaming;

/// <summary>
/// A network that is fed samples as they come, in pieces of any size, and decides every <see cref="Hop"/> steps of time. What it has computed for
/// earlier decisions it does not compute again; the bits are those of the network over all samples since the reset.
/// </summary>
/// <remarks>
/// The network's layers up to the one that makes one result of a window run over all samples since the reset. That layer reads the newest rows, as
/// many as the network has, and the rest runs on its result. For a net of layers without memory and padding this is the prediction of each window
/// of samples; a causal convolution and a layer with carry look back to the reset instead of the window's begin.
/// One object serves one thread and one stream. After it was made nothing is allocated.
/// </remarks>
public sealed class StreamingNetwork : IDisposable
{
    private readonly StreamGraph stream;
    private readonly Network network;
    private readonly float[] buffer;
    private readonly float[] decision;
    private int filled;
    private long hops;

    /// <summary>Makes a stream of a network; its weights are copied, as they are now.</summary>
    /// <param name="source">The network, of one input.</param>
    /// <param name="options">The hop, and whether layers carry their state; null for the defaults.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed step by step; the message names it and the remedy.</exception>
    /// <exception cref="ArgumentException">The hop does not fit the net's strides or window; the message names the numbers.</exception>
    public StreamingNetwork(Network source, StreamOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new StreamOptions();
        stream = new StreamGraph([.. source.Outputs], options.Hop, options.Carry);
        NetworkOptions planned = new()
        {
            Batch = 1, Threads = 1, Arithmetic = source.Options.Arithmetic, Layout = source.Options.Layout, Execution = source.Options.Execution,
        };
        network = new Network([stream.Input], stream.Outputs, [], planned);
        NetworkValues.Copy(source, network);
        buffer = new float[stream.Hop * SampleLength];
        decision = new float[network.OutputLength];
        Reset();
    }

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop => stream.Hop;

    /// <summary>Steps of time after a reset that the first decision needs.</summary>
    public long Window => stream.Window;

    /// <summary>Samples of a step of time: 1, or the channels or features of the input.</summary>
    public int SampleLength => stream.Source.Shape.Length / stream.Source.Shape[stream.Axis];

    /// <summary>Decisions since the reset.</summary>
    public long Decisions => Math.Max(0, hops - stream.FirstDecision + 1);

    /// <summary>Floats of memory besides the weights: the workspace, what is kept from hop to hop, and the samples of a hop.</summary>
    public int MemoryLength => network.InferencePlan.WorkspaceLength + network.InferencePlan.StateLength + buffer.Length;

    /// <summary>The plan of a hop.</summary>
    public Plan Plan => network.InferencePlan;

    /// <summary>The newest decision: the values of all outputs, one after the other. Valid until the next <see cref="Push"/>.</summary>
    /// <exception cref="InvalidOperationException">There is none yet.</exception>
    public ReadOnlySpan<float> Decision
    {
        get
        {
            if (Decisions == 0)
            {
                StreamErrors.NoDecision();
            }

            return decision;
        }
    }

    /// <summary>Takes samples until one makes a decision due.</summary>
    /// <param name="samples">
    /// Whole steps of time, [steps][<see cref="SampleLength"/>]: the channels or features of a step are next to each other. Receives what is left
    /// after the step of the decision.
    /// </param>
    /// <returns>Whether there is a new <see cref="Decision"/>; if not, all samples were taken.</returns>
    /// <exception cref="ArgumentException">The last step is not whole; nothing was taken.</exception>
    public bool Push(ref ReadOnlySpan<float> samples)
    {
        int step = SampleLength;
        if (samples.Length % step != 0)
        {
            StreamErrors.PartOfAStep(samples.Length, step);
        }

        while (!samples.IsEmpty)
        {
            int steps = Math.Min(samples.Length / step, stream.Hop - filled);
            Write(samples[..(steps * step)], steps);
            samples = samples[(steps * step)..];
            filled += steps;
            if (filled == stream.Hop)
            {
                filled = 0;
                hops++;
                Decide();
                if (hops >= stream.FirstDecision)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Forgets all samples: the next one is the first of a new stream.</summary>
    public void Reset()
    {
        network.ResetState();
        Array.Clear(buffer);
        filled = stream.Lead;
        hops = 0;
    }

    /// <summary>Ends the network.</summary>
    public void Dispose() => network.Dispose();

    private void Decide()
    {
        if (network.Outputs.Count == 1)
        {
            network.Predict(buffer).CopyTo(decision);
            return;
        }

        network.WriteInput(network.Input.Name, buffer, 1);
        _ = network.Predict(1);
        int first = 0;
        foreach (Node output in network.Outputs)
        {
            network.ReadOutput(output.Name, 1, decision.AsSpan(first, output.Shape.Length));
            first += output.Shape.Length;
        }
    }

    // The input's rows, [steps][features], or [channels][steps].
    private void Write(ReadOnlySpan<float> samples, int steps)
    {
        int step = SampleLength, between = Ops.Keep.After(stream.Input.Shape, stream.Axis), outer = step / between;
        for (int t = 0; t < steps; t++)
        {
            for (int i = 0; i < outer; i++)
            {
                samples.Slice((t * step) + (i * between), between).CopyTo(buffer.AsSpan(((i * stream.Hop) + filled + t) * between));
            }
        }
    }
}
