using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A step of the plan as an op's C sees it: names of C instead of offsets.</summary>
/// <remarks>
/// The addresses are those of one sample, inside the loop over the samples of a batch that the frame writes; for an op that takes the whole batch
/// (<see cref="COp.TakesBatch"/>) they are those of the first of <see cref="Batch"/> rows, which follow each other without a gap.
/// </remarks>
/// <param name="Step">The step.</param>
/// <param name="Number">Counted from 1, as layers are in Nielsen's book.</param>
/// <param name="Inputs">The C expressions of the inputs.</param>
/// <param name="Output">The C expression of the output; of a loss, that of its 16 partial sums.</param>
/// <param name="Tables">
/// The op's tables in the order of its parameters, then the state it keeps without training it. A trained tensor's name is the C expression
/// of its address in RAM, so that the same C serves constant tables and trained weights.
/// </param>
/// <param name="Scratch">The C expression of memory that dies with the step; NULL where it needs none.</param>
/// <param name="State">The C expressions of the state that the op carries from call to call.</param>
internal sealed record CStep(Step Step, int Number, string[] Inputs, string Output, CTable[] Tables, string Scratch, string[] State)
{
    /// <summary>The layer's name, fit for a comment.</summary>
    public string Name => CText.Comment(Step.Name);

    /// <summary>The names of all layers whose work the step does.</summary>
    public string Title => CText.Comment(Step.Title);

    /// <summary>The steps of a block, without inputs and outputs; empty for a step that is none.</summary>
    public CStep[] Parts { get; init; } = [];

    /// <summary>Elements of the first input.</summary>
    public int InputLength => Step.Inputs[0].Columns;

    /// <summary>The C type of an input's elements.</summary>
    public CElement InputType(int index) => CElement.Of(Step.InputNodes[index]);

    /// <summary>The C type of the output's elements.</summary>
    public CElement OutputType => CElement.Of(Step.Node);

    /// <summary>What the integers of inputs and output mean; null for a step of floats.</summary>
    public CTableSource? Source { get; init; }

    /// <summary>The shape of an input.</summary>
    public Shape InputShape(int index) => Step.InputNodes[index].Shape;

    /// <summary>The shape of the output.</summary>
    public Shape OutputShape => Step.Node.Shape;

    /// <summary>Elements of the output.</summary>
    public int OutputLength => Step.Output.Columns;

    /// <summary>
    /// Whether the export can train: then state that an op keeps without training it is in RAM, as <see cref="Kept"/> says, also for predictions.
    /// </summary>
    public bool HasTraining { get; init; }

    /// <summary>
    /// Whether this is a step of NAME_forward, which both a training step and NAME_loss call: then the C variables <c>model</c> (seed, step,
    /// collected) and
    /// <c>training</c> (0 or 1) are at hand.
    /// </summary>
    public bool IsTrainingForward { get; init; }

    /// <summary>Samples at the addresses: 1 inside the frame's loop, the batch of a call for an op that takes the whole batch.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>
    /// The C expression (uint32_t) of the first sample's index in the logical batch of all calls of an update: random streams count by it.
    /// </summary>
    public string LogicalSample { get; init; } = "0u";

    /// <summary>Values kept from the forward to the backward pass; null where there are none, as in every prediction.</summary>
    public string? Saved { get; init; }

    /// <summary>Where an export that learns keeps running means and the like, in the order in which the op asked for them; empty otherwise.</summary>
    public string[] Kept { get; init; } = [];
}
