using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Graphs;

/// <summary>One op of a plan with the slots of everything it touches.</summary>
public sealed class Step
{
    internal Step(Node node, Op op, Op owner, Node[] inputNodes, Node[] fused)
    {
        Node = node;
        Op = op;
        Owner = owner;
        InputNodes = inputNodes;
        FusedNodes = fused;
        Inputs = new Slot[inputNodes.Length];
        InputGradients = new Slot[inputNodes.Length];
        InputGradients.AsSpan().Fill(Slot.None);
        WantedInputGradients = new bool[inputNodes.Length];
        ContinueInputGradients = new bool[inputNodes.Length];
        MovedInPlace = new bool[inputNodes.Length];
        Parts = [this];
    }

    /// <summary>A block: the steps that exported C runs in the loops of the first.</summary>
    internal Step(Step[] parts)
        : this(
            parts[^1].Node,
            parts[0].Op,
            parts[0].Owner,
            parts[0].InputNodes,
            [.. NodesOf(parts)[..^1]]) => Parts = parts;

    /// <summary>The node whose value the step computes.</summary>
    public Node Node { get; }

    /// <summary>The op that computes it; where the plan fused several nodes, one that does the work of all.</summary>
    public Op Op { get; }

    /// <summary>Nodes of the graph whose work is part of this step: their values are not stored.</summary>
    public IReadOnlyList<Node> Fused => FusedNodes;

    /// <summary>The step's name: its node's.</summary>
    public string Name => Node.Name;

    /// <summary>The output's slot.</summary>
    public Slot Output { get; internal set; }

    /// <summary>The slot of the output's gradient; <see cref="Slot.None"/> in inference and for a loss.</summary>
    public Slot OutputGradient { get; internal set; } = Slot.None;

    /// <summary>Values kept from the forward to the backward pass.</summary>
    public Slot Saved { get; internal set; } = Slot.None;

    /// <summary>The op's first parameter and how many floats it has.</summary>
    public (int Offset, int Length) Parameters { get; internal set; }

    /// <summary>Whether the backward pass visits the step.</summary>
    public bool HasBackward { get; internal set; }

    /// <summary>The steps of a block, of which <see cref="Op"/> is the first's; of every other step itself.</summary>
    internal Step[] Parts { get; }

    /// <summary>The step's name; of a block the names of all nodes whose work it does.</summary>
    internal string Title => Parts.Length == 1 ? Name : string.Join(" + ", Array.ConvertAll([.. NodesOf(Parts)], (Node node) => node.Name));

    /// <summary>The op whose weights and state the step works with: the identity of shared weights.</summary>
    internal Op Owner { get; }

    /// <summary>The nodes that the step reads.</summary>
    internal Node[] InputNodes { get; }

    internal Node[] FusedNodes { get; }

    internal Slot[] Inputs { get; }

    internal Slot[] InputGradients { get; }

    /// <summary>Whether input k, which the op only moves, is in its place in the output already.</summary>
    internal bool[] MovedInPlace { get; }

    /// <summary>Whether dL/d(input k) is needed.</summary>
    internal bool[] WantedInputGradients { get; }

    /// <summary>True where a later consumer wrote first: the chain of the sum continues from the stored value.</summary>
    internal bool[] ContinueInputGradients { get; }

    /// <summary>True at the second use of shared weights (in backward order).</summary>
    internal bool ContinueParameterGradient { get; set; }

    /// <summary>Whether the op's parameters and state stay as they are in training.</summary>
    internal bool Frozen { get; set; }

    internal Slot ForwardScratch { get; set; } = Slot.None;

    internal Slot BackwardScratch { get; set; } = Slot.None;

    /// <summary>What the op makes from parameters and state, kept from run to run of a prediction.</summary>
    internal Slot Made { get; set; } = Slot.None;

    /// <summary>Gradients that live only while the step's weights are changed, or that nothing reads; none where there is a gradient span.</summary>
    internal Slot UpdateScratch { get; set; } = Slot.None;

    /// <summary>The op's parameters with offsets into the flat span.</summary>
    internal ParameterRange[] Ranges { get; set; } = [];

    /// <summary>The op's state with offsets into the flat span.</summary>
    internal StateRange[] StateRanges { get; set; } = [];

    /// <summary>Where scale and zero point of each integer input are in the flat state span.</summary>
    internal TypeRange[] InputTypes { get; set; } = [];

    /// <summary>Where those of an integer output are.</summary>
    internal TypeRange OutputType { get; set; }

    /// <summary>The op's index among the graph's ops.</summary>
    internal int OpIndex { get; set; }

    /// <summary>The replacement of the op's forward pass for one sample; null for none.</summary>
    internal OneSampleAffine? OneSampleForward { get; set; }

    /// <summary>Steps that come next and that the op does along in a prediction (<see cref="Op.CountDoneAlong"/>); few steps have any.</summary>
    internal Step[] DoneAlong { get; set; } = [];

    /// <summary>The step that alone reads this one's value, once; null if nobody does, several do, or the caller does.</summary>
    internal Step? OnlyReader { get; set; }

    /// <summary>The step whose backward pass multiplies by the derivative of this step's activation (<see cref="Op.IsDerivedBy"/>).</summary>
    internal Step? DerivedBy { get; set; }

    /// <summary>Whether this step's backward pass does so for the one whose output it reads.</summary>
    internal bool Derives { get; set; }

    /// <summary>Whether this step alone reads the value that another one writes, and writes its own in the same place.</summary>
    internal bool WorksInPlaceOf(Step other) =>
        InputNodes is [var input] && input == other.Node && Inputs[0].Offset == other.Output.Offset
        && Output.Offset == other.Output.Offset && Output.Stride == other.Output.Stride;

    /// <summary>The same step with slots of its own: for a second run of its forward pass, and for a backward pass that reads its results.</summary>
    internal Step WithOwnSlots()
    {
        Step step = new(Node, Op, Owner, InputNodes, FusedNodes)
        {
            Parameters = Parameters,
            HasBackward = HasBackward,
            Frozen = Frozen,
            ContinueParameterGradient = ContinueParameterGradient,
            Ranges = Ranges,
            StateRanges = StateRanges,
            InputTypes = InputTypes,
            OutputType = OutputType,
            OpIndex = OpIndex,
        };
        WantedInputGradients.CopyTo(step.WantedInputGradients, 0);
        ContinueInputGradients.CopyTo(step.ContinueInputGradients, 0);
        return step;
    }

    /// <summary>The nodes whose work the steps do, in their order.</summary>
    private static List<Node> NodesOf(Step[] steps)
    {
        List<Node> nodes = [];
        foreach (Step step in steps)
        {
            nodes.AddRange(step.FusedNodes);
            nodes.Add(step.Node);
        }

        return nodes;
    }
}
