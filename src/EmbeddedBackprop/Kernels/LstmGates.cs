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
        LaneDispatch.Run<BackwardKernel, GateStep<float>>(arithmetic, in step);

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
            nuint hidden = (nuint)step.Hidden;
            for (int row = 0; row < step.Rows; row++)
            {
                if (GatePass.Holds(in step, row))
                {
                    GatePass.HoldBackward(in step, row, Kept);
                    continue;
                }

                nuint i = 0;
                for (; hidden - i >= (nuint)T.Count; i += (nuint)T.Count)
                    Deltas<T>(in step, row, i);
                for (; i < hidden; i++)
                    Deltas<TTail>(in step, row, i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Deltas<T>(in GateStep<float> step, int row, nuint j) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            ref float hiddenGradient = ref MemoryMarshal.GetReference(step.HiddenGradient);
            ref float cellGradient = ref MemoryMarshal.GetReference(step.CellGradient);
            T i = T.Load(in gates, 0), f = T.Load(in gates, hidden), g = T.Load(in gates, 2 * hidden), o = T.Load(in gates, 3 * hidden);
            T t = T.Load(in MemoryMarshal.GetReference(step.CellTanh), at);
            T dh = T.Load(in hiddenGradient, at);
            T dc = T.Load(in cellGradient, at) + ((dh * o) * TanhCurve.Derivative(t));
            T.Store((dc * g) * SigmoidCurve.Derivative(i), ref gates, 0);
            T.Store((dc * T.Load(in MemoryMarshal.GetReference(step.CellBefore), at)) * SigmoidCurve.Derivative(f), ref gates, hidden);
            T.Store((dc * i) * TanhCurve.Derivative(g), ref gates, 2 * hidden);
            T.Store((dh * t) * SigmoidCurve.Derivative(o), ref gates, 3 * hidden);
            T.Store(dc * f, ref cellGradient, at);
            T start = step.Upstream.IsEmpty
                ? T.Zero
                : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j);
            T.Store(start, ref hiddenGradient, at);
        }
    }
}
