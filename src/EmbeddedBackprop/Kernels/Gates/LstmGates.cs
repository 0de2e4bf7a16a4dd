using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The gates of a long short-term memory with the bits of <see cref="Scalar.LstmGates"/>.</summary>
internal readonly struct LstmGates : IRecurrentGates
{
    public static int Gates => 4;

    public static int Kept => 4;

    public static bool HasCell => true;

    public static bool SplitsLastGate => false;

    public static void Forward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<ForwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void Backward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<BackwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void ForwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.LstmGates.Forward(arithmetic, in step);

    public static void BackwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.LstmGates.Backward(in step);

    private readonly struct ForwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            GatePass.Activate<T, SigmoidCurve>(in step, 0, 2 * step.Hidden);
            GatePass.Activate<T, TanhCurve>(in step, 2 * step.Hidden, step.Hidden);
            GatePass.Activate<T, SigmoidCurve>(in step, 3 * step.Hidden, step.Hidden);
            Last<T>(in step);
        }

        // On its own, so that the compilers inline all of it.
        private static void Last<T>(in GateStep<float> step) where T : struct, IFloatLanes<T> => GatePass.Rows<T, Row>(in step);
    }

    private readonly struct Row : IGateRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run<T>(in GateStep<float> step, int row) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            int at = row * step.HiddenStride;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), row * step.GateStride);
            ref float before = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellBefore), at);
            ref float cell = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Cell), at);
            ref float tanh = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellTanh), at);
            ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), at);
            ref float output = ref GatePass.Output(in step, row, ref after);
            for (nuint i = 0; i < hidden; i += (nuint)T.Count)
            {
                nuint j = nuint.Min(i, last);
                T c = (T.Load(in gates, hidden + j) * T.Load(in before, j)) + (T.Load(in gates, j) * T.Load(in gates, (2 * hidden) + j));
                T t = T.Tanh(c);
                T h = T.Load(in gates, (3 * hidden) + j) * t;
                T.Store(c, ref cell, j);
                T.Store(t, ref tanh, j);
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
        private T deltaI, deltaF, deltaG, deltaO, cellBefore, start;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Deltas<T> Compute(in GateStep<float> step, int row, nuint j)
        {
            Deltas<T> d = default;
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T i = T.Load(in gates, 0), f = T.Load(in gates, hidden), g = T.Load(in gates, 2 * hidden), o = T.Load(in gates, 3 * hidden);
            T t = T.Load(in MemoryMarshal.GetReference(step.CellTanh), at);
            T dh = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at);
            T dc = T.Load(in MemoryMarshal.GetReference(step.CellGradient), at) + ((dh * o) * TanhCurve.Derivative(t));
            d.deltaI = (dc * g) * SigmoidCurve.Derivative(i);
            d.deltaF = (dc * T.Load(in MemoryMarshal.GetReference(step.CellBefore), at)) * SigmoidCurve.Derivative(f);
            d.deltaG = (dc * i) * TanhCurve.Derivative(g);
            d.deltaO = (dh * t) * SigmoidCurve.Derivative(o);
            d.cellBefore = dc * f;
            d.start = GatePass.Upstream<T>(in step, row, j);
            return d;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(in GateStep<float> step, int row, nuint j)
        {
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T.Store(deltaI, ref gates, 0);
            T.Store(deltaF, ref gates, hidden);
            T.Store(deltaG, ref gates, 2 * hidden);
            T.Store(deltaO, ref gates, 3 * hidden);
            T.Store(cellBefore, ref MemoryMarshal.GetReference(step.CellGradient), at);
            T.Store(start, ref MemoryMarshal.GetReference(step.HiddenGradient), at);
        }
    }
}
