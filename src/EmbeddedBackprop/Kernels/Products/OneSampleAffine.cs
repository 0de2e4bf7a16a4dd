using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>The offsets of one layer: x [K], z and a [N] in the workspace, W [K, N] without gaps and bias [N] among the parameters.</summary>
/// <param name="N">Outputs, padding included.</param>
/// <param name="K">Inputs.</param>
/// <param name="X">The sample.</param>
/// <param name="Weights">W.</param>
/// <param name="Bias">The bias.</param>
/// <param name="Z">Receives z; the offset of a where nothing reads z.</param>
/// <param name="A">Receives f(z).</param>
internal readonly record struct OneSampleOffsets(int N, int K, int X, int Weights, int Bias, int Z, int A);

/// <summary>
/// One sample through one small layer: z = b + x W and a = f(z) while z is in registers, with the bits of <see cref="Gemv.Run"/> and the activation.
/// Made once with the plan; a call passes two addresses.
/// </summary>
/// <remarks>
/// Each output is one chain of additions, and nothing shortens it. But a processor looks some 400 instructions ahead: if fewer than that
/// lie between two chains they cost nothing, and the next prediction begins before this one ends. So there are no spans, no checks, and a
/// few instructions an input.
/// </remarks>
internal abstract unsafe class OneSampleAffine(OneSampleOffsets places)
{
    private readonly OneSampleOffsets places = places;
    private delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> kernel;
    private delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> sparse;
    private int width = -1;
    private bool canRun;

    /// <summary>Inputs from which on a layer looks for zeros; a smaller one is done before they are found.</summary>
    private const int LeastInputs = 256;

    /// <summary>Whether the layer is faster where weights are known to be finite and inputs are 0.</summary>
    public bool LeavesOutZeros => places.K >= LeastInputs;

    /// <summary>Whether there is a kernel at the chosen width: outputs must fill one to four vectors exactly.</summary>
    public bool CanRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            // Threads share a plan: whoever sees the width sees the kernel.
            if (Volatile.Read(ref width) != LaneDispatch.Width)
            {
                ChooseKernel();
            }

            return canRun;
        }
    }

    /// <summary>Runs the layer, where <see cref="CanRun"/>. The caller has checked that all offsets lie within the two buffers.</summary>
    /// <param name="parameters">The first parameter.</param>
    /// <param name="workspace">The first float of the workspace.</param>
    /// <param name="finite">Whether all weights are known to be finite.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(ref float parameters, ref float workspace, bool finite = false) =>
        Run(ref Unsafe.Add(ref workspace, places.X), ref parameters, ref workspace, finite);

    /// <summary>The same for an x that is elsewhere.</summary>
    /// <param name="x">The first of the layer's inputs: all are read before anything is written.</param>
    /// <param name="parameters">The first parameter.</param>
    /// <param name="workspace">The first float of the workspace.</param>
    /// <param name="finite">Whether all weights are known to be finite.</param>
    // A picture's first pixel is background, and measurements of a table are hardly ever 0: zeros are looked for where the first input is one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(ref float x, ref float parameters, ref float workspace, bool finite = false) =>
        (finite && LeavesOutZeros && x == 0f ? sparse : kernel)(in places, ref x, ref parameters, ref workspace);

    /// <summary>The kernels for a layer of so many outputs at the chosen width, or null: with all products, and without those of zeros.</summary>
    private protected abstract void Kernels(
        int outputs,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> kernel,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> sparse);

    private void ChooseKernel()
    {
        int chosen = LaneDispatch.Width;
        delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> all = null, some = null;
        Kernels(places.N, ref all, ref some);
        canRun = all is not null;
        if (canRun)
        {
            // A kernel of another width stays: its bits are the same, and a pass that began with it ends with it.
            kernel = all;
            sparse = some;
        }

        Volatile.Write(ref width, chosen);
    }
}

/// <summary>An affine row with its activation.</summary>
internal sealed unsafe class OneSampleAffine<TFormula>(Arithmetic arithmetic, OneSampleOffsets places) : OneSampleAffine(places)
    where TFormula : struct, IElementFormula
{
    private protected override void Kernels(
        int outputs,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> kernel,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> sparse) =>
        LaneDispatch.Run<Chooser, Choice>(arithmetic, new Choice(outputs, ref kernel, ref sparse));

    private readonly ref struct Choice(
        int outputs,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> kernel,
        ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> sparse)
    {
        public readonly int Outputs = outputs;
        public readonly ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> Kernel = ref kernel;
        public readonly ref delegate*<in OneSampleOffsets, ref float, ref float, ref float, void> Sparse = ref sparse;
    }

    private readonly struct Chooser : ILaneKernel<Choice>
    {
        public static void Run<T, TTail>(in Choice choice)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            if (T.Count == 1 || choice.Outputs % T.Count != 0)
            {
                return;
            }

            choice.Kernel = (choice.Outputs / T.Count) switch
            {
                1 => &Row<T, One>,
                2 => &Row<T, Two>,
                3 => &Row<T, Three>,
                4 => &Row<T, Four>,
                _ => null,
            };
            choice.Sparse = (choice.Outputs / T.Count) switch
            {
                1 => &SparseRow<T, One>,
                2 => &SparseRow<T, Two>,
                3 => &SparseRow<T, Three>,
                4 => &SparseRow<T, Four>,
                _ => null,
            };
        }

        /// <summary>
        /// The same without the products of inputs that are 0: with finite weights these are +0 or -0, and change no sum but -0. So only a result of
        /// -0 could have been +0, and then all products are added. Of a picture's pixels four of five are 0, and the chain is a fifth as long.
        /// </summary>
        [SkipLocalsInit]
        private static void SparseRow<T, TVectors>(in OneSampleOffsets at, ref float x, ref float parameters, ref float workspace)
            where T : struct, IFloatLanes<T>
            where TVectors : unmanaged, ITileSize
        {
            nuint lanes = (nuint)T.Count, n = (nuint)sizeof(TVectors) * lanes;
            nuint o1 = sizeof(TVectors) > 1 ? lanes : 0, o2 = sizeof(TVectors) > 2 ? 2 * lanes : 0, o3 = sizeof(TVectors) > 3 ? 3 * lanes : 0;
            ref float weights = ref Unsafe.Add(ref parameters, at.Weights);
            ref float bias = ref Unsafe.Add(ref parameters, at.Bias);
            T s0 = T.Load(in bias, 0), s1 = T.Load(in bias, o1), s2 = T.Load(in bias, o2), s3 = T.Load(in bias, o3);
            for (nuint first = 0; first < (nuint)at.K; first += LiveColumns.MaskBits)
            {
                ref float some = ref Unsafe.Add(ref x, first);
                ref float rows = ref Unsafe.Add(ref weights, first * n);

                // Inlined: sums do not stay in registers over a call, and a sum that passes through memory takes five times as long.
                ulong live = LiveColumns.Mask(ref some, nuint.Min((nuint)at.K - first, LiveColumns.MaskBits));
                for (; live != 0; live &= live - 1)
                {
                    nuint k = (nuint)BitOperations.TrailingZeroCount(live);
                    T xk = T.Broadcast(Unsafe.Add(ref some, k));
                    ref float w = ref Unsafe.Add(ref rows, k * n);
                    s0 = T.MultiplyAdd(xk, T.Load(in w, 0), s0);
                    if (sizeof(TVectors) > 1)
                    {
                        s1 = T.MultiplyAdd(xk, T.Load(in w, o1), s1);
                    }

                    if (sizeof(TVectors) > 2)
                    {
                        s2 = T.MultiplyAdd(xk, T.Load(in w, o2), s2);
                    }

                    if (sizeof(TVectors) > 3)
                    {
                        s3 = T.MultiplyAdd(xk, T.Load(in w, o3), s3);
                    }
                }
            }

            // Four vectors of 512 bits.
            float* sums = stackalloc float[64];
            T.Store(s0, ref *sums, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s1, ref *sums, o1);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s2, ref *sums, o2);
            }

            if (sizeof(TVectors) > 3)
            {
                T.Store(s3, ref *sums, o3);
            }

            if (SparseProduct.HasNegativeZero(sums, (int)n))
            {
                Row<T, TVectors>(in at, ref x, ref parameters, ref workspace);
                return;
            }

            Finish<T, TVectors>(in at, s0, s1, s2, s3, ref workspace);
        }

        private static void Row<T, TVectors>(in OneSampleOffsets at, ref float x, ref float parameters, ref float workspace)
            where T : struct, IFloatLanes<T>
            where TVectors : unmanaged, ITileSize
        {
            // All distances are constants: an input costs a broadcast and an instruction for each vector.
            nuint lanes = (nuint)T.Count, n = (nuint)sizeof(TVectors) * lanes;
            nuint o1 = sizeof(TVectors) > 1 ? lanes : 0, o2 = sizeof(TVectors) > 2 ? 2 * lanes : 0, o3 = sizeof(TVectors) > 3 ? 3 * lanes : 0;
            ref float w = ref Unsafe.Add(ref parameters, at.Weights);
            ref float bias = ref Unsafe.Add(ref parameters, at.Bias);
            T s0 = T.Load(in bias, 0), s1 = T.Load(in bias, o1), s2 = T.Load(in bias, o2), s3 = T.Load(in bias, o3);
            nuint left = (nuint)at.K;
            for (; left >= 4; left -= 4)
            {
                T x0 = T.Broadcast(x),
                    x1 = T.Broadcast(Unsafe.Add(ref x, 1)),
                    x2 = T.Broadcast(Unsafe.Add(ref x, 2)),
                    x3 = T.Broadcast(Unsafe.Add(ref x, 3));
                s0 = T.MultiplyAdd(x0, T.Load(in w, 0), s0);
                if (sizeof(TVectors) > 1)
                {
                    s1 = T.MultiplyAdd(x0, T.Load(in w, o1), s1);
                }

                if (sizeof(TVectors) > 2)
                {
                    s2 = T.MultiplyAdd(x0, T.Load(in w, o2), s2);
                }

                if (sizeof(TVectors) > 3)
                {
                    s3 = T.MultiplyAdd(x0, T.Load(in w, o3), s3);
                }

                s0 = T.MultiplyAdd(x1, T.Load(in w, n), s0);
                if (sizeof(TVectors) > 1)
                {
                    s1 = T.MultiplyAdd(x1, T.Load(in w, n + o1), s1);
                }

                if (sizeof(TVectors) > 2)
                {
                    s2 = T.MultiplyAdd(x1, T.Load(in w, n + o2), s2);
                }

                if (sizeof(TVectors) > 3)
                {
                    s3 = T.MultiplyAdd(x1, T.Load(in w, n + o3), s3);
                }

                s0 = T.MultiplyAdd(x2, T.Load(in w, 2 * n), s0);
                if (sizeof(TVectors) > 1)
                {
                    s1 = T.MultiplyAdd(x2, T.Load(in w, (2 * n) + o1), s1);
                }

                if (sizeof(TVectors) > 2)
                {
                    s2 = T.MultiplyAdd(x2, T.Load(in w, (2 * n) + o2), s2);
                }

                if (sizeof(TVectors) > 3)
                {
                    s3 = T.MultiplyAdd(x2, T.Load(in w, (2 * n) + o3), s3);
                }

                s0 = T.MultiplyAdd(x3, T.Load(in w, 3 * n), s0);
                if (sizeof(TVectors) > 1)
                {
                    s1 = T.MultiplyAdd(x3, T.Load(in w, (3 * n) + o1), s1);
                }

                if (sizeof(TVectors) > 2)
                {
                    s2 = T.MultiplyAdd(x3, T.Load(in w, (3 * n) + o2), s2);
                }

                if (sizeof(TVectors) > 3)
                {
                    s3 = T.MultiplyAdd(x3, T.Load(in w, (3 * n) + o3), s3);
                }

                x = ref Unsafe.Add(ref x, 4);
                w = ref Unsafe.Add(ref w, 4 * n);
            }

            for (; left != 0; left--)
            {
                T x0 = T.Broadcast(x);
                s0 = T.MultiplyAdd(x0, T.Load(in w, 0), s0);
                if (sizeof(TVectors) > 1)
                {
                    s1 = T.MultiplyAdd(x0, T.Load(in w, o1), s1);
                }

                if (sizeof(TVectors) > 2)
                {
                    s2 = T.MultiplyAdd(x0, T.Load(in w, o2), s2);
                }

                if (sizeof(TVectors) > 3)
                {
                    s3 = T.MultiplyAdd(x0, T.Load(in w, o3), s3);
                }

                x = ref Unsafe.Add(ref x, 1);
                w = ref Unsafe.Add(ref w, n);
            }

            Finish<T, TVectors>(in at, s0, s1, s2, s3, ref workspace);
        }

        /// <summary>Writes the sums, z, and a = f(z).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Finish<T, TVectors>(in OneSampleOffsets at, T s0, T s1, T s2, T s3, ref float workspace)
            where T : struct, IFloatLanes<T>
            where TVectors : unmanaged, ITileSize
        {
            nuint lanes = (nuint)T.Count;
            ref float z = ref Unsafe.Add(ref workspace, at.Z);
            ref float a = ref Unsafe.Add(ref workspace, at.A);
            if (sizeof(TVectors) == 4)
            {
                // A loop: the compiler inlines so many calls and no more, and at 512 bits the formula of a fourth vector stayed a chain of calls.
                // That made such a layer take 2.5 times as long with tanh or mish, twice as long with softplus.
                T.Store(s0, ref z, 0);
                T.Store(s1, ref z, lanes);
                T.Store(s2, ref z, 2 * lanes);
                T.Store(s3, ref z, 3 * lanes);
                for (nuint i = 0; i < 4 * lanes; i += lanes)
                {
                    T value = T.Load(in z, i);
                    T.Store(TFormula.Apply(value, value, value, T.Zero, T.Zero), ref a, i);
                }

                return;
            }

            T.Store(s0, ref z, 0);
            T.Store(TFormula.Apply(s0, s0, s0, T.Zero, T.Zero), ref a, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s1, ref z, lanes);
                T.Store(TFormula.Apply(s1, s1, s1, T.Zero, T.Zero), ref a, lanes);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s2, ref z, 2 * lanes);
                T.Store(TFormula.Apply(s2, s2, s2, T.Zero, T.Zero), ref a, 2 * lanes);
            }
        }
    }
}
