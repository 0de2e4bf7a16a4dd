using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// The elements of a sample that a net reads as indices of a table: directly, or after they were only moved (sliced, transposed, reshaped,
/// concatenated).
/// </summary>
internal static class IndexColumns
{
    /// <summary>For every element of a sample, the rows of the table that it is an index of; 0 where it is none.</summary>
    /// <param name="graph">The net.</param>
    /// <param name="inputs">Its inputs, in the order in which a sample is dealt out to them.</param>
    public static int[] TableRows(Graph graph, IEnumerable<Node> inputs)
    {
        Dictionary<Node, int> firsts = [];
        int length = 0;
        foreach (Node input in inputs)
        {
            firsts.Add(input, length);
            length += input.Shape.Length;
        }

        int[] rows = new int[length];
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is Embedding table && IsMoved(node.Sources[0]))
            {
                foreach (int number in Numbers(graph, node.Sources[0], firsts))
                {
                    rows[number] = rows[number] == 0 ? table.Count : Math.Min(rows[number], table.Count);
                }
            }
        }

        return rows;
    }

    /// <summary>
    /// The standardizer without those elements (of a sequence: features) that the net reads as indices at any position: they are not changed.
    /// </summary>
    /// <param name="fitted">Means and scales of a sample's elements, or of the features of each of its steps.</param>
    /// <param name="net">The net's text; null for one without tables.</param>
    /// <param name="sample">The shape of a sample.</param>
    public static Standardizer LeaveAlone(Standardizer fitted, string? net, Shape sample)
    {
        if (net is null || !net.Contains("embedding", StringComparison.Ordinal))
        {
            return fitted;
        }

        Graph graph = NetRecipe.BuildGraph(net, sample);
        int[] rows = TableRows(graph, graph.Nodes.Where(node => node.Op is null));
        float[] means = fitted.Means.ToArray(), scales = fitted.Scales.ToArray();

        // A net with a mask reads more than the sample; one that reads less does not fit it, which is told elsewhere.
        for (int i = 0; i < Math.Min(rows.Length, sample.Length); i++)
        {
            int column = i % means.Length;
            (means[column], scales[column]) = rows[i] > 0 ? (0f, 1f) : (means[column], scales[column]);
        }

        return new Standardizer(means, scales);
    }

    private static bool IsMoved(Node node) =>
        node.Op is null || (node.Op is Slice or Reshape or Flatten or SwapAxes or Concat && node.Sources.All(IsMoved));

    /// <summary>The sources of the elements of a node that only moves them: found by moving their indices.</summary>
    private static IEnumerable<int> Numbers(Graph graph, Node node, Dictionary<Node, int> firsts)
    {
        if (node.Op is null)
        {
            return Enumerable.Range(firsts[node], node.Shape.Length);
        }

        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 1, Layout = Layout.Compact }, node);
        double[] workspace = new double[plan.WorkspaceLength];
        foreach (Node input in plan.Steps.ToArray().SelectMany(step => step.Node.Sources).Where(source => source.Op is null).Distinct())
        {
            Span<double> values = plan.ValueSpan<double>(workspace, input, 1);
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = firsts[input] + i;
            }
        }

        plan.Forward(new PlanMemory<double>(new double[plan.ParameterLength], [], workspace, new double[plan.StateLength]), RunInfo.Single(1));
        return plan.ValueSpan<double>(workspace, node, 1).ToArray().Select(place => (int)place);
    }
}
