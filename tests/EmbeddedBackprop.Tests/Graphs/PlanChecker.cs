namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// Judges a plan without the planner's help: it walks through the program over a workspace that holds the owner of each element instead of
/// its value. A step's inputs must be there, and its outputs must not overwrite the inputs of the same step or of a later one. Lives are
/// not computed: the next reader of an overwritten value misses it.
/// </summary>
internal sealed class PlanChecker
{
    private readonly Plan plan;
    private readonly int[] workspace;
    private readonly int nodes;
    private int scratch;

    private PlanChecker(Plan plan)
    {
        this.plan = plan;
        nodes = plan.Graph.Nodes.Count;
        workspace = new int[plan.WorkspaceLength];
        scratch = 4 * nodes;
    }

    /// <summary>The first fault, or null. The program is run twice, as for two micro-batches.</summary>
    public static string? FirstFault(Plan plan)
    {
        PlanChecker checker = new(plan);
        try
        {
            for (int round = 0; round < 2; round++)
            {
                checker.Run(round);
            }

            return null;
        }
        catch (Fault fault)
        {
            return fault.Message;
        }
    }

    private static int Value(Node node) => 1 + node.Index;

    private int Gradient(Node node) => 1 + nodes + node.Index;

    private int Saved(Node node) => 1 + (2 * nodes) + node.Index;

    private void Run(int round)
    {
        HashSet<Node> read = [.. plan.Outputs];
        foreach (Step step in plan.Steps)
        {
            read.UnionWith(step.InputNodes);
        }

        foreach (Node node in read.Where(node => node.Op is null))
        {
            plan.ValueSpan<int>(workspace, node, plan.Batch).Fill(Value(node));
        }

        HashSet<Node> computed = [];
        foreach (Step step in plan.Steps)
        {
            foreach (Node input in step.InputNodes)
            {
                Require(input.Op is null || computed.Contains(input), $"{step.Name} runs before {input.Name}");
            }

            Forward(step, round);
            computed.Add(step.Node);
        }

        foreach (Step step in plan.Steps)
        {
            for (int k = 0; step.Op.IsLoss && k < 2; k++)
            {
                Expect(step.Inputs[k], Value(step.InputNodes[k]), $"{step.InputNodes[k].Name}, which {step.Name} judges, after the forward pass");
            }
        }

        if (plan.Losses.Count > 0)
        {
            Backward(round);
        }

        foreach (Node output in plan.Outputs)
        {
            Expect(plan.ValueSpan<int>(workspace, output, plan.Batch), Value(output), $"the output {output.Name} at the end");
        }

        foreach (Step step in plan.Steps)
        {
            if (step.Op.IsLoss)
            {
                Expect(step.Output, Value(step.Node), $"the loss {step.Name} at the end");
            }
        }
    }

    private void Forward(Step step, int round)
    {
        for (int k = 0; k < step.Inputs.Length; k++)
        {
            Expect(step.Inputs[k], Value(step.InputNodes[k]), $"{step.InputNodes[k].Name} when {step.Name} reads it");
        }

        if (step.Op.IsLoss && round > 0)
        {
            Expect(step.Output, Value(step.Node), $"the loss {step.Name} in the next micro-batch");
        }

        int own = ++scratch;
        Fill(step.ForwardScratch, own);
        Fill(step.Saved, Saved(step.Node));
        Fill(step.Output, Value(step.Node));
        Expect(step.ForwardScratch, own, $"the scratch of {step.Name}");
        Expect(step.Saved, Saved(step.Node), $"what {step.Name} saves");
        for (int k = 0; k < step.Inputs.Length; k++)
        {
            Node input = step.InputNodes[k];
            bool inPlace = step.Inputs[k].Offset == step.Output.Offset && step.Inputs[k].Length == step.Output.Length
                && step.Op.MayOverlay(k) && input.Op is not null && step.InputNodes.Count(node => node == input) == 1;
            if (!inPlace)
            {
                Expect(step.Inputs[k], Value(input), $"{input.Name} while {step.Name} reads it");
            }
        }
    }

    private void Backward(int round)
    {
        (HashSet<Node> wanted, HashSet<Node> reached, Dictionary<Node, int> readers) = WhatBackpropagationNeeds();
        Dictionary<Node, int> written = [];
        HashSet<Op> owners = [];
        HashSet<Node> done = [];
        foreach ((Step step, Phase phase) in plan.BackwardProgram)
        {
            if (phase != Phase.Backward)
            {
                Require(step.StateRanges.Length == 0, $"{step.Name} has state and is run twice");
                Forward(step, round);
                continue;
            }

            Require(reached.Contains(step.Node) && done.Add(step.Node), $"{step.Name} has a backward pass");
            Require(step.ContinueParameterGradient == !owners.Add(step.Owner), $"{step.Name} continues the gradients of its parameters");
            BackwardStep(step, wanted, readers, written);
        }

        Require(done.SetEquals(reached), "every step that is reached has a backward pass");
        foreach (Node input in plan.Graph.Nodes.Where(node => node.Op is null && plan.HasGradient(node)))
        {
            Expect(plan.GradientSpan<int>(workspace, input, plan.Batch), Gradient(input), $"the gradient of {input.Name} at the end");
        }
    }

    private void BackwardStep(Step step, HashSet<Node> wanted, Dictionary<Node, int> readers, Dictionary<Node, int> written)
    {
        bool readsInputs = step.Op.BackwardReads.HasFlag(BackwardReads.Inputs),
            readsOutput = step.Op.BackwardReads.HasFlag(BackwardReads.Outputs) && !step.Op.IsLoss;
        void Reads(string when)
        {
            for (int k = 0; readsInputs && k < step.Inputs.Length; k++)
            {
                Expect(step.Inputs[k], Value(step.InputNodes[k]), $"{step.InputNodes[k].Name} when the backward pass of {step.Name} {when}");
            }

            if (readsOutput)
            {
                Expect(step.Output, Value(step.Node), $"{step.Name} when its backward pass {when}");
            }

            Require(step.Saved.Exists == step.Op.SavedLength(plan.Batch, plan.Options.Layout) > 0, $"{step.Name} has its saved values");
            Expect(step.Saved, Saved(step.Node), $"what {step.Name} saved when its backward pass {when}");
        }

        Reads("begins");
        if (!step.Op.IsLoss)
        {
            Require(written.GetValueOrDefault(step.Node) == readers[step.Node], $"the gradient of {step.Name} is complete");
            Expect(step.OutputGradient, Gradient(step.Node), $"the gradient of {step.Name}");
            Require(
                step.OutputGradient.Length == plan.Batch * plan.Options.Layout.Stride(step.Node.Shape.Length),
                $"the gradient of {step.Name} is whole");
        }

        // An op may use the memory of its output's gradient.
        int own = ++scratch, used = ++scratch;
        Fill(step.OutputGradient, used);
        Fill(step.BackwardScratch, own);
        Fill(step.UpdateScratch, own);
        bool overlaid = false;
        for (int k = 0; k < step.Inputs.Length; k++)
        {
            Node input = step.InputNodes[k];
            bool wants = wanted.Contains(input) && step.Op.HasGradient(k);
            Require(step.InputGradients[k].Exists == wants, $"{step.Name} writes the gradient of {input.Name} if it is wanted");
            if (!wants)
            {
                continue;
            }

            bool first = written.GetValueOrDefault(input) == 0;
            written[input] = written.GetValueOrDefault(input) + 1;
            Require(step.ContinueInputGradients[k] == !first, $"{step.Name} continues the gradient of {input.Name}");
            bool inPlace =
                first
                && !overlaid
                && step.InputGradients[k].Offset == step.OutputGradient.Offset
                && step.InputGradients[k].Length == step.OutputGradient.Length
                && step.Op.MayOverlayGradient(k)
                && step.InputNodes.Count(node => node == input) == 1;
            overlaid |= inPlace;
            if (first)
            {
                Fill(step.InputGradients[k], Gradient(input));
            }

            Expect(step.InputGradients[k], Gradient(input), $"the gradient of {input.Name} when {step.Name} goes on with it");
        }

        for (int k = 0; k < step.Inputs.Length; k++)
        {
            if (step.InputGradients[k].Exists)
            {
                Expect(step.InputGradients[k], Gradient(step.InputNodes[k]), $"the gradient of {step.InputNodes[k].Name} behind {step.Name}");
            }
        }

        Expect(step.BackwardScratch, own, $"the scratch of {step.Name} in its backward pass");
        Expect(step.UpdateScratch, own, $"the update of {step.Name}");
        if (!overlaid)
        {
            Expect(step.OutputGradient, used, $"the gradient of {step.Name} while it is read");
        }

        Reads("ends");
    }

    /// <summary>
    /// Whose gradients there must be, which steps are reached from a loss, and how many readers add to each gradient; found from the graph, not from
    /// flags.
    /// </summary>
    private (HashSet<Node> Wanted, HashSet<Node> Reached, Dictionary<Node, int> Readers) WhatBackpropagationNeeds()
    {
        HashSet<Node> wanted = [], reached = [];
        Dictionary<Node, int> readers = [];
        if (plan.Options.InputGradients)
        {
            wanted.UnionWith(plan.Graph.Nodes.Where(node => node.Op is null));
        }

        foreach (Step step in plan.Steps)
        {
            bool parameters = plan.Parameters.ToArray().Any(range => range.Name.StartsWith(step.Owner.Name + ".", StringComparison.Ordinal));
            if (parameters || Enumerable.Range(0, step.InputNodes.Length).Any(k => step.Op.HasGradient(k) && wanted.Contains(step.InputNodes[k])))
            {
                wanted.Add(step.Node);
            }
        }

        foreach (Step step in plan.Steps.ToArray().Reverse())
        {
            if (step.Op.IsLoss ? !wanted.Contains(step.InputNodes[0]) : !readers.ContainsKey(step.Node))
            {
                continue;
            }

            reached.Add(step.Node);
            for (int k = 0; k < step.InputNodes.Length; k++)
            {
                if (step.Op.HasGradient(k) && wanted.Contains(step.InputNodes[k]))
                {
                    readers[step.InputNodes[k]] = readers.GetValueOrDefault(step.InputNodes[k]) + 1;
                }
            }
        }

        return (wanted, reached, readers);
    }

    private void Fill(Slot slot, int token)
    {
        if (slot.Exists)
        {
            Cut(slot).Fill(token);
        }
    }

    private void Expect(Slot slot, int token, string what)
    {
        if (slot.Exists)
        {
            Expect(Cut(slot), token, what);
        }
    }

    private static void Expect(ReadOnlySpan<int> place, int token, string what) => Require(place.Length > 0 && !place.ContainsAnyExcept(token), what);

    private Span<int> Cut(Slot slot)
    {
        Require(slot.Offset + slot.Length <= workspace.Length, "a slot within the workspace");
        return workspace.AsSpan(slot.Offset, slot.Length);
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new Fault(what);
        }
    }

    private sealed class Fault(string message) : Exception(message);
}
