using System.Numerics;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// One step of a long short-term memory as a textbook loop: i, f, o = sigmoid z, g = tanh z, c = (f c') + (i g), h = o tanh c, in the order input, forget,
/// cell, output. Source: Hochreiter and Schmidhuber, Long short-term memory (1997), with the forget gate of Gers and others (2000).
/// </summary>
internal static class LstmGates
{
    /// <summary>Writes the gates, c, tanh c and h.</summary>
    public static void Forward<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (arithmetic == Arithmetic.Fused)
            Forward<T, Fused>(in step);
        else
            Forward<T, Separate>(in step);
    }

    /// <summary>The deltas of i, f, g, o, and dL/dc'.</summary>
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
                T i = gates[j], f = gates[hidden + j], g = gates[(2 * hidden) + j], o = gates[(3 * hidden) + j], t = step.CellTanh[at];
                T dh = step.HiddenGradient[at];
                // h = o tanh c, and c is read by the next step, too: its share came first.
                T dc = step.CellGradient[at] + ((dh * o) * ((T.One - t) * (T.One + t)));
                gates[j] = (dc * g) * (i * (T.One - i));
                gates[hidden + j] = (dc * step.CellBefore[at]) * (f * (T.One - f));
                gates[(2 * hidden) + j] = (dc * i) * ((T.One - g) * (T.One + g));
                gates[(3 * hidden) + j] = (dh * t) * (o * (T.One - o));
                step.CellGradient[at] = dc * f;
                step.HiddenGradient[at] = step.Upstream.IsEmpty ? T.Zero : step.Upstream[(row * step.OutputStride) + j];
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

            ReadOnlySpan<T> x = step.Input[(row * step.ProductStride)..], r = step.Recurrent[(row * step.ProductStride)..];
            Span<T> gates = step.Gates[(row * step.GateStride)..];
            for (int j = 0; j < hidden; j++)
            {
                int at = (row * step.HiddenStride) + j, forget = hidden + j, cell = (2 * hidden) + j, output = (3 * hidden) + j;
                T i = ScalarMath.Sigmoid<T, TArithmetic>(x[j] + r[j]);
                T f = ScalarMath.Sigmoid<T, TArithmetic>(x[forget] + r[forget]);
                T g = ScalarMath.Tanh<T, TArithmetic>(x[cell] + r[cell]);
                T o = ScalarMath.Sigmoid<T, TArithmetic>(x[output] + r[output]);
                T c = (f * step.CellBefore[at]) + (i * g);
                T t = ScalarMath.Tanh<T, TArithmetic>(c);
                T h = o * t;
                (gates[j], gates[forget], gates[cell], gates[output]) = (i, f, g, o);
                (step.Cell[at], step.CellTanh[at], step.After[at]) = (c, t, h);
                if (!step.Output.IsEmpty)
                    step.Output[(row * step.OutputStride) + j] = h;
            }
        }
    }
}
