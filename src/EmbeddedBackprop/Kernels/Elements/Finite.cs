using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels;

/// <summary>The test for infinities and NaN with the answer of <see cref="Scalar.Finite"/>.</summary>
public static class Finite
{
    // Four cache lines of floats.
    private const int Unit = 64;

    /// <summary>
    /// Whether no sum of that many products of x's elements with y's can leave the range of float. Any NaN or infinity gives false.
    /// </summary>
    /// <param name="x">The elements of one factor.</param>
    /// <param name="y">The elements of the other.</param>
    /// <param name="terms">Products in a sum.</param>
    internal static bool BoundsProducts(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int terms) => BoundsSums(ProductBound(x, y, terms));

    /// <summary>No sum of that many products of x's elements with y's is larger. NaN or infinite, if an element is.</summary>
    /// <param name="x">The elements of one factor.</param>
    /// <param name="y">The elements of the other.</param>
    /// <param name="terms">Products in a sum.</param>
    internal static float ProductBound(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int terms) => Magnitude(x) * Magnitude(y) * terms;

    /// <summary>Whether a <see cref="ProductBound"/> keeps sums within the range of float, whatever is lost to rounding.</summary>
    internal static bool BoundsSums(float bound) => bound < 1e38f;

    /// <summary>The same for sums of products and also for sums of y's elements alone (a bias gradient).</summary>
    /// <param name="x">The elements of one factor.</param>
    /// <param name="y">The elements of the other.</param>
    /// <param name="terms">Terms of a sum.</param>
    internal static bool BoundsProductsAndSums(ReadOnlySpan<float> x, ReadOnlySpan<float> y, long terms) =>
        MathF.Max(Magnitude(x), 1f) * Magnitude(y) * terms < 1e38f;

    /// <summary>The largest magnitude; infinite or NaN if an element is, because their bits are the largest of all.</summary>
    internal static float Magnitude(ReadOnlySpan<float> x)
    {
        int parts = PartsFor(x.Length);
        if (parts == 1)
        {
            return MagnitudeAlone(x);
        }

        Span<float> largest = stackalloc float[parts];
        WorkerPool.Current!.Run<MagnitudePart, Work>(parts, new Work { Numbers = x, Results = largest });
        return MagnitudeAlone(largest);
    }

    private static float MagnitudeAlone(ReadOnlySpan<float> x)
    {
        nuint i = 0, length = (nuint)x.Length;
        ref int source = ref Unsafe.As<float, int>(ref MemoryMarshal.GetReference(x));
        int largest = 0;
        if (length >= 32)
        {
            Vector512<int> magnitude = Vector512.Create(int.MaxValue), largest0 = Vector512<int>.Zero, largest1 = Vector512<int>.Zero;
            for (; length - i >= 32; i += 32)
            {
                largest0 = Vector512.Max(largest0, Vector512.LoadUnsafe(ref source, i) & magnitude);
                largest1 = Vector512.Max(largest1, Vector512.LoadUnsafe(ref source, i + 16) & magnitude);
            }

            largest0 = Vector512.Max(largest0, largest1);
            Vector256<int> half = Vector256.Max(largest0.GetLower(), largest0.GetUpper());
            Vector128<int> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
            largest = Math.Max(Math.Max(quarter[0], quarter[1]), Math.Max(quarter[2], quarter[3]));
        }

        for (; i < length; i++)
        {
            largest = Math.Max(largest, Unsafe.Add(ref source, i) & int.MaxValue);
        }

        return BitConverter.Int32BitsToSingle(largest);
    }

    /// <summary>Whether every element of x is finite: x[i] * 0 is 0 for a finite number and NaN for any other, and a sum keeps a NaN.</summary>
    /// <param name="x">The elements; an empty span is finite, too.</param>
    public static bool All(ReadOnlySpan<float> x) => ZeroProducts(x) == 0f;

    /// <summary>A sum whose order does not matter, because it is 0 or NaN; so it may be work out.</summary>
    private static float ZeroProducts(ReadOnlySpan<float> x)
    {
        int parts = PartsFor(x.Length);
        if (parts == 1)
        {
            return ZeroProductsAlone(x);
        }

        Span<float> sums = stackalloc float[parts];
        WorkerPool.Current!.Run<ZeroProductsPart, Work>(parts, new Work { Numbers = x, Results = sums });
        return ZeroProductsAlone(sums);
    }

    private static float ZeroProductsAlone(ReadOnlySpan<float> x)
    {
        float sum = 0f;
        LaneDispatch.Run<ZeroProductsKernel, LongSumArguments>(LaneDispatch.Either, new LongSumArguments(x, x, new Span<float>(ref sum)));
        return sum;
    }

    private static int PartsFor(int length) => WorkerPool.Current?.PartCount((long)length * WorkerPool.ElementWork, (length + Unit - 1) / Unit) ?? 1;

    private ref struct Work
    {
        public ReadOnlySpan<float> Numbers;
        public Span<float> Results;

        public readonly ReadOnlySpan<float> Piece(int part, int parts)
        {
            (nuint first, nuint count) = RangeSplit.Of((nuint)Numbers.Length, Unit, part, parts);
            return Numbers.Slice((int)first, (int)count);
        }
    }

    private readonly struct MagnitudePart : IParallelWork<Work>
    {
        public static void Run(in Work work, int part, int parts) => work.Results[part] = MagnitudeAlone(work.Piece(part, parts));
    }

    private readonly struct ZeroProductsPart : IParallelWork<Work>
    {
        public static void Run(in Work work, int part, int parts) => work.Results[part] = ZeroProductsAlone(work.Piece(part, parts));
    }
}
