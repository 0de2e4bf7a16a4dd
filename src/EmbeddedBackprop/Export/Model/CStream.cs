using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Streaming;

namespace EmbeddedBackprop.Export.Model;

/// <summary>A network that is fed as a stream: its plan of a hop, with the weights in the layout of it.</summary>
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
        if (options.Training is not null || options.Carry || options.InputInArena)
        {
            ExportErrors.StreamAlone();
        }

        graph = new StreamGraph(outputs, options.Stream!.Hop, options.Stream.Carry);
        PlanOptions planned = new() { Arithmetic = source.Options.Arithmetic, Layout = source.Options.Layout };
        Plan = Plan.ForInference(graph.Graph, planned, graph.Outputs);
        Parameters = new float[Plan.ParameterLength];
        State = new float[Plan.StateLength];
        CWeights.Copy(source, parameters, state, Plan, Parameters, State);
        if (options.InputMeans.Count > 0)
        {
            ExportErrors.StreamPrepares();
        }
    }

    /// <summary>The plan of a hop.</summary>
    public Plan Plan { get; }

    /// <summary>Its outputs.</summary>
    public Node[] Outputs => graph.Outputs;

    /// <summary>The parameters in its layout.</summary>
    public float[] Parameters { get; }

    /// <summary>The state in its layout.</summary>
    public float[] State { get; }

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop => graph.Hop;

    /// <summary>Steps of time that the first decision needs.</summary>
    public long Window => graph.Window;

    /// <summary>Steps by which the first hop begins before the signal.</summary>
    public int Lead => graph.Lead;

    /// <summary>The number of the hop that gives the first decision.</summary>
    public long FirstDecision => graph.FirstDecision;

    /// <summary>Samples of a step.</summary>
    public int Step => graph.Source.Shape.Length / graph.Source.Shape[graph.Axis];

    /// <summary>Samples of a step that are next to each other in the input.</summary>
    public int Between => Keep.After(graph.Source.Shape, graph.Axis);
}
