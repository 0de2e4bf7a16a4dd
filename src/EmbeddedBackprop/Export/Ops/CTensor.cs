using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A trained tensor of the exported C.</summary>
/// <param name="Range">Its name, kind and sizes.</param>
/// <param name="Table">Its initial values, in flash.</param>
/// <param name="Offset">The first float in the memory of parameters.</param>
/// <param name="GradientOffset">The first float in the memory of gradients; -1 where each finished gradient is applied at once.</param>
/// <param name="L2">The penalty's factor in g = M(l2, w, g); 0 for none.</param>
internal sealed record CTensor(ParameterRange Range, CTable Table, int Offset, int GradientOffset, float L2)
{
    /// <summary>Elements of the tensor.</summary>
    public int Length => Range.Count;

    /// <summary>The C expression of the weights.</summary>
    public string Place => CText.At("parameters", Offset);

    /// <summary>The C expression of the gradient; null where there is no memory for it.</summary>
    public string? Gradient => GradientOffset < 0 ? null : CText.At("gradients", GradientOffset);

    /// <summary>How the sum of a gradient begins and ends.</summary>
    public CGradientSum GradientSum => new(Gradient, Place, L2);
}
