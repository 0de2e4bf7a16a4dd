using System.Numerics;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>One step of a simple recurrent layer as a textbook loop: h = f(z), f = tanh or max(z, 0). Source: Elman, Finding structure in time (1990).</summary>
internal static class RnnGates
{
    /// <summary>Writes h.</summary>
    public static void Forward<T>(Arithmetic arithmetic, bool relu, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < step.Rows; row++)
        {
            if (GateHold.Holds(in step, row))
            {
                GateHold.Forward(in step, row);
                continue;
            }

            for (int j = 0; j < step.Hidden; j++)
            {
                T z = step.Input[(row * step.ProductStride) + j] + step.Recurrent[(row * step.ProductStride) + j];
                T h = relu ? (z > T.Zero ? z : T.Zero)
                    : arithmetic == Arithmetic.Fused ? ScalarMath.Tanh<T, Fused>(z) : ScalarMath.Tanh<T, Separate>(z);
                step.After[(row * step.HiddenStride) + j] = h;
                if (!step.Output.IsEmpty)
                    step.Output[(row * step.OutputStride) + j] = h;
            }
        }
    }

    /// <summary>delta = dL/dh f'(z).</summary>
    public static void Backward<T>(bool relu, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < step.Rows; row++)
        {
            if (GateHold.Holds(in step, row))
            {
                GateHold.Backward(in step, row, 1);
                continue;
            }

            for (int j = 0; j < step.Hidden; j++)
            {
                int at = (row * step.HiddenStride) + j;
                T h = step.After[at];
                T derivative = relu ? (h > T.Zero ? T.One : T.Zero) : (T.One - h) * (T.One + h);
                step.Gates[(row * step.GateStride) + j] = step.HiddenGradient[at] * derivative;
                step.HiddenGradient[at] = step.Upstream.IsEmpty ? T.Zero : step.Upstream[(row * step.OutputStride) + j];
            }
        }
    }
}
