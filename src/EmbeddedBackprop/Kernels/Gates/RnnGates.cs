using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Gates;

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
            GatePass.Rows<T, Row>(in step);
        }
    }

    private readonly struct Row : IGateRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run<T>(in GateStep<float> step, int row) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            int product = row * step.ProductStride;
            ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), product);
            ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), product);
            ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), row * step.HiddenStride);
            ref float output = ref GatePass.Output(in step, row, ref after);
            for (nuint i = 0; i < hidden; i += (nuint)T.Count)
            {
                nuint j = nuint.Min(i, last);
                T h = TCurve.Value(T.Load(in input, j) + T.Load(in recurrent, j));
                T.Store(h, ref after, j);
                T.Store(h, ref output, j);
            }
        }
    }

    private readonly struct BackwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail> =>
            GatePass.Deltas<T, Deltas<T>>(in step, Kept);
    }

    private struct Deltas<T> : IGateDeltas<Deltas<T>> where T : struct, IFloatLanes<T>
    {
        private T delta, start;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Deltas<T> Compute(in GateStep<float> step, int row, nuint j)
        {
            Deltas<T> d = default;
            nuint at = ((nuint)row * (nuint)step.HiddenStride) + j;
            T h = T.Load(in MemoryMarshal.GetReference(step.After), at);
            d.delta = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at) * TCurve.Derivative(h);
            d.start = GatePass.Upstream<T>(in step, row, j);
            return d;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(in GateStep<float> step, int row, nuint j)
        {
            T.Store(delta, ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T.Store(start, ref MemoryMarshal.GetReference(step.HiddenGradient), ((nuint)row * (nuint)step.HiddenStride) + j);
        }
    }
}
