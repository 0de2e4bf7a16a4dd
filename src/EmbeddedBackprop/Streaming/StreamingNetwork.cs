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
    private readonly StreamInput[] inputs;
    private readonly float[][] buffers;
    private readonly float[] decision;
    private int filled;
    private long hops;

    /// <summary>Makes a stream of a network; its weights are copied, as they are now.</summary>
    /// <param name="source">The network, of one input, or of two with as many steps.</param>
    /// <param name="options">The hop, and whether layers carry their state; null for the defaults.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed step by step; the message names it and the remedy.</exception>
    /// <exception cref="ArgumentException">The hop does not fit the net's strides or window; the message names the numbers.</exception>
    public StreamingNetwork(Network source, StreamOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new StreamOptions();
        stream = new StreamGraph([.. source.Outputs], StreamFeed.Of(options));
        if (stream.Inputs.Length > 2)
        {
            StreamErrors.CannotStream(stream.Inputs[2].Source.Name, "is a third input");
        }

        NetworkOptions planned = new()
        {
            Batch = 1, Threads = 1, Arithmetic = source.Options.Arithmetic, Layout = source.Options.Layout, Execution = source.Options.Execution,
        };
        inputs = [.. source.Inputs.Select(input => stream.InputOf(input.Name)).OfType<StreamInput>()];
        network = new Network([.. inputs.Select(input => input.Node)], stream.Outputs, [], planned);
        NetworkValues.Copy(source, network);
        buffers = Array.ConvertAll(inputs, input => new float[stream.Hop * input.StepLength]);
        decision = new float[network.OutputLength];
        Reset();
    }

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop => stream.Hop;

    /// <summary>Steps of time after a reset that the first decision needs.</summary>
    public long Window => stream.Window;

    /// <summary>Samples of a step of time: 1, or the channels or features of the input. Of two inputs, those of the first.</summary>
    public int SampleLength => inputs[0].StepLength;

    /// <summary>The same of each input, in the order of the network's inputs.</summary>
    public IReadOnlyList<int> SampleLengths => Array.ConvertAll(inputs, input => input.StepLength);

    /// <summary>Decisions since the reset.</summary>
    public long Decisions => Math.Max(0, hops - stream.FirstDecision + 1);

    /// <summary>Floats of memory besides the weights: the workspace, what is kept from hop to hop, and the samples of a hop.</summary>
    public int MemoryLength => network.InferencePlan.WorkspaceLength + network.InferencePlan.StateLength + buffers.Sum(buffer => buffer.Length);

    /// <summary>The plan of a hop.</summary>
    public Plan Plan => network.InferencePlan;

    /// <summary>The newest decision: the values of all outputs, one after the other. Valid until the next push.</summary>
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

    /// <summary>Takes samples until one makes a decision due, of a network with one input.</summary>
    /// <param name="samples">
    /// Whole steps of time, [steps][<see cref="SampleLength"/>]: the channels or features of a step are next to each other. Receives what is left
    /// after the step of the decision.
    /// </param>
    /// <returns>Whether there is a new <see cref="Decision"/>; if not, all samples were taken.</returns>
    /// <exception cref="ArgumentException">The last step is not whole, or the network has two inputs; nothing was taken.</exception>
    public bool Push(ref ReadOnlySpan<float> samples)
    {
        ReadOnlySpan<float> none = [];
        return Push(ref samples, ref none, 1);
    }

    /// <summary>Takes samples until a step makes a decision due, of a network with two inputs: both get the same steps of time.</summary>
    /// <param name="first">As many whole steps as of the second input, [steps][<see cref="SampleLengths"/>[0]]. Receives what is left.</param>
    /// <param name="second">The samples of the second input at these steps, [steps][<see cref="SampleLengths"/>[1]]. Receives what is left.</param>
    /// <returns>Whether there is a new <see cref="Decision"/>; if not, all samples were taken.</returns>
    /// <exception cref="ArgumentException">
    /// A last step is not whole, one input has more steps, or the network has one input; nothing was taken.
    /// </exception>
    public bool Push(ref ReadOnlySpan<float> first, ref ReadOnlySpan<float> second) => Push(ref first, ref second, 2);

    /// <summary>Forgets all samples: the next one is the first of a new stream.</summary>
    public void Reset()
    {
        network.ResetState();
        foreach (float[] buffer in buffers)
        {
            Array.Clear(buffer);
        }

        filled = stream.Lead;
        hops = 0;
    }

    /// <summary>Ends the network.</summary>
    public void Dispose() => network.Dispose();

    private bool Push(ref ReadOnlySpan<float> first, ref ReadOnlySpan<float> second, int given)
    {
        if (given != inputs.Length)
        {
            StreamErrors.OtherInputs(given, inputs.Length);
        }

        int left = Steps(first, 0);
        if (given == 2 && Steps(second, 1) != left)
        {
            StreamErrors.OtherSteps(left, Steps(second, 1));
        }

        while (left > 0)
        {
            int steps = Math.Min(left, stream.Hop - filled);
            Take(ref first, 0, steps);
            if (given == 2)
            {
                Take(ref second, 1, steps);
            }

            left -= steps;
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

    private int Steps(ReadOnlySpan<float> samples, int input)
    {
        int step = inputs[input].StepLength;
        if (samples.Length % step != 0)
        {
            StreamErrors.PartOfAStep(samples.Length, step);
        }

        return samples.Length / step;
    }

    private void Decide()
    {
        if (inputs.Length == 1 && network.Outputs.Count == 1)
        {
            network.Predict(buffers[0]).CopyTo(decision);
            return;
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            network.WriteInput(inputs[i].Node.Name, buffers[i], 1);
        }

        _ = network.Predict(1);
        int first = 0;
        foreach (Node output in network.Outputs)
        {
            network.ReadOutput(output.Name, 1, decision.AsSpan(first, output.Shape.Length));
            first += output.Shape.Length;
        }
    }

    // The input's rows, [steps][features], or [channels][steps].
    private void Take(ref ReadOnlySpan<float> samples, int input, int steps)
    {
        int step = inputs[input].StepLength, between = inputs[input].Between, outer = step / between;
        for (int t = 0; t < steps; t++)
        {
            for (int i = 0; i < outer; i++)
            {
                samples.Slice((t * step) + (i * between), between)
                    .CopyTo(buffers[input].AsSpan(((i * stream.Hop) + filled + t) * between));
            }
        }

        samples = samples[(steps * step)..];
    }
}
