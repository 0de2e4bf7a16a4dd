using System.Numerics;
using System.Numerics.Tensors;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// A time step that the mask switches off for a sample: its state does not change. The same code in every precision: it copies and adds.
/// </summary>
internal static class MaskedStep
{
    /// <summary>Whether the step is switched off for a sample: its mask is not above 0 (a NaN is not).</summary>
    public static bool Skips<T>(in StepBuffers<T> step, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        !step.Mask.IsEmpty && !(step.Mask[row * step.MaskStride] > T.Zero);

    /// <summary>h = h', c = c'.</summary>
    public static void Forward<T>(in StepBuffers<T> step, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int at = row * step.HiddenStride;
        ReadOnlySpan<T> hidden = step.Before.Slice(at, step.Hidden);
        hidden.CopyTo(step.After[at..]);
        if (!step.Cell.IsEmpty)
        {
            step.CellBefore.Slice(at, step.Hidden).CopyTo(step.Cell[at..]);
        }

        if (!step.Output.IsEmpty)
        {
            hidden.CopyTo(step.Output[(row * step.OutputStride)..]);
        }
    }

    /// <summary>The deltas are +0, dL/dh passes to h' and dL/dc to c' as they are.</summary>
    public static void Backward<T>(in StepBuffers<T> step, int row, int deltas) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        step.Gates.Slice(row * step.GateStride, deltas * step.Hidden).Clear();
        if (!step.Upstream.IsEmpty)
        {
            Span<T> gradient = step.HiddenGradient.Slice(row * step.HiddenStride, step.Hidden);
            TensorPrimitives.Add(step.Upstream.Slice(row * step.OutputStride, step.Hidden), gradient, gradient);
        }
    }
}
