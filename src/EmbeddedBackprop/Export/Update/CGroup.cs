using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Trained tensors that are contiguous and updated alike, so that one call updates all.</summary>
/// <param name="Training">The frame.</param>
/// <param name="Tensors">The tensors, each after the one before it in the parameters and in the gradients.</param>
/// <param name="Decay">The weight decay that the optimiser applies itself (AdamW).</param>
internal sealed record CGroup(CTraining Training, CTensor[] Tensors, float Decay)
{
    /// <summary>Names for a comment.</summary>
    public string Name => CText.Comment(Tensors[0].Range.Name) + (Tensors.Length > 1 ? " to " + CText.Comment(Tensors[^1].Range.Name) : "");

    /// <summary>How many elements, as C.</summary>
    public string Count => CText.Size(Tensors.Sum(tensor => tensor.Length));

    /// <summary>The C expression of the weights.</summary>
    public string Weights => Tensors[0].Place;

    /// <summary>The C expression of the gradients.</summary>
    public string Gradients => Tensors[0].Gradient!;

    /// <summary>The C expression of the optimiser's i-th array.</summary>
    public string State(int array) => CText.At("optimizer", (array * Training.ParameterLength) + Tensors[0].Offset);
}
