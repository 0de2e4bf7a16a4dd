using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>The gates of a gated recurrent unit with the bits of <see cref="Scalar.GruGates"/>.</summary>
internal readonly struct GruGates : IRecurrentGates
{
    public static int Gates => 3;

    public static int Kept => 4;

    public static bool HasCell => false;

    public static bool SplitsLastGate => true;

    public static void Forward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<ForwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void Backward(Arithmetic arithmetic, in GateStep<float> step) =>
        LaneDispatch.RunWithin<BackwardKernel, GateStep<float>>(arithmetic, step.Hidden, in step);

    public static void ForwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.GruGates.Forward(arithmetic, in step);

    public static void BackwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scalar.GruGates.Backward(in step);

    private readonly struct ForwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            GatePass.Activate<T, SigmoidCurve>(in step, 0, 2 * step.Hidden);
            New<T>(in step);
        }

        private static void New<T>(in GateStep<float> step) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (GatePass.Holds(in step, row))
                {
                    GatePass.Hold(in step, row);
                    continue;
                }

                int at = row * step.HiddenStride, product = row * step.ProductStride;
                ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), product);
                ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), product);
                ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), row * step.GateStride);
                ref float before = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Before), at);
                ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), at);
                // Without a sequence to return, h is stored twice in one place.
                ref float output = ref step.Output.IsEmpty ? ref after : ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Output), row * step.OutputStride);
                for (nuint i = 0; i < hidden; i += (nuint)T.Count)
                {
                    nuint j = nuint.Min(i, last);
                    T candidate = T.Load(in recurrent, (2 * hidden) + j);
                    T n = T.Tanh(T.Load(in input, (2 * hidden) + j) + (T.Load(in gates, j) * candidate));
                    T h = n + (T.Load(in gates, hidden + j) * (T.Load(in before, j) - n));
                    T.Store(n, ref gates, (2 * hidden) + j);
                    T.Store(candidate, ref gates, (3 * hidden) + j);
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
                T dr = T.Zero, dz = T.Zero, dn = T.Zero, dq = T.Zero, dh = T.Zero;
                if (ragged != 0)
                    Compute(in step, row, last, out dr, out dz, out dn, out dq, out dh);
                for (nuint i = 0; i < hidden - ragged; i += (nuint)T.Count)
                {
                    Compute(in step, row, i, out T drAt, out T dzAt, out T dnAt, out T dqAt, out T dhAt);
                    Store(in step, row, i, drAt, dzAt, dnAt, dqAt, dhAt);
                }

                if (ragged != 0)
                    Store(in step, row, last, dr, dz, dn, dq, dh);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Compute<T>(
            in GateStep<float> step, int row, nuint j, out T deltaReset, out T deltaUpdate, out T deltaNew, out T deltaCandidate, out T start)
            where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T r = T.Load(in gates, 0), z = T.Load(in gates, hidden), n = T.Load(in gates, 2 * hidden), candidate = T.Load(in gates, 3 * hidden);
            T dh = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at);
            T difference = T.Load(in MemoryMarshal.GetReference(step.Before), at) - n;
            T passed = dh * z;
            deltaNew = (dh - passed) * TanhCurve.Derivative(n);
            deltaReset = (deltaNew * candidate) * SigmoidCurve.Derivative(r);
            deltaUpdate = (dh * difference) * SigmoidCurve.Derivative(z);
            deltaCandidate = deltaNew * r;
            start = step.Upstream.IsEmpty
                ? passed
                : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j) + passed;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store<T>(in GateStep<float> step, int row, nuint j, T deltaReset, T deltaUpdate, T deltaNew, T deltaCandidate, T start)
            where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T.Store(deltaReset, ref gates, 0);
            T.Store(deltaUpdate, ref gates, hidden);
            T.Store(deltaNew, ref gates, 2 * hidden);
            T.Store(deltaCandidate, ref gates, 3 * hidden);
            T.Store(start, ref MemoryMarshal.GetReference(step.HiddenGradient), ((nuint)row * (nuint)step.HiddenStride) + j);
        }
    }
}
