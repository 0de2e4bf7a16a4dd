using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// Judges a plan without the planner's help: it walks through the program over a workspace that holds the owner of each element and its
/// index there instead of its value. A step's inputs must be there, and its outputs must not overwrite the inputs of the same step or of a later
/// one. Lives are not computed: the next reader of an overwritten value misses it. Where a plan moves nothing, because elements are in their
/// place already, nothing is written, and they must be there. The caller's memory is watched, too: inputs stay as they are.
/// </summary>
internal sealed class PlanChecker
{
    private readonly Plan plan;
    private readonly long[] workspace;
    private readonly Dictionary<Node, long[]> callers = [];
    private readonly Dictionary<Node, long[]> moved = [];
    private readonly int nodes;
    private int scratch;

    private PlanChecker(Plan plan)
    {
        this.plan = plan;
        nodes = plan.Graph.Nodes.Count;
        workspace = new long[plan.WorkspaceLength];
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

        Node[] inputs = [.. read.Where(node => node.Op is null)];
        foreach (Node node in inputs)
        {
            Fill(Place(node), Value(node));
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
                Expect(step.InputNodes[k], Place(step, k), $"{step.InputNodes[k].Name}, which {step.Name} judges, after the forward pass");
            }
        }

        if (plan.Losses.Count > 0)
        {
            Backward(round);
        }

        foreach (Node output in plan.Outputs)
        {
            // An input that is an output is copied before the first step where its memory may be used.
            if (output.Op is not null || !plan.Options.InputsInWorkspace)
            {
                Expect(output, Place(output), $"the output {output.Name} at the end");
            }
        }

        foreach (Node input in inputs.Where(input => plan.CallersPlace(input) is not null))
        {
            Expect(input, Place(input), $"{input.Name}, which is the caller's, at the end");
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
            Expect(step.InputNodes[k], Place(step, k), $"{step.InputNodes[k].Name} when {step.Name} reads it");
        }

        if (step.Op.IsLoss && round > 0)
        {
            Expect(step.Output, Value(step.Node), $"the loss {step.Name} in the next micro-batch");
        }

        int own = ++scratch;
        Fill(step.ForwardScratch, own);
        Fill(step.Saved, Saved(step.Node));
        if (plan.Options.MovesInPlace && Parts(step) is { } parts)
        {
            Move(step, parts);
        }
        else
        {
            Fill(Place(step), Value(step.Node));
        }

        Expect(step.Node, Place(step), step.Name + " after its step");
        Expect(step.ForwardScratch, own, $"the scratch of {step.Name}");
        Expect(step.Saved, Saved(step.Node), $"what {step.Name} saves");
        for (int k = 0; k < step.Inputs.Length; k++)
        {
            Node input = step.InputNodes[k];
            Memory from = Place(step, k), to = Place(step);
            bool inPlace = (from == to ? step.Op.MayOverlay(k) || GoesForward(step) : from == to with { Length = from.Length } && GoesForward(step))
                && (input.Op is not null || plan.Options.InputsInWorkspace)
                && step.InputNodes.Count(node => node == input) == 1;
            if (!inPlace)
            {
                Expect(input, Place(step, k), $"{input.Name} while {step.Name} reads it");
            }
        }
    }

    /// <summary>Whether in exported C the outputs are computed in their order, each from inputs at its own position or later.</summary>
    private bool GoesForward(Step step) =>
        plan.Options.InputsAndOutputsByReference && step.Parts.Length == 1 && step.Op is Pooling { Padding: (0, 0) } or GlobalPooling;

    /// <summary>For an op that only moves elements: for each input the elements that become part of the output, and where.</summary>
    private (int From, int To, int Length)[]? Parts(Step step)
    {
        int[] lengths = [.. step.InputNodes.Select(node => node.Shape.Length)];
        return step.Op switch
        {
            Concat => [.. lengths.Select((length, k) => (0, lengths[..k].Sum(), length))],
            Slice slice => [(slice.First * (lengths[0] / step.InputNodes[0].Shape[0]), 0, step.Node.Shape.Length)],
            Reshape or Flatten or Activate { Activation.Name: "identity" } => [(0, 0, lengths[0])],
            Dropout when plan.Losses.Count == 0 => [(0, 0, lengths[0])],
            _ => null,
        };
    }

    /// <summary>Copies what is not in its place already. What is, must be there without a copy.</summary>
    private void Move(Step step, (int From, int To, int Length)[] parts)
    {
        long[] result = new long[step.Node.Shape.Length];
        for (int k = 0; k < parts.Length; k++)
        {
            (int from, int to, int length) = parts[k];
            Node input = step.InputNodes[k];
            for (int i = 0; i < length; i++)
            {
                result[to + i] = moved.TryGetValue(input, out long[]? before) ? before[from + i] : Element(Value(input), from + i);
            }

            if (!step.MovedInPlace[k])
            {
                Memory source = Place(step, k), target = Place(step);
                int distance = Math.Abs(source.First + from - target.First - to);
                Require(source.Argument != target.Argument || distance >= length, $"{step.Name} copies {input.Name} to other memory");
                result.AsSpan(to, length).CopyTo(Cut(Place(step))[to..]);
            }
        }

        moved[step.Node] = result;
    }

    private static long Element(int token, int index) => token + ((1L + index) << 32);

    private Memory Place(Node node)
    {
        int length = plan.Batch * plan.Options.Layout.Stride(node.Shape.Length);
        if (plan.CallersPlace(node) is var (argument, first))
        {
            return new Memory(argument, first, length);
        }

        Slot slot = plan.ValueSlot(node);
        return new Memory(null, slot.Offset, length);
    }

    /// <summary>The value that a step writes, where the step says it is.</summary>
    private Memory Place(Step step) => step.Output.Exists ? new Memory(null, step.Output.Offset, step.Output.Length) : Place(step.Node);

    private Memory Place(Step step, int k) =>
        step.Inputs[k].Exists ? new Memory(null, step.Inputs[k].Offset, step.Inputs[k].Length) : Place(step.InputNodes[k]);

    private void Fill(Memory place, int token)
    {
        Span<long> memory = Cut(place);
        for (int i = 0; i < memory.Length; i++)
        {
            memory[i] = Element(token, i);
        }
    }

    /// <summary>A value's memory must hold its own elements, or those that were moved into it.</summary>
    private void Expect(Node value, Memory place, string what)
    {
        if (moved.TryGetValue(value, out long[]? elements))
        {
            Require(Cut(place).SequenceEqual(elements), what);
        }
        else
        {
            Expect(Cut(place), Value(value), what);
        }
    }

    private static void Expect(ReadOnlySpan<long> memory, int token, string what)
    {
        Require(memory.Length > 0, what);
        for (int i = 0; i < memory.Length; i++)
        {
            Require(memory[i] == Element(token, i), what);
        }
    }

    private Span<long> Cut(Memory place)
    {
        if (place.Argument is { } argument)
        {
            int length = plan.Batch * argument.Shape.Length;
            callers.TryAdd(argument, new long[length]);
            Require(place.First >= 0 && place.First + place.Length <= length, $"a value within the memory of {argument.Name}");
            return callers[argument].AsSpan(place.First, place.Length);
        }

        Require(place.First >= 0 && place.First + place.Length <= workspace.Length, "a slot within the workspace");
        return workspace.AsSpan(place.First, place.Length);
    }

    /// <summary>A range of the workspace, or of an argument of the caller's.</summary>
    private readonly record struct Memory(Node? Argument, int First, int Length);

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
            Expect(plan.GradientSpan<long>(workspace, input, plan.Batch), Gradient(input), $"the gradient of {input.Name} at the end");
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
                Expect(step.InputNodes[k], Place(step, k), $"{step.InputNodes[k].Name} when the backward pass of {step.Name} {when}");
            }

            if (readsOutput)
            {
                Expect(step.Node, Place(step), $"{step.Name} when its backward pass {when}");
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
            Fill(new Memory(null, slot.Offset, slot.Length), token);
        }
    }

    private void Expect(Slot slot, int token, string what)
    {
        if (slot.Exists)
        {
            Expect(Cut(new Memory(null, slot.Offset, slot.Length)), token, what);
        }
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
