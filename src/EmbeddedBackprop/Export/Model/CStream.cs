using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Streaming;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// A network that is fed as a stream: its plan of a hop, with the weights in the layout of it. One that is fed one time step a call
/// (<see cref="CExportOptions.Carry"/>) is the stream whose hop is one step and whose first step is a decision: NAME_predict takes it.
/// </summary>
internal sealed class CStream
{
    private readonly StreamGraph graph;

    /// <summary>Rewrites a network.</summary>
    /// <param name="source">An inference plan.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="parameters">The parameters in its layout.</param>
    /// <param name="state">The state in its layout.</param>
    /// <param name="options">The options of the export.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed step by step; the message names it.</exception>
    /// <exception cref="ArgumentException">The hop does not fit the net's strides or window; the message names the numbers.</exception>
    public CStream(Plan source, Node[] outputs, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, CExportOptions options)
    {
        if (options.Stream is null)
        {
            RequireCarry(source, options);
        }
        else if (options.Training is not null || options.Carry || options.InputInArena)
        {
            ExportErrors.StreamAlone();
        }

        graph = new StreamGraph(outputs, options.Stream is null ? StreamFeed.OneStep : StreamFeed.Of(options.Stream));
        PlanOptions planned = new() { Arithmetic = source.Options.Arithmetic, Layout = source.Options.Layout };
        Plan = Plan.ForInference(graph.Graph, planned, graph.Outputs);
        Parameters = new float[Plan.ParameterLength];
        State = new float[Plan.StateLength];
        CWeights.Copy(source, parameters, state, Plan, Parameters, State);

        // NAME_push takes samples as they are: floats, as many as there are. What was standardised is prepared step by step.
        Options = options with
        {
            ByteScale = options.Stream is null ? options.ByteScale : null,
            Padding = null,
            InputMeans = OfOneStep(options.InputMeans),
            InputScales = OfOneStep(options.InputScales),
        };
    }

    /// <summary>The options, with the preparation of one step of time.</summary>
    public CExportOptions Options { get; }

    /// <summary>The plan of a hop.</summary>
    public Plan Plan { get; }

    /// <summary>Its outputs.</summary>
    public Node[] Outputs => graph.Outputs;

    /// <summary>The parameters in its layout.</summary>
    public float[] Parameters { get; }

    /// <summary>The state in its layout.</summary>
    public float[] State { get; }

    /// <summary>The time steps of the network before.</summary>
    public int Steps
    {
        get
        {
            StreamInput timed = Array.Find(graph.Inputs, input => input.Axis >= 0)!;
            return timed.Source.Shape[timed.Axis];
        }
    }

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop => graph.Hop;

    /// <summary>Steps of time that the first decision needs.</summary>
    public long Window => graph.Window;

    /// <summary>Steps by which the first hop begins before the signal.</summary>
    public int Lead => graph.Lead;

    /// <summary>The number of the hop that gives the first decision.</summary>
    public long FirstDecision => graph.FirstDecision;

    /// <summary>Samples of a step of the first input, which holds the measured values.</summary>
    public int Step => graph.Inputs[0].StepLength;

    /// <summary>The input that an argument of the C is, or is made of.</summary>
    public StreamInput Of(CArgument argument)
    {
        Node node = argument.Node;
        return graph.InputOf((node.Op is null ? node : node.Inputs[0]).Name)!;
    }

    /// <summary>One step a call remembers what recurrent layers do.</summary>
    private static void RequireCarry(Plan source, CExportOptions options)
    {
        if (options.Training is not null)
        {
            ExportErrors.CarryTrains();
        }

        if (!source.Graph.Nodes.Any(node => node.Op is Recurrent or IntegerRecurrent))
        {
            ExportErrors.NothingToCarry();
        }
    }

    /// <summary>The figures of one step of the first input, where they were given for every step of the window.</summary>
    private IReadOnlyList<float> OfOneStep(IReadOnlyList<float> figures)
    {
        StreamInput input = graph.Inputs[0];
        if (figures.Count != input.Source.Shape.Length || input.Axis < 0)
        {
            return figures;
        }

        int between = input.Between, row = input.Source.Shape[input.Axis] * between;
        float[] step = new float[Step];
        for (int i = 0; i < figures.Count; i++)
        {
            ref float figure = ref step[(i / row * between) + (i % between)];
            if (i % row >= between && figures[i] != figure)
            {
                ExportErrors.StreamPrepares(input.Source.Name);
            }

            figure = figures[i];
        }

        return step;
    }
}
