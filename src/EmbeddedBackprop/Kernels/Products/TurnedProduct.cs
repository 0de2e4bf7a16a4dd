using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// A product with B^T of few rows, computed as C^T = B A^T: A is packed once and C turned over, while B, which is larger than both, is read where it
/// is. The factors of a term change places, and no sum another thing.
/// </summary>
internal static unsafe class TurnedProduct
{
    /// <summary>Rows of A at most: what is packed of it has as many columns.</summary>
    private const int MostRows = 64;

    /// <summary>Floats of A on the stack at most: 128 KB, of which the second cache holds the most part.</summary>
    private const int MostPacked = 1 << 15;

    /// <summary>Steps of k in one block: 32 KB of A stay in the first cache while rows of B meet them.</summary>
    private const int BlockDepth = 128;

    /// <summary>Rows of B that are taken through all of k together: eight tiles.</summary>
    private const int RowsTogether = 48;

    private const int CacheLine = 64;

    /// <summary>Whether it is the faster way: rows of A fill vectors, and B would take longer to pack than A and C together.</summary>
    public static bool Fits<T>(in GemmArguments g) where T : struct, IFloatLanes<T> =>
        g is { BTransposed: true, AStep: 1, Start: GemmStart.Zero, M: <= MostRows } && g.M % (nuint)T.Count == 0
        && g.M >= 2 * (nuint)T.Count && g.M * g.K <= MostPacked && g.N * g.K > 2 * g.M * (g.K + (2 * g.N));

    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T>(in GemmArguments g) where T : struct, IFloatLanes<T>
    {
        float* memory = stackalloc float[(int)(g.M * g.K) + (RowsTogether * MostRows) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), packed = sums + (RowsTogether * MostRows);
        Transpose.Pack(in g.A, g.ARow, g.M, g.K, ref *packed, g.M);
        for (nuint row = 0, rows; row < g.N; row += rows)
        {
            rows = nuint.Min(RowsTogether, g.N - row);
            for (nuint step = 0, depth; step < g.K; step += depth)
            {
                depth = nuint.Min(BlockDepth, g.K - step);
                ref readonly float b = ref Unsafe.Add(ref Unsafe.AsRef(in g.B), (row * g.LeadingB) + step);
                GemmKernel.RunTurned<T>(
                    in b, g.LeadingB, rows, in packed[step * g.M], g.M, depth, ref *sums, step == 0 ? GemmStart.Zero : GemmStart.Destination);
            }

            Transpose.Pack(in *sums, g.M, rows, g.M, ref Unsafe.Add(ref g.C, row), g.LeadingC);
        }
    }
}
