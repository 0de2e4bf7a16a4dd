using System.Numerics;
using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>A masked time step: the sample's state stays as it is, by a comparison (a NaN in the mask masks).</summary>
internal static class GateHold
{
    /// <summary>Whether the step leaves a sample's state as it is.</summary>
    public static bool Holds<T>(in GateStep<T> step, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        !step.Mask.IsEmpty && !(step.Mask[row * step.MaskStride] > T.Zero);

    /// <summary>h = h', c = c'.</summary>
    public static void Forward<T>(in GateStep<T> step, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int j = 0; j < step.Hidden; j++)
        {
            int at = (row * step.HiddenStride) + j;
            step.After[at] = step.Before[at];
            if (!step.Cell.IsEmpty)
                step.Cell[at] = step.CellBefore[at];
            if (!step.Output.IsEmpty)
                step.Output[(row * step.OutputStride) + j] = step.Before[at];
        }
    }

    /// <summary>The deltas are +0; dL/dh is dL/dh', dL/dc is dL/dc'.</summary>
    public static void Backward<T>(in GateStep<T> step, int row, int kept) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int j = 0; j < kept * step.Hidden; j++)
            step.Gates[(row * step.GateStride) + j] = T.Zero;
        for (int j = 0; j < step.Hidden && !step.Upstream.IsEmpty; j++)
        {
            int at = (row * step.HiddenStride) + j;
            step.HiddenGradient[at] = step.Upstream[(row * step.OutputStride) + j] + step.HiddenGradient[at];
        }
    }
}
