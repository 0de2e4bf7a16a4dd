using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels;

/// <summary>Shortens vectors of weights to a longest length, with the bits of <see cref="Scalar.MaxNorm"/>.</summary>
public static class MaxNorm
{
    /// <summary>
    /// For each column j: n = sqrt(sum over rows k of w[k,j]^2) in 16 partial sums, s[k mod 16] = M(w[k,j], w[k,j], s[k mod 16]), folded as by
    /// <see cref="Reduce.Fold"/>; where n &gt; longest, w[k,j] = w[k,j] * (longest / n). A norm that is not finite does not change its column.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="longest">The longest length allowed, positive.</param>
    /// <param name="m">Rows: the inputs of a neuron.</param>
    /// <param name="n">Columns: neurons.</param>
    /// <param name="w">W [m, n]; changed in place.</param>
    /// <param name="ldw">Distance of W's rows.</param>
    /// <exception cref="ArgumentException">The span is too short for the sizes.</exception>
    public static void Columns(Arithmetic arithmetic, float longest, int m, int n, Span<float> w, int ldw)
    {
        Require.Matrix("MaxNorm.Columns", nameof(w), m, n, ldw, w.Length);
        if (m > 0 && n > 0)
        {
            LaneDispatch.Run<Kernel, Arguments>(arithmetic, new Arguments(longest, m, n, w, ldw));
        }
    }

    /// <summary>
    /// The same for rows: n = sqrt(sum over k of w[i,k]^2) in 16 partial sums, k mod 16 as in <see cref="Columns"/>; rows are contiguous.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="longest">The longest length allowed, positive.</param>
    /// <param name="m">Rows: neurons.</param>
    /// <param name="n">Columns: the inputs of a neuron.</param>
    /// <param name="w">W [m, n]; changed in place.</param>
    /// <exception cref="ArgumentException">The span is too short for the sizes.</exception>
    public static void Rows(Arithmetic arithmetic, float longest, int m, int n, Span<float> w)
    {
        Require.Matrix("MaxNorm.Rows", nameof(w), m, n, n, w.Length);
        for (int i = 0; i < m; i++)
        {
            Span<float> row = w.Slice(i * n, n);
            float norm = MathF.Sqrt(Reduce.SumOfSquares(arithmetic, row));
            if (norm > longest && float.IsFinite(norm))
            {
                Elementwise.Scale(longest / norm, row, row);
            }
        }
    }

    private readonly ref struct Arguments(float longest, int m, int n, Span<float> w, int ldw)
    {
        public readonly float Longest = longest;
        public readonly nuint Rows = (nuint)m;
        public readonly nuint Columns = (nuint)n;
        public readonly ref float W = ref MemoryMarshal.GetReference(w);
        public readonly nuint Stride = (nuint)ldw;
    }

    private readonly struct Kernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            nuint j = 0;
            for (; g.Columns - j >= (nuint)T.Count; j += (nuint)T.Count)
            {
                Shorten<T>(in g, j);
            }

            for (; j < g.Columns; j++)
            {
                Shorten<TTail>(in g, j);
            }
        }

        private static void Shorten<T>(in Arguments g, nuint j) where T : struct, IFloatLanes<T>
        {
            // The fixed tree, read from its root: s0 + s1 last, s[l] + s[l+8] first.
            T even = Quarter<T>(in g, j, 0) + Quarter<T>(in g, j, 2), odd = Quarter<T>(in g, j, 1) + Quarter<T>(in g, j, 3);
            T norm = T.SquareRoot(even + odd);
            T longest = T.Broadcast(g.Longest);

            // Lanes that are short enough are multiplied by 1, which changes no bit; so are NaN (it compares false) and infinity.
            T factor = T.IfGreater(norm, longest, T.IfGreater(norm, T.Broadcast(float.MaxValue), T.One, longest / norm), T.One);
            for (nuint k = 0; k < g.Rows; k++)
            {
                nuint at = (k * g.Stride) + j;
                T.Store(T.Load(ref g.W, at) * factor, ref g.W, at);
            }
        }

        private static T Quarter<T>(in Arguments g, nuint j, nuint part) where T : struct, IFloatLanes<T> =>
            (Part<T>(in g, j, part) + Part<T>(in g, j, part + 8)) + (Part<T>(in g, j, part + 4) + Part<T>(in g, j, part + 12));

        private static T Part<T>(in Arguments g, nuint j, nuint part) where T : struct, IFloatLanes<T>
        {
            T s = T.Zero;
            for (nuint k = part; k < g.Rows; k += 16)
            {
                T w = T.Load(ref g.W, (k * g.Stride) + j);
                s = T.MultiplyAdd(w, w, s);
            }

            return s;
        }
    }
}
