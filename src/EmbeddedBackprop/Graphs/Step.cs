using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>One op of a plan with the places of everything it touches.</summary>
public sealed class Step
{
    internal Step(Node node)
    {
        Node = node;
        Op = node.Op!;
        Inputs = new Slot[node.Inputs.Length];
        InputGradients = new Slot[node.Inputs.Length];
        InputGradients.AsSpan().Fill(Slot.None);
        ContinueInputGradients = new bool[node.Inputs.Length];
    }

    /// <summary>The node whose value the step computes.</summary>
    public Node Node { get; }

    /// <summary>The op that computes it.</summary>
    public Op Op { get; }

    /// <summary>The step's name: its node's.</summary>
    public string Name => Node.Name;

    /// <summary>Where the output stands.</summary>
    public Slot Output { get; internal set; }

    /// <summary>Where the gradient of the output stands; <see cref="Slot.None"/> in inference and for a loss.</summary>
    public Slot OutputGradient { get; internal set; } = Slot.None;

    /// <summary>What is kept from the forward to the backward pass.</summary>
    public Slot Saved { get; internal set; } = Slot.None;

    /// <summary>The op's first parameter and how many floats it has.</summary>
    public (int Offset, int Length) Parameters { get; internal set; }

    /// <summary>Whether the backward pass visits the step.</summary>
    public bool HasBackward { get; internal set; }

    internal Slot[] Inputs { get; }

    internal Slot[] InputGradients { get; }

    /// <summary>True where a consumer further back wrote first: the chain of the sum goes on from what stands there.</summary>
    internal bool[] ContinueInputGradients { get; }

    /// <summary>True at the second use of shared weights (in backward order).</summary>
    internal bool ContinueParameterGradient { get; set; }

    internal Slot ForwardScratch { get; set; } = Slot.None;

    internal Slot BackwardScratch { get; set; } = Slot.None;

    /// <summary>The op's parameters with offsets into the flat span.</summary>
    internal ParameterRange[] Ranges { get; set; } = [];

    /// <summary>The op's state with offsets into the flat span.</summary>
    internal StateRange[] StateRanges { get; set; } = [];

    /// <summary>The op's place among the graph's ops.</summary>
    internal int OpIndex { get; set; }

    /// <summary>What runs instead of the op's forward pass when there is one sample; null for nothing.</summary>
    internal AffineRow? ForwardRow { get; set; }
}
