using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Shortens vectors of weights to a longest length, as textbook loops: the definition of <see cref="Kernels.MaxNorm"/>.</summary>
public static class MaxNorm
{
    /// <summary>
    /// For each column j: n = sqrt(sum over rows k of w[k,j]^2) in 16 partial sums, s[k mod 16] = M(w[k,j], w[k,j], s[k mod 16]), folded as by
    /// <see cref="Reduce.Fold"/>; where n &gt; longest, w[k,j] = w[k,j] * (longest / n). A norm that is not finite does not change its column.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="longest">The longest length allowed, positive.</param>
    /// <param name="m">Rows: the inputs of a neuron.</param>
    /// <param name="n">Columns: neurons.</param>
    /// <param name="w">W [m, n]; changed in place.</param>
    /// <param name="ldw">Distance of W's rows.</param>
    /// <exception cref="ArgumentException">The span is too short for the sizes.</exception>
    public static void Columns<T>(Arithmetic arithmetic, T longest, int m, int n, Span<T> w, int ldw)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Size("MaxNorm.Columns", nameof(m), m);
        Require.Size("MaxNorm.Columns", nameof(n), n);
        for (int j = 0; j < n; j++)
        {
            T norm = T.Sqrt(arithmetic == Arithmetic.Fused ? SumOfSquares<T, Fused>(m, w[j..], ldw) : SumOfSquares<T, Separate>(m, w[j..], ldw));
            if (norm > longest && T.IsFinite(norm))
            {
                T factor = longest / norm;
                for (int k = 0; k < m; k++)
                {
                    w[(k * ldw) + j] *= factor;
                }
            }
        }
    }

    /// <summary>
    /// The same for rows: n = sqrt(sum over k of w[i,k]^2) in 16 partial sums, k mod 16 as in <see cref="Columns{T}"/>; rows are contiguous.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="longest">The longest length allowed, positive.</param>
    /// <param name="m">Rows: neurons.</param>
    /// <param name="n">Columns: the inputs of a neuron.</param>
    /// <param name="w">W [m, n]; changed in place.</param>
    /// <exception cref="ArgumentException">The span is too short for the sizes.</exception>
    public static void Rows<T>(Arithmetic arithmetic, T longest, int m, int n, Span<T> w)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        // A row is a column of the transposed matrix.
        for (int i = 0; i < m; i++)
        {
            Columns(arithmetic, longest, n, 1, w.Slice(i * n, n), 1);
        }
    }

    private static T SumOfSquares<T, TArithmetic>(int m, ReadOnlySpan<T> w, int ldw)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        PartialSums<T> parts = default;
        Span<T> s = parts;
        for (int k = 0; k < m; k++)
        {
            s[k % 16] = ScalarMath.MultiplyAdd<T, TArithmetic>(w[k * ldw], w[k * ldw], s[k % 16]);
        }

        return Reduce.Fold<T>(s);
    }
}
