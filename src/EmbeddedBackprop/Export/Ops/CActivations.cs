using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Which class writes the C of an activation: softmax has one of its own, all others are printed from their formulas.</summary>
internal static class CActivations
{
    /// <summary>The C of an activation: printed from its formula, a user's own like the engine's.</summary>
    /// <exception cref="NotSupportedException">It has no formula: it is a user's own that is not element-wise.</exception>
    public static CActivation For(Step step, Activation activation)
    {
        if (activation is Softmax)
        {
            return new CSoftmax(activation);
        }

        if (activation.ValueText(LaneText.Zero) is null)
        {
            ExportErrors.UnknownActivation(step.Name, activation.Name);
        }

        return new CElementwise(activation);
    }
}
