using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels;

/// <summary>Matrix products over the register tile of <see cref="GemmTile"/>: same bits as <see cref="Scalar.Gemm"/> at every width.</summary>
/// <remarks>
/// Every result is one chain over k in ascending order: s = C (accumulate), bias[j] or +0; then s = M(a, b, s) for each k. Lanes and tiles share out
/// results, never terms; blocks over k reload C and go on. Columns beyond n are neither read nor written. Fastest when n and the leading dimensions
/// are multiples of 16. Nothing is allocated.
/// </remarks>
public static class Gemm
{
    /// <summary>C[m,n] = (accumulate ? C : bias or +0) + A[m,k] B[k,n]: s = M(a[i,p], b[p,j], s), p ascending.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [k, n].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="bias">n values, or empty.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C, and bias is not read.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void NN(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate = false)
    {
        RequireNN(m, n, k, a, lda, b, ldb, bias, c, ldc);
        GemmArguments arguments = new(m, n, k, a, lda, 1, b, ldb, false, bias, c, ldc, accumulate);
        Run(arithmetic, in arguments);
    }

    /// <summary>
    /// <see cref="NN"/> without bias, for A and B that are integers below 2^24 in magnitude, as are all sums: every result is exact, and a result of
    /// 0 is +0 or -0.
    /// </summary>
    internal static void IntegersNN(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb, Span<float> c, int ldc)
    {
        RequireNN(m, n, k, a, lda, b, ldb, [], c, ldc);
        GemmArguments arguments = new(m, n, k, a, lda, 1, b, ldb, false, [], c, ldc, accumulate: false, zerosAreAlike: true);
        Run(arithmetic, in arguments);
    }

    /// <summary>
    /// C[m,n] = (accumulate ? C : +0) + A^T B with A [k,m], B [k,n]: s = M(a[p,i], b[p,j], s), p ascending (a weight gradient over samples).
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Columns of A, rows of C.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="k">Rows of A and B.</param>
    /// <param name="a">A [k, m].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [k, n].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void TN(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        Span<float> c, int ldc, bool accumulate = false)
    {
        Require.Matrix("Gemm.TN", nameof(a), k, m, lda, a.Length);
        Require.Matrix("Gemm.TN", nameof(b), k, n, ldb, b.Length);
        Require.Matrix("Gemm.TN", nameof(c), m, n, ldc, c.Length);
        Require.Apart("Gemm.TN", nameof(a), a, k, m, lda, c, m, n, ldc);
        Require.Apart("Gemm.TN", nameof(b), b, k, n, ldb, c, m, n, ldc);
        GemmArguments arguments = new(m, n, k, a, 1, lda, b, ldb, false, default, c, ldc, accumulate);
        Run(arithmetic, in arguments);
    }

    /// <summary>
    /// C[m,n] = (accumulate ? C : +0) + A B^T with A [m,k], B [n,k]: s = M(a[i,p], b[j,p], s), p ascending (the gradient of a layer's input).
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Rows of B, columns of C.</param>
    /// <param name="k">Columns of A and B.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [n, k].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void NT(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        Span<float> c, int ldc, bool accumulate = false)
    {
        Require.Matrix("Gemm.NT", nameof(a), m, k, lda, a.Length);
        Require.Matrix("Gemm.NT", nameof(b), n, k, ldb, b.Length);
        Require.Matrix("Gemm.NT", nameof(c), m, n, ldc, c.Length);
        Require.Apart("Gemm.NT", nameof(a), a, m, k, lda, c, m, n, ldc);
        Require.Apart("Gemm.NT", nameof(b), b, n, k, ldb, c, m, n, ldc);
        GemmArguments arguments = new(m, n, k, a, lda, 1, b, ldb, true, default, c, ldc, accumulate);
        Run(arithmetic, in arguments);
    }

    /// <summary>
    /// A weight gradient applied at once: g = A^T B as in <see cref="TN"/>, g = M(l2, w, g) if l2 is not 0, w = M(-learningRate, g, w). The gradient
    /// stays in registers; the bits are those of the three passes.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Columns of A, rows of the weights; at least 2.</param>
    /// <param name="n">Columns of B and of the weights.</param>
    /// <param name="k">Rows of A and B: samples.</param>
    /// <param name="a">A [k, m]: the layer's input.</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [k, n]: delta.</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="weights">W [m, n]; may not overlap a source.</param>
    /// <param name="ldw">Distance of W's rows.</param>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="l2">The penalty's factor.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes, or m is below 2.</exception>
    public static void UpdateTN(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        Span<float> weights, int ldw, float learningRate, float l2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(m, 2);
        Require.Matrix("Gemm.UpdateTN", nameof(a), k, m, lda, a.Length);
        Require.Matrix("Gemm.UpdateTN", nameof(b), k, n, ldb, b.Length);
        Require.Matrix("Gemm.UpdateTN", nameof(weights), m, n, ldw, weights.Length);
        Require.Apart("Gemm.UpdateTN", nameof(a), a, k, m, lda, weights, m, n, ldw);
        Require.Apart("Gemm.UpdateTN", nameof(b), b, k, n, ldb, weights, m, n, ldw);
        // delta * 0 is 0 where delta is finite, and -learningRate * +0 is then -0, which changes no weight.
        bool skipsZeros = l2 == 0f && !float.IsNegative(learningRate) && float.IsFinite(learningRate) && Finite.All(b);
        GemmArguments arguments = new(m, n, k, a, 1, lda, b, ldb, weights, ldw, learningRate, l2, skipsZeros);
        if (!ParallelProduct<Update>.Run(arithmetic, in arguments))
        {
            Update.Run(arithmetic, in arguments);
        }
    }

    private static void RequireNN(
        int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb, ReadOnlySpan<float> bias, ReadOnlySpan<float> c, int ldc)
    {
        Require.Matrix("Gemm.NN", nameof(a), m, k, lda, a.Length);
        Require.Matrix("Gemm.NN", nameof(b), k, n, ldb, b.Length);
        Require.Bias("Gemm.NN", n, bias.Length);
        Require.Matrix("Gemm.NN", nameof(c), m, n, ldc, c.Length);
        Require.Apart("Gemm.NN", nameof(a), a, m, k, lda, c, m, n, ldc);
        Require.Apart("Gemm.NN", nameof(b), b, k, n, ldb, c, m, n, ldc);
    }

    /// <summary>A checked product, shared out if there is a pool and it pays.</summary>
    internal static void Run(Arithmetic arithmetic, in GemmArguments arguments)
    {
        // A product of a tenth of a microsecond is not shared out, and does not ask.
        if (NarrowTile.Fits(in arguments) && arguments.M * arguments.K <= NarrowTile.SmallProduct)
        {
            NarrowTile.Run(arithmetic, in arguments);
        }
        else if (!ParallelProduct<Product>.Run(arithmetic, in arguments))
        {
            RunAlone(arithmetic, in arguments);
        }
    }

    /// <summary>The same on this thread.</summary>
    internal static void RunAlone(Arithmetic arithmetic, in GemmArguments arguments)
    {
        if (arguments.M == 0 || arguments.N == 0)
        {
            return;
        }

        if (NarrowTile.Fits(in arguments))
        {
            NarrowTile.Run(arithmetic, in arguments);
        }
        else
        {
            LaneDispatch.RunWithin<GemmKernel, GemmArguments>(arithmetic, (int)arguments.N, in arguments);
        }
    }

    private readonly struct Product : IProductPart
    {
        public static void Run(Arithmetic arithmetic, in GemmArguments arguments) => RunAlone(arithmetic, in arguments);
    }

    // Apart from the product: a program that only predicts does not hold it.
    private readonly struct Update : IProductPart
    {
        public static void Run(Arithmetic arithmetic, in GemmArguments arguments)
        {
            if (arguments.M == 0 || arguments.N == 0)
            {
                return;
            }

            if (arguments.K == 1)
            {
                LaneDispatch.Run<RankOneUpdate, GemmArguments>(arithmetic, in arguments);
            }
            else
            {
                LaneDispatch.RunWithin<UpdateKernel, GemmArguments>(arithmetic, (int)arguments.N, in arguments);
            }
        }
    }
}
