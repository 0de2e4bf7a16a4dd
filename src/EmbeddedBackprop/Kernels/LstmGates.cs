using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

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
            Cell<T>(in step);
        }

        private static void Cell<T>(in GateStep<float> step) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (GatePass.Holds(in step, row))
                {
                    GatePass.Hold(in step, row);
                    continue;
                }

                int at = row * step.HiddenStride;
                ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), row * step.GateStride);
                ref float before = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellBefore), at);
                ref float cell = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Cell), at);
                ref float tanh = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellTanh), at);
                ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), at);
                // Without a sequence to return, h is stored twice in one place.
                ref float output = ref step.Output.IsEmpty ? ref after : ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Output), row * step.OutputStride);
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
                T di = T.Zero, df = T.Zero, dg = T.Zero, dOut = T.Zero, dc = T.Zero, dh = T.Zero;
                if (ragged != 0)
                    Compute(in step, row, last, out di, out df, out dg, out dOut, out dc, out dh);
                for (nuint i = 0; i < hidden - ragged; i += (nuint)T.Count)
                {
                    Compute(in step, row, i, out T diAt, out T dfAt, out T dgAt, out T dOutAt, out T dcAt, out T dhAt);
                    Store(in step, row, i, diAt, dfAt, dgAt, dOutAt, dcAt, dhAt);
                }

                if (ragged != 0)
                    Store(in step, row, last, di, df, dg, dOut, dc, dh);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Compute<T>(
            in GateStep<float> step, int row, nuint j, out T deltaI, out T deltaF, out T deltaG, out T deltaO, out T cellBefore, out T start)
            where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T i = T.Load(in gates, 0), f = T.Load(in gates, hidden), g = T.Load(in gates, 2 * hidden), o = T.Load(in gates, 3 * hidden);
            T t = T.Load(in MemoryMarshal.GetReference(step.CellTanh), at);
            T dh = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at);
            T dc = T.Load(in MemoryMarshal.GetReference(step.CellGradient), at) + ((dh * o) * TanhCurve.Derivative(t));
            deltaI = (dc * g) * SigmoidCurve.Derivative(i);
            deltaF = (dc * T.Load(in MemoryMarshal.GetReference(step.CellBefore), at)) * SigmoidCurve.Derivative(f);
            deltaG = (dc * i) * TanhCurve.Derivative(g);
            deltaO = (dh * t) * SigmoidCurve.Derivative(o);
            cellBefore = dc * f;
            start = step.Upstream.IsEmpty
                ? T.Zero
                : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store<T>(in GateStep<float> step, int row, nuint j, T deltaI, T deltaF, T deltaG, T deltaO, T cellBefore, T start)
            where T : struct, IFloatLanes<T>
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
