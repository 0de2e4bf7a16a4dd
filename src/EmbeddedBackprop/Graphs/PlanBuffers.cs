using EmbeddedBackprop.Kernels.Scalar;
using Buffer = EmbeddedBackprop.Graphs.Planner.Buffer;
using Piece = EmbeddedBackprop.Graphs.Planner.Piece;

namespace EmbeddedBackprop.Graphs;

/// <summary>Walks over a plan's program: how long each buffer lives, which ops work in place, and all offsets.</summary>
internal sealed class PlanBuffers
{
    private readonly PlanBuilder builder;
    private readonly PlanOptions options;
    private readonly Planner planner;
    private readonly ProgramEntry[] program;
    private readonly int endOfTime;
    private readonly bool movesInPlace;
    private readonly Buffer?[] values;
    private readonly Buffer?[] valuesAgain;
    private readonly Buffer?[] gradients;
    private readonly Dictionary<Step, StepBuffers> steps = [];

    private PlanBuffers(PlanBuilder builder, ProgramEntry[] program, bool movesInPlace)
    {
        this.movesInPlace = movesInPlace;
        this.builder = builder;
        this.program = program;
        options = builder.Options;
        planner = new Planner(options.Layout, options.PlacementTries);
        endOfTime = program.Length;
        int nodes = builder.Graph.Nodes.Count;
        values = new Buffer?[nodes];
        valuesAgain = new Buffer?[nodes];
        gradients = new Buffer?[nodes];
        foreach (Node output in builder.Outputs)
        {
            // The caller reads this input back; nothing else need read it.
            if (options.IsGiven(output))
            {
                Value(output, -1);
            }
        }

        for (int time = 0; time < program.Length; time++)
        {
            Visit(program[time], time);
        }

        foreach (Node output in builder.Outputs)
        {
            // An input in an exported workspace is copied before the first step.
            values[output.Index]!.Touch(options.IsGiven(output) && options.InputsInWorkspace ? -1 : endOfTime);
        }

        WorkInPlace();
        planner.Place();
        Length = planner.Length;
        LowerBound = planner.LowerBound();
    }

    public int Length { get; }

    public int LowerBound { get; }

    /// <summary>The buffers of a program with their offsets.</summary>
    public static PlanBuffers Place(PlanBuilder builder, ProgramEntry[] program)
    {
        // At more samples the parts of a joined row are no range of memory.
        bool movesInPlace = builder.Options.MovesInPlace && builder.Batch == 1 && builder.Options.Layout == Layout.Compact;
        PlanBuffers buffers = new(builder, program, movesInPlace);
        if (movesInPlace && buffers.Length > buffers.LowerBound)
        {
            // Values that keep their distances are harder to place: about one random graph of a hundred needs less memory with copies.
            PlanBuffers copied = new(builder, program, movesInPlace: false);
            return copied.Length < buffers.Length ? copied : buffers;
        }

        return buffers;
    }

    /// <summary>Gives every step its slots, and the plan the slots of values and their gradients.</summary>
    public void Assign(Slot[] valueSlots, Slot[] gradientSlots)
    {
        foreach (Node node in builder.Graph.Nodes)
        {
            valueSlots[node.Index] = Rows(values[node.Index], node);
            gradientSlots[node.Index] = Rows(gradients[node.Index], node);
        }

        foreach ((Step step, StepBuffers own) in steps)
        {
            for (int k = 0; k < step.Inputs.Length; k++)
            {
                step.Inputs[k] = Rows(own.Inputs[k], step.InputNodes[k]);
                step.InputGradients[k] = Rows(own.InputGradients[k], step.InputNodes[k]);
            }

            step.Output = Rows(own.Output, step.Node);
            step.OutputGradient = Rows(own.OutputGradient, step.Node);
            step.Saved = Whole(own.Saved);
            step.ForwardScratch = Whole(own.ForwardScratch);
            step.BackwardScratch = Whole(own.BackwardScratch);
            step.Made = Whole(own.Made);
            step.UpdateScratch = Whole(own.UpdateScratch);
            for (int k = 0; k < step.Inputs.Length; k++)
            {
                step.MovedInPlace[k] = PlaceOf(step, k) is { } place
                    && own.Output is { } output && own.Inputs[k] is { } input
                    && output.Root == input.Root && input.At == output.At + place;
            }
        }
    }

    /// <summary>The input or output whose memory, which is the caller's, holds a node's value, and the value's first float there.</summary>
    public (Node Argument, int Offset)? CallersPlace(Node node)
    {
        if (options.InputsAndOutputsByReference && values[node.Index] is { } value)
        {
            foreach (Node argument in builder.Graph.Nodes)
            {
                if (values[argument.Index] is { IsCallers: true } memory && memory.Root == value.Root)
                {
                    return (argument, value.At - memory.At);
                }
            }
        }

        return null;
    }

    private void Visit(ProgramEntry entry, int time)
    {
        Step step = entry.Step;
        if (!steps.TryGetValue(step, out StepBuffers? own))
        {
            steps[step] = own = new StepBuffers(step.InputNodes.Length);
        }

        if (entry.Phase == Phase.Backward)
        {
            VisitBackward(step, own, time);
            return;
        }

        for (int k = 0; k < step.InputNodes.Length; k++)
        {
            Node input = step.InputNodes[k];
            own.Inputs[k] = entry.Phase == Phase.Recompute && builder.IsDropped(input) ? valuesAgain[input.Index]! : Value(input, -1);
            own.Inputs[k]!.Touch(time);
            if (step.Op.IsLoss)
            {
                // Whoever counts right predictions reads them and their targets after the whole forward pass.
                own.Inputs[k]!.Touch(builder.Steps.Length);
            }
        }

        own.Output = entry.Phase == Phase.Recompute
            ? valuesAgain[step.Node.Index] = Request(step.Name + " again", step.Node, time)
            : Value(step.Node, time);
        own.Output.Touch(step.Op.IsLoss ? endOfTime : time);
        if (movesInPlace)
        {
            Move(step, own);
        }

        if (builder.Training)
        {
            own.Saved = Scratch(step.Name + " saved", step.Op.SavedLength(builder.Batch, options.Layout), time);
        }

        int made = builder.Training || options.InputsAndOutputsByReference ? 0 : step.Op.MadeLength(options.Layout);
        int scratch = ScratchLength(step.Op, backward: false);
        made = made > scratch && options.SavesMemory ? 0 : made;
        own.Made = Scratch(step.Name + " made", made, -1);
        own.Made?.Touch(endOfTime);
        own.ForwardScratch = Scratch(step.Name + " scratch", Math.Max(0, scratch - made), time);
    }

    private void VisitBackward(Step step, StepBuffers own, int time)
    {
        for (int k = 0; k < step.InputNodes.Length; k++)
        {
            Node input = step.InputNodes[k];
            own.Inputs[k] = (builder.IsDropped(input) ? valuesAgain[input.Index] : null) ?? values[input.Index]!;
            if (step.Op.BackwardReads.HasFlag(BackwardReads.Inputs))
            {
                own.Inputs[k]!.Touch(time);
            }

            if (!step.WantedInputGradients[k])
            {
                continue;
            }

            own.InputGradients[k] = gradients[input.Index] ??= Request("d " + input.Name, input, time);
            own.InputGradients[k]!.Touch(input.Op is null ? endOfTime : time);
        }

        own.Output = (builder.IsDropped(step.Node) ? valuesAgain[step.Node.Index] : null) ?? values[step.Node.Index]!;
        if (step.Op.BackwardReads.HasFlag(BackwardReads.Outputs))
        {
            own.Output.Touch(time);
        }

        own.OutputGradient = gradients[step.Node.Index];
        own.OutputGradient?.Touch(time);
        own.Saved ??= builder.ForwardOf(step) is { } forward ? steps[forward].Saved : null;
        own.Saved?.Touch(time);
        own.BackwardScratch = Scratch(step.Name + " scratch", ScratchLength(step.Op, backward: true), time);
        if (step.Frozen)
        {
            // Ops compute the gradients of all they have; nothing reads these. The exported C leaves them out.
            own.UpdateScratch = options.InputsAndOutputsByReference ? null : Scratch(step.Name + " unused", step.Parameters.Length, time);
        }
        else if (options.UpdateInBackward && step.Ranges.Length > 0)
        {
            own.UpdateScratch = Scratch(step.Name + " update", step.Op.UpdateLength(step.Parameters.Length, options.Layout), time);
        }
    }

    /// <summary>
    /// Puts an output into the memory of an input after its last reader, and the gradient of an input into that of the output, where the op
    /// allows it. Values that an op only moves stay where they are, if the plan asks for it.
    /// </summary>
    private void WorkInPlace()
    {
        for (int time = 0; time < program.Length; time++)
        {
            (Step step, Phase phase) = program[time];
            StepBuffers own = steps[step];
            for (int k = 0; movesInPlace && k < step.InputNodes.Length; k++)
            {
                if (PlaceOf(step, k) is { } place && CopiesLieApart(step, own, own.Inputs[k]!.At - place, k))
                {
                    own.Output!.TryShare(own.Inputs[k]!, -place);
                }
            }

            for (int k = 0; k < step.InputNodes.Length; k++)
            {
                // A node that is read twice by one op is left alone: the op's answer holds for one input at a time.
                bool once = Array.FindAll(step.InputNodes, node => node == step.InputNodes[k]).Length == 1;
                bool same = ElementsOfWord(step.Node) == ElementsOfWord(step.InputNodes[k]);
                bool allowed = once && same && (phase == Phase.Backward ? step.Op.MayOverlayGradient(k) : !step.Op.IsLoss && step.Op.MayOverlay(k));
                Buffer? guest = phase == Phase.Backward ? own.InputGradients[k] : own.Output;
                Buffer? host = phase == Phase.Backward ? own.OutputGradient : own.Inputs[k];
                if (guest is not { Group.Count: 1 } || host is null || guest.First != time || (guest.IsCallers && !movesInPlace))
                {
                    continue;
                }

                bool beginning = options.InputsAndOutputsByReference && movesInPlace && !builder.Training && once && same
                    && guest.Length < host.Length && step.Op.MayOverlayBeginning(k);
                if (beginning || (allowed && guest.Length == host.Length))
                {
                    guest.TryShare(host, 0, overwrites: true);
                }
            }
        }
    }

    /// <summary>
    /// Whether every input that the output, at this place in the group of input k, does not hold in place can be copied to its place: from elements
    /// that do not overlap those it is copied to. So in concat(x, concat(x, x)).
    /// </summary>
    private bool CopiesLieApart(Step step, StepBuffers own, int at, int k)
    {
        for (int i = 0; i < own.Inputs.Length; i++)
        {
            Buffer input = own.Inputs[i]!;
            int place = PlaceOf(step, i) ?? 0, distance = Math.Abs(input.At - at - place);
            if (input.Root == own.Inputs[k]!.Root && distance > 0 && distance < input.Length)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Where an op only moves elements, the output holds elements of its inputs.</summary>
    private void Move(Step step, StepBuffers own)
    {
        List<Piece> content = [];
        for (int k = 0; k < own.Inputs.Length; k++)
        {
            if (PlaceOf(step, k) is not { } place)
            {
                return;
            }

            foreach (Piece piece in own.Inputs[k]!.Content)
            {
                int begin = Math.Max(0, place + piece.At), end = Math.Min(own.Output!.Length, place + piece.At + piece.Length);
                if (begin < end)
                {
                    content.Add(new Piece(piece.Source, piece.From + begin - place - piece.At, begin, end - begin));
                }
            }
        }

        own.Output!.Content = [.. content];
    }

    /// <summary>A node's value. What the caller writes is not changed, so that a run can be repeated, unless the plan may use its memory.</summary>
    private Buffer Value(Node node, int time) =>
        values[node.Index] ??= Request(node.Name, node, time, isConstant: options.IsGiven(node) && !options.InputsInWorkspace);

    private Buffer Request(string name, Node node, int first, bool isConstant = false)
    {
        bool loss = node.Op is { IsLoss: true };
        bool callers = options.InputsAndOutputsByReference
            && (options.IsGiven(node) ? !options.InputsInWorkspace : Array.IndexOf(builder.Outputs, node) >= 0);

        // A loss is not one value per sample but 16 partial sums for the whole logical batch: the forward pass of the next micro-batch must leave
        // them alone.
        long length = loss ? PartialSums.Count : (long)builder.Batch * options.Layout.Stride(Words(node));
        long bytes = ElementsOfWord(node) > 1 ? node.Shape.Length * sizeof(float) / ElementsOfWord(node) : 0;
        Buffer buffer = planner.Add(name, length, loss ? -1 : first, isConstant, callers, bytes);
        buffer.NeedsOffset = options.IsGiven(node) && options.InputsInWorkspace;
        return buffer;
    }

    /// <summary>
    /// Elements of a node in 4 bytes: on the host every value is a float; in exported C integers have 8 or 16 bits, and memory is counted in words.
    /// </summary>
    private int ElementsOfWord(Node node) => options.InputsAndOutputsByReference && node.Integers is { } integers ? 32 / integers.Bits : 1;

    /// <summary>The words of a node's value.</summary>
    private int Words(Node node) => (node.Shape.Length + ElementsOfWord(node) - 1) / ElementsOfWord(node);

    /// <summary><see cref="Op.PlaceOf"/> in words; null also where an input would begin inside a word.</summary>
    private int? PlaceOf(Step step, int k) =>
        step.Op.PlaceOf(step.InputNodes, k, builder.Training) is { } place && place % ElementsOfWord(step.Node) == 0
            ? place / ElementsOfWord(step.Node)
            : null;

    // A plan whose inputs and outputs lie in the caller's memory is exported.
    private int ScratchLength(Op op, bool backward) => (options.InputsAndOutputsByReference, builder.Training, backward) switch
    {
        (true, false, _) => op.ExportScratchLength(options.Layout),
        (true, true, _) => op.ExportTrainingScratchLength(builder.Batch, backward),
        (_, _, true) => op.BackwardScratchLength(builder.Batch, options.Layout),
        _ => op.ScratchLength(builder.Batch, options.Layout),
    };

    private Buffer? Scratch(string name, int length, int time) => length > 0 ? planner.Add(name, length, time) : null;

    private Slot Rows(Buffer? buffer, Node node) =>
        buffer is null ? Slot.None
        : new Slot(buffer.Offset, buffer.Offset < 0 ? 0 : buffer.Length, node.Shape.Length, options.Layout.Stride(node.Shape.Length));

    private static Slot Whole(Buffer? buffer) => buffer is null ? Slot.None : new Slot(buffer.Offset, buffer.Length, buffer.Length, buffer.Length);

    /// <summary>The buffers that one step touches.</summary>
    private sealed class StepBuffers(int inputs)
    {
        public Buffer?[] Inputs { get; } = new Buffer?[inputs];

        public Buffer?[] InputGradients { get; } = new Buffer?[inputs];

        public Buffer? Output { get; set; }

        public Buffer? OutputGradient { get; set; }

        public Buffer? Saved { get; set; }

        public Buffer? ForwardScratch { get; set; }

        public Buffer? BackwardScratch { get; set; }

        public Buffer? Made { get; set; }

        public Buffer? UpdateScratch { get; set; }
    }
}
