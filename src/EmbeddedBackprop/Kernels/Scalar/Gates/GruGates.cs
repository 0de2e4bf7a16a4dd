using System.Numerics;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// One step of a gated recurrent unit as a textbook loop: r, z = sigmoid of the sums of both products, n = tanh(x_n + (r h_n)) with the hidden bias of the
/// new gate inside h_n, h = n + (z (h' - n)), in the order reset, update, new. Source: Cho and others, Learning phrase representations (2014); the place of
/// the reset gate is that of cuDNN and PyTorch.
/// </summary>
internal static class GruGates
{
    /// <summary>Writes r, z, n, the hidden product of the new gate, and h.</summary>
    public static void Forward<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (arithmetic == Arithmetic.Fused)
            Forward<T, Fused>(in step);
        else
            Forward<T, Separate>(in step);
    }

    /// <summary>The deltas of r, z, n and of the new gate's hidden product; h' has a share of its own in h.</summary>
    public static void Backward<T>(in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int hidden = step.Hidden;
        for (int row = 0; row < step.Rows; row++)
        {
            if (GateHold.Holds(in step, row))
            {
                GateHold.Backward(in step, row, 4);
                continue;
            }

            Span<T> gates = step.Gates[(row * step.GateStride)..];
            for (int j = 0; j < hidden; j++)
            {
                int at = (row * step.HiddenStride) + j;
                T r = gates[j], z = gates[hidden + j], n = gates[(2 * hidden) + j], candidate = gates[(3 * hidden) + j];
                T dh = step.HiddenGradient[at];
                T passed = dh * z;
                T deltaNew = (dh - passed) * ((T.One - n) * (T.One + n));
                gates[j] = (deltaNew * candidate) * (r * (T.One - r));
                gates[hidden + j] = (dh * (step.Before[at] - n)) * (z * (T.One - z));
                gates[(2 * hidden) + j] = deltaNew;
                gates[(3 * hidden) + j] = deltaNew * r;
                step.HiddenGradient[at] = step.Upstream.IsEmpty ? passed : step.Upstream[(row * step.OutputStride) + j] + passed;
            }
        }
    }

    private static void Forward<T, TArithmetic>(in GateStep<T> step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        int hidden = step.Hidden;
        for (int row = 0; row < step.Rows; row++)
        {
            if (GateHold.Holds(in step, row))
            {
                GateHold.Forward(in step, row);
                continue;
            }

            ReadOnlySpan<T> x = step.Input[(row * step.ProductStride)..], p = step.Recurrent[(row * step.ProductStride)..];
            Span<T> gates = step.Gates[(row * step.GateStride)..];
            for (int j = 0; j < hidden; j++)
            {
                int at = (row * step.HiddenStride) + j, update = hidden + j, next = (2 * hidden) + j;
                T r = ScalarMath.Sigmoid<T, TArithmetic>(x[j] + p[j]);
                T z = ScalarMath.Sigmoid<T, TArithmetic>(x[update] + p[update]);
                T n = ScalarMath.Tanh<T, TArithmetic>(x[next] + (r * p[next]));
                T h = n + (z * (step.Before[at] - n));
                (gates[j], gates[update], gates[next], gates[hidden + next]) = (r, z, n, p[next]);
                step.After[at] = h;
                if (!step.Output.IsEmpty)
                    step.Output[(row * step.OutputStride) + j] = h;
            }
        }
    }
}
