using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Norms;

/// <summary>Layer normalisation with the bits of <see cref="Scalar.RowNorm"/>.</summary>
internal static class RowNorm
{
    /// <inheritdoc cref="Scalar.RowNorm.Forward"/>
    public static void Forward(
        Arithmetic arithmetic, int batch, int rows, int n, ReadOnlySpan<float> x, int ldx, Span<float> gamma, Span<float> beta, float epsilon,
        Span<float> y, int ldy, Span<float> means, Span<float> inverses)
    {
        Require.Matrix("RowNorm.Forward", nameof(x), batch, rows * n, ldx, x.Length);
        Require.Matrix("RowNorm.Forward", nameof(y), batch, rows * n, ldy, y.Length);
        Require.AtLeast("RowNorm.Forward", nameof(gamma), n, gamma.Length);
        Require.AtLeast("RowNorm.Forward", nameof(beta), n, beta.Length);
        if (!means.IsEmpty)
        {
            Require.AtLeast("RowNorm.Forward", nameof(means), batch * rows, means.Length);
            Require.AtLeast("RowNorm.Forward", nameof(inverses), batch * rows, inverses.Length);
        }

        ParallelSamples.Run<ForwardKernel, Arguments>(
            arithmetic, n, rows * n, new Arguments(batch, rows, n, x, ldx, y, ldy, gamma, beta, means, inverses, default, default, epsilon, false));
    }

    /// <inheritdoc cref="Scalar.RowNorm.Backward"/>
    public static void Backward(
        Arithmetic arithmetic, int batch, int rows, int n, ReadOnlySpan<float> x, int ldx, Span<float> gamma, Span<float> means, Span<float> inverses,
        Span<float> dy, int lddy, Span<float> dgamma, Span<float> dbeta, Span<float> dx, bool accumulate)
    {
        Require.Matrix("RowNorm.Backward", nameof(x), batch, rows * n, ldx, x.Length);
        Require.Matrix("RowNorm.Backward", nameof(dy), batch, rows * n, lddy, dy.Length);
        if (!dx.IsEmpty)
        {
            Require.Matrix("RowNorm.Backward", nameof(dx), batch, rows * n, ldx, dx.Length);
        }

        Require.AtLeast("RowNorm.Backward", nameof(gamma), n, gamma.Length);
        Require.AtLeast("RowNorm.Backward", nameof(means), batch * rows, means.Length);
        Require.AtLeast("RowNorm.Backward", nameof(inverses), batch * rows, inverses.Length);
        Require.AtLeast("RowNorm.Backward", nameof(dgamma), n, dgamma.Length);
        Require.AtLeast("RowNorm.Backward", nameof(dbeta), n, dbeta.Length);

        Arguments arguments = new(batch, rows, n, x, ldx, dy, lddy, gamma, dbeta, means, inverses, dgamma, dx, 0f, accumulate);
        int parts = WorkerPool.Current?.PartCount((long)batch * rows * n * WorkerPool.ElementWork, Math.Max(batch, n / ColumnUnit)) ?? 1;
        if (parts == 1)
        {
            LaneDispatch.RunWithin<BackwardKernel, Arguments>(arithmetic, n, in arguments);
            return;
        }

        // The gradients of gamma and beta are chains over all rows: their columns are shared out, the gradients of x by samples.
        ParallelSamples.Run<ParameterKernel, ColumnArguments>(
            arithmetic, Math.Min(n, ColumnUnit), batch * rows * ColumnUnit, new ColumnArguments(arguments, 0, n));
        if (!dx.IsEmpty)
        {
            ParallelSamples.Run<InputKernel, Arguments>(arithmetic, n, rows * n, in arguments);
        }
    }

    // A cache line of floats: no two threads write to one, if the gradients begin at one.
    private const int ColumnUnit = 16;

    /// <summary>Columns first ... first + count - 1 of all rows.</summary>
    private readonly ref struct ColumnArguments : IRangeArguments<ColumnArguments>
    {
        public readonly Arguments Whole;
        public readonly int First;
        public readonly int Count;

        public ColumnArguments(Arguments whole, int first, int count)
        {
            Whole = whole;
            First = first;
            Count = count;
        }

        public nuint Length => (nuint)((Count + ColumnUnit - 1) / ColumnUnit);

        public ColumnArguments Range(nuint first, nuint count)
        {
            int from = (int)first * ColumnUnit;
            return new(Whole, First + from, Math.Min((int)count * ColumnUnit, Count - from));
        }
    }

    /// <summary>Rows of x and of y (dy backwards), gamma and beta (dbeta backwards), the statistics kept of every row, and the other
    /// gradients.</summary>
    private readonly ref struct Arguments(
        int batch, int rows, int n, ReadOnlySpan<float> x, int ldx, Span<float> y, int ldy, Span<float> gamma, Span<float> beta, Span<float> means,
        Span<float> inverses, Span<float> dgamma, Span<float> dx, float epsilon, bool accumulate) : IRangeArguments<Arguments>
    {
        public readonly int Batch = batch;
        public readonly int Rows = rows;
        public readonly int Columns = n;
        public readonly int LeadingX = ldx;
        public readonly int LeadingY = ldy;
        public readonly bool Accumulate = accumulate;
        public readonly float Epsilon = epsilon;
        public readonly ReadOnlySpan<float> X = x;
        public readonly Span<float> Y = y;
        public readonly Span<float> Gamma = gamma;
        public readonly Span<float> Beta = beta;
        public readonly Span<float> Means = means;
        public readonly Span<float> Inverses = inverses;
        public readonly Span<float> GammaGradient = dgamma;
        public readonly Span<float> Dx = dx;

        public nuint Length => (nuint)Batch;

        public Arguments Range(nuint first, nuint count)
        {
            int from = (int)first;
            return new(
                (int)count,
                Rows,
                Columns,
                X[Math.Min(from * LeadingX, X.Length)..],
                LeadingX,
                Y[Math.Min(from * LeadingY, Y.Length)..],
                LeadingY,
                Gamma,
                Beta,
                Means.IsEmpty ? Means : Means[(from * Rows)..],
                Inverses.IsEmpty ? Inverses : Inverses[(from * Rows)..],
                GammaGradient,
                Dx.IsEmpty ? Dx : Dx[Math.Min(from * LeadingX, Dx.Length)..],
                Epsilon,
                Accumulate);
        }
    }

    private readonly struct ForwardKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint n = (nuint)g.Columns;
            ref float gamma = ref MemoryMarshal.GetReference(g.Gamma), beta = ref MemoryMarshal.GetReference(g.Beta);
            for (int row = 0; row < g.Batch * g.Rows; row++)
            {
                nuint sample = (nuint)(row / g.Rows), offset = (nuint)(row % g.Rows) * n;
                ref float x = ref Unsafe.Add(ref MemoryMarshal.GetReference(g.X), (sample * (nuint)g.LeadingX) + offset);
                ref float y = ref Unsafe.Add(ref MemoryMarshal.GetReference(g.Y), (sample * (nuint)g.LeadingY) + offset);
                float mean = Sum<T, TTail, NormTerms.Value>(ref x, ref x, ref x, 0f, 0f, n) / g.Columns;
                float variance = Sum<T, TTail, NormTerms.Square>(ref x, ref x, ref x, mean, 0f, n) / g.Columns;
                float inverse = 1f / MathF.Sqrt(variance + g.Epsilon);
                if (!g.Means.IsEmpty)
                {
                    (g.Means[row], g.Inverses[row]) = (mean, inverse);
                }

                T m = T.Broadcast(mean), r = T.Broadcast(inverse);
                nuint i = 0;
                for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
                {
                    T.Store(T.MultiplyAdd(T.Load(in gamma, i), (T.Load(in x, i) - m) * r, T.Load(in beta, i)), ref y, i);
                }

                for (; i < n; i++)
                {
                    TTail normal = (TTail.Load(in x, i) - TTail.Broadcast(mean)) * TTail.Broadcast(inverse);
                    TTail.Store(TTail.MultiplyAdd(TTail.Load(in gamma, i), normal, TTail.Load(in beta, i)), ref y, i);
                }
            }
        }
    }

    /// <summary>All gradients, row by row: each row is read once.</summary>
    private readonly struct BackwardKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            for (int row = 0; row < g.Batch * g.Rows; row++)
            {
                ParameterKernel.Add<T, TTail>(in g, row, 0, g.Columns);
                if (!g.Dx.IsEmpty)
                {
                    InputKernel.Row<T, TTail>(in g, row);
                }
            }
        }
    }

    /// <summary>The gradients of x alone.</summary>
    private readonly struct InputKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            for (int row = 0; row < g.Batch * g.Rows; row++)
            {
                Row<T, TTail>(in g, row);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Row<T, TTail>(in Arguments g, int row)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint n = (nuint)g.Columns;
            ref float gamma = ref MemoryMarshal.GetReference(g.Gamma);
            ref float x = ref RowOf(g.X, g.LeadingX, in g, row), dy = ref RowOf(g.Y, g.LeadingY, in g, row);
            ref float dx = ref RowOf(g.Dx, g.LeadingX, in g, row);
            float mean = g.Means[row], inverse = g.Inverses[row];
            float sum = Sum<T, TTail, NormTerms.ScaledGradient>(ref x, ref dy, ref gamma, mean, inverse, n) / g.Columns;
            float product = Sum<T, TTail, NormTerms.ScaledProduct>(ref x, ref dy, ref gamma, mean, inverse, n) / g.Columns;
            nuint i = 0;
            for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                One<T>(ref x, ref dy, ref gamma, ref dx, i, mean, inverse, sum, product, g.Accumulate);
            }

            for (; i < n; i++)
            {
                One<TTail>(ref x, ref dy, ref gamma, ref dx, i, mean, inverse, sum, product, g.Accumulate);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void One<T>(
            ref float x, ref float dy, ref float gamma, ref float dx, nuint i, float mean, float inverse, float sum, float product, bool accumulate)
            where T : struct, IFloatLanes<T>
        {
            T r = T.Broadcast(inverse), normal = (T.Load(in x, i) - T.Broadcast(mean)) * r;
            T t = r * T.MultiplyAdd(-normal, T.Broadcast(product), (T.Load(in dy, i) * T.Load(in gamma, i)) - T.Broadcast(sum));
            T.Store(accumulate ? T.Load(in dx, i) + t : t, ref dx, i);
        }
    }

    /// <summary>The gradients of gamma and beta for some of the columns: each is a chain over all rows.</summary>
    private readonly struct ParameterKernel : ILaneKernel<ColumnArguments>
    {
        public static void Run<T, TTail>(in ColumnArguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            for (int row = 0; row < g.Whole.Batch * g.Whole.Rows; row++)
            {
                Add<T, TTail>(in g.Whole, row, g.First, g.Count);
            }
        }

        // dgamma = M(dy, normal, dgamma), dbeta = dbeta + dy.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add<T, TTail>(in Arguments g, int row, int first, int count)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref float dgamma = ref MemoryMarshal.GetReference(g.GammaGradient), dbeta = ref MemoryMarshal.GetReference(g.Beta);
            ref float x = ref RowOf(g.X, g.LeadingX, in g, row), dy = ref RowOf(g.Y, g.LeadingY, in g, row);
            float mean = g.Means[row], inverse = g.Inverses[row];
            T m = T.Broadcast(mean), r = T.Broadcast(inverse);
            nuint i = (nuint)first, n = i + (nuint)count;
            for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                T d = T.Load(in dy, i);
                T.Store(T.MultiplyAdd(d, (T.Load(in x, i) - m) * r, T.Load(in dgamma, i)), ref dgamma, i);
                T.Store(T.Load(in dbeta, i) + d, ref dbeta, i);
            }

            for (; i < n; i++)
            {
                TTail d = TTail.Load(in dy, i), normal = (TTail.Load(in x, i) - TTail.Broadcast(mean)) * TTail.Broadcast(inverse);
                TTail.Store(TTail.MultiplyAdd(d, normal, TTail.Load(in dgamma, i)), ref dgamma, i);
                TTail.Store(TTail.Load(in dbeta, i) + d, ref dbeta, i);
            }
        }
    }

    /// <summary>The first float of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float RowOf(ReadOnlySpan<float> values, int leading, in Arguments g, int row)
    {
        nuint sample = (nuint)(row / g.Rows), offset = (nuint)(row % g.Rows) * (nuint)g.Columns;
        return ref Unsafe.Add(ref MemoryMarshal.GetReference(values), (sample * (nuint)leading) + offset);
    }

    // A row's long sum in 16 parts.
    private static float Sum<T, TTail, TTerm>(ref float x, ref float dy, ref float gamma, float mean, float inverse, nuint n)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TTerm : struct, INormTerm
    {
        PartialSums<float> parts = default;
        ref float s = ref Unsafe.As<PartialSums<float>, float>(ref parts);
        NormTerms.Accumulate<T, TTail, TTerm>(in x, in dy, in gamma, mean, inverse, n, ref s);
        return NormTerms.Fold<TTail>(in s);
    }
}
