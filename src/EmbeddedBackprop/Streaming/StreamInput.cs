using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Streaming;

/// <summary>An input of a net that is fed as a stream.</summary>
/// <param name="Source">The input of the net.</param>
/// <param name="Axis">Its axis of time; -1 for none.</param>
/// <param name="Node">The input of a hop.</param>
internal sealed record StreamInput(Node Source, int Axis, Node Node)
{
    /// <summary>Samples of a step of time; all of them without time.</summary>
    public int StepLength => Axis < 0 ? Source.Shape.Length : Source.Shape.Length / Source.Shape[Axis];

    /// <summary>Samples of a step that are next to each other in the input.</summary>
    public int Between => Axis < 0 ? Source.Shape.Length : Keep.After(Source.Shape, Axis);
}
