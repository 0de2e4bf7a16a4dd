using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Gates;

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
            int at = row * step.HiddenStride, product = row * step.ProductStride;
            ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), product);
            ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), product);
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), row * step.GateStride);
            ref float before = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Before), at);
            ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), at);
            ref float output = ref GatePass.Output(in step, row, ref after);
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

    private readonly struct BackwardKernel : ILaneKernel<GateStep<float>>
    {
        public static void Run<T, TTail>(in GateStep<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail> =>
            GatePass.Deltas<T, Deltas<T>>(in step, Kept);
    }

    private struct Deltas<T> : IGateDeltas<Deltas<T>> where T : struct, IFloatLanes<T>
    {
        private T deltaReset, deltaUpdate, deltaNew, deltaCandidate, start;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Deltas<T> Compute(in GateStep<float> step, int row, nuint j)
        {
            Deltas<T> d = default;
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), ((nuint)row * (nuint)step.GateStride) + j);
            T r = T.Load(in gates, 0), z = T.Load(in gates, hidden), n = T.Load(in gates, 2 * hidden), candidate = T.Load(in gates, 3 * hidden);
            T dh = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at);
            T difference = T.Load(in MemoryMarshal.GetReference(step.Before), at) - n;
            T passed = dh * z;
            d.deltaNew = (dh - passed) * TanhCurve.Derivative(n);
            d.deltaReset = (d.deltaNew * candidate) * SigmoidCurve.Derivative(r);
            d.deltaUpdate = (dh * difference) * SigmoidCurve.Derivative(z);
            d.deltaCandidate = d.deltaNew * r;
            d.start = step.Upstream.IsEmpty
                ? passed
                : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j) + passed;
            return d;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(in GateStep<float> step, int row, nuint j)
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
