using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>The one "gate" of a simple recurrent layer, h = f(z), with the bits of <see cref="Scalar.RnnGates"/>.</summary>
internal readonly struct RnnGates<TCurve> : IRecurrentGates where TCurve : struct, IGateCurve
{
    public static int Gates => 1;

    public static int Kept => 1;

    public static bool HasCell => false;

    public static bool SplitsLastGate => false;

    public static void Forward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<ForwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void Backward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<BackwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void ForwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.RnnGates.Forward(arithmetic, typeof(TCurve) == typeof(ReluCurve), in step);

    public static void BackwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.RnnGates.Backward(typeof(TCurve) == typeof(ReluCurve), in step);

    private readonly struct ForwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (GatePass.Holds(in step, row))
                {
                    GatePass.Hold(in step, row);
                    continue;
                }

                int product = row * step.ProductStride;
                ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), product);
                ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), product);
                ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), row * step.HiddenStride);
                // Without a sequence to return, h is stored twice in one place.
                ref float output = ref step.Output.IsEmpty ? ref after : ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Output), row * step.OutputStride);
                for (nuint i = 0; i < hidden; i += (nuint)T.Count)
                {
                    nuint j = nuint.Min(i, last);
                    T h = TCurve.Value(T.Load(in input, j) + T.Load(in recurrent, j));
                    T.Store(h, ref after, j);
                    T.Store(h, ref output, j);
                }
            }
        }
    }

    private readonly struct BackwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count, ragged = hidden % (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (GatePass.Holds(in step, row))
                {
                    GatePass.HoldBackward(in step, row, Kept);
                    continue;
                }

                // A ragged row's last vector overlaps its neighbour: it is computed before the gates go, and written after.
                T dz = T.Zero, dh = T.Zero;
                if (ragged != 0)
                    Compute(in step, row, last, out dz, out dh);
                for (nuint i = 0; i < hidden - ragged; i += (nuint)T.Count)
                {
                    Compute(in step, row, i, out T dzAt, out T dhAt);
                    Store(in step, row, i, dzAt, dhAt);
                }

                if (ragged != 0)
                    Store(in step, row, last, dz, dh);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Compute<T>(in GateStep<float> step, int row, nuint j, out T delta, out T start)
            where T : struct, IFloatLanes<T>
        {
            nuint at = ((nuint)row * (nuint)step.HiddenStride) + j;
            T h = T.Load(in MemoryMarshal.GetReference(step.After), at);
            delta = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at) * TCurve.Derivative(h);
            start = step.Upstream.IsEmpty
                ? T.Zero
                : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store<T>(in GateStep<float> step, int row, nuint j, T delta, T start)
            where T : struct, IFloatLanes<T>
        {
            T.Store(delta, ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T.Store(start, ref MemoryMarshal.GetReference(step.HiddenGradient), ((nuint)row * (nuint)step.HiddenStride) + j);
        }
    }
}
