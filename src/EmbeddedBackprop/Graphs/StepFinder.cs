namespace EmbeddedBackprop.Graphs;

/// <summary>Finds the steps that the wanted nodes depend on, and fuses neighbours whose ops offer it.</summary>
internal static class StepFinder
{
    public static Step[] Find(Graph graph, Node[] losses, Node[] outputs, PlanOptions options)
    {
        Step?[] steps = new Step?[graph.Nodes.Count];
        foreach (Node node in graph.Nodes)
        {
            steps[node.Index] = options.IsGiven(node) ? null : First(node, node.Op!);
        }

        bool[] wanted = Wanted(graph, losses, outputs, steps);
        if (options.Fuse)
        {
            Fuse(graph, outputs, steps, wanted);
        }

        if (options.Blocks)
        {
            Join(graph, outputs, steps, wanted);
        }

        List<Step> result = [];
        foreach (Node node in graph.Nodes)
        {
            if (wanted[node.Index] && steps[node.Index] is { } step)
            {
                result.Add(step);
            }
        }

        return [.. result];
    }

    /// <summary>
    /// A node's own step. A loss after a softmax or sigmoid of its own is read as the same loss on the logits: that is its definition, with
    /// or without fusion, because cross-entropy of a softmax is written on logits only, and that of a sigmoid is more accurate there.
    /// </summary>
    private static Step First(Node node, Op op)
    {
        if (op.IsLoss && node.Inputs[0] is { Op: { } previous } judged && op.JoinedWith(previous) is { } onLogits)
        {
            Node[] inputs = [judged.Inputs[0], .. node.Inputs.AsSpan(1)];
            _ = onLogits.InferShape(node.Name, inputs);
            return new Step(node, onLogits, op, inputs, [judged]);
        }

        return new Step(node, op, op, node.Inputs, []);
    }

    private static bool[] Wanted(Graph graph, Node[] losses, Node[] outputs, Step?[] steps)
    {
        bool[] wanted = new bool[graph.Nodes.Count];
        foreach (Node node in (ReadOnlySpan<Node>)[.. losses, .. outputs])
        {
            wanted[node.Index] = true;
        }

        for (int i = wanted.Length - 1; i >= 0; i--)
        {
            if (wanted[i])
            {
                foreach (Node input in steps[i]?.InputNodes ?? [])
                {
                    wanted[input.Index] = true;
                }
            }
        }

        return wanted;
    }

    /// <summary>
    /// A node whose only reader's work its op can do along becomes part of one step. The step runs at the position of the first of the two,
    /// so that no sum of gradients changes its order.
    /// </summary>
    private static void Fuse(Graph graph, Node[] outputs, Step?[] steps, bool[] wanted)
    {
        int[] readers = Readers(graph, steps, wanted);

        // The index of a step is that of the node where it began; at[node] is the index of the step that makes the node's value.
        int[] at = Lists.Order(graph.Nodes.Count, i => i);
        foreach (Node node in graph.Nodes)
        {
            if (!wanted[node.Index] || steps[node.Index] is not { InputNodes: [Node input] } second || steps[at[input.Index]] is not { } first
                || readers[input.Index] != 1 || Array.IndexOf(outputs, input) >= 0)
            {
                continue;
            }

            if (first.Op.TryFuse(second.Op) is { } both)
            {
                steps[at[input.Index]] = new Step(node, both, first.Owner, first.InputNodes, [.. first.FusedNodes, input]);
                steps[node.Index] = null;
                at[node.Index] = at[input.Index];
            }
        }
    }

    /// <summary>
    /// Steps that the first one's op runs in its own loops become a block, which runs at the position of the first. A step that was fused before is
    /// listed at the index of its first node, and knows the node that it ends with.
    /// </summary>
    private static void Join(Graph graph, Node[] outputs, Step?[] steps, bool[] wanted)
    {
        int[] readers = Readers(graph, steps, wanted);
        int[] at = new int[graph.Nodes.Count];
        for (int i = 0; i < steps.Length; i++)
        {
            if (!wanted[i] || steps[i] is not { } next)
            {
                continue;
            }

            at[next.Node.Index] = i;
            if (next.InputNodes is [{ Op: not null } input] && readers[input.Index] == 1 && Array.IndexOf(outputs, input) < 0
                && steps[at[input.Index]] is { } first && first.Op.JoinsBlock(first.Parts[^1].Op, next.Op))
            {
                int begin = at[input.Index];
                steps[begin] = new Step([.. first.Parts, next]);
                steps[i] = null;
                at[next.Node.Index] = begin;
            }
        }
    }

    /// <summary>How many steps read each node.</summary>
    private static int[] Readers(Graph graph, Step?[] steps, bool[] wanted)
    {
        int[] readers = new int[graph.Nodes.Count];
        foreach (Node node in graph.Nodes)
        {
            foreach (Node input in wanted[node.Index] ? steps[node.Index]?.InputNodes ?? [] : [])
            {
                readers[input.Index]++;
            }
        }

        return readers;
    }
}
