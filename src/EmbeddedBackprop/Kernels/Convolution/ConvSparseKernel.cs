using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The weight gradient, one output channel after the other, where most gradients are 0, as after a pooling and a rectifier. Each other
/// gradient multiplies the taps it reads directly in the image, a vector a kernel row. Nothing is packed. Terms are left out under the
/// conditions of <see cref="SparseProduct"/>.
/// </summary>
internal readonly unsafe struct ConvSparseKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Positions of one output channel, at most: where each reads is worked out once, on the stack.</summary>
    private const int MostPositions = 4096;

    /// <summary>Floats of the sums on the stack, at most.</summary>
    private const int MostSums = 8192;

    /// <summary>Terms that are collected before they are multiplied.</summary>
    private const int MostTerms = 1024;

    private const int Word = 64;

    private const int WidestVector = 16;

    /// <summary>
    /// Whether there is room for these sizes, no tap lies outside, and a kernel row is a vector's worth of neighbours in the image.
    /// </summary>
    public static bool Fits(in ConvSizes sizes) =>
        sizes.KernelWidth >= 3
        && !sizes.IsPadded
        && sizes.DilationX == 1
        && sizes.OutputPositions <= MostPositions
        && (long)((sizes.Taps / sizes.KernelWidth) + 3) * ((sizes.KernelWidth + WidestVector - 1) / WidestVector * WidestVector)
            < MostSums - WidestVector;

    /// <summary>Whether so many gradients are 0 that it pays, judged by some of the samples: a vector is filled by a kernel row only.</summary>
    public static bool IsSparse(in ConvArguments g) => AreMostZeros(in g, (double)g.Sizes.KernelWidth / WidestVector);

    /// <summary>Whether at most such a share of the gradients is not 0, judged by some of the samples.</summary>
    public static bool AreMostZeros(in ConvArguments g, double share)
    {
        const int Judged = 3;
        int length = g.Sizes.SampleOutputs;
        long count = 0, all = 0;
        for (int i = 0; i < Math.Min(Judged, g.Batch); i++)
        {
            float* delta = g.Maps + ((nint)((long)i * g.Batch / Judged % g.Batch) * g.LeadingMaps);
            for (int at = 0; at < length; at += Word)
            {
                count += BitOperations.PopCount(SparseProduct.NonZeros(delta + at, Math.Min(Word, length - at)));
            }

            all += length;
        }

        return count <= all * share;
    }

    /// <summary>Output channels g.First ... g.End - 1.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int width = sizes.OutputWidth, positions = sizes.OutputPositions, inRow = (sizes.KernelWidth + T.Count - 1) / T.Count;
        int vectors = sizes.Taps / sizes.KernelWidth * inRow, filled = (vectors + 3) / 4 * 4;
        int* readBy = stackalloc int[positions];
        for (int p = 0; p < positions; p++)
        {
            readBy[p] = (p / width * sizes.StrideY * sizes.Width) + (p % width * sizes.StrideX);
        }

        // The last vectors only fill a block: they compute the first one's sums again.
        nint* offsets = stackalloc nint[filled];
        nint* taps = stackalloc nint[sizes.Taps];
        ConvPack.Offsets(in sizes, 0, sizes.Taps, taps);
        for (int v = 0; v < filled; v++)
        {
            offsets[v] = v < vectors ? taps[(v / inRow * sizes.KernelWidth) + (v % inRow * T.Count)] : 0;
        }

        int* places = stackalloc int[MostTerms];
        float* values = stackalloc float[MostTerms];
        float* sums = stackalloc float[MostSums];
        Terms terms = new() { Places = places, Values = values, ReadBy = readBy, Offsets = offsets, Vectors = filled, InRow = inRow, Sums = sums };
        int outputs = sizes.Outputs / sizes.Groups;
        for (int o = g.First; o < g.End; o++)
        {
            terms.Image = g.Image + ((nint)(o / outputs) * (sizes.Channels / sizes.Groups) * sizes.Height * sizes.Width);
            Sum<T, TTail>(in g, ref terms, o, all: false);

            // A term left out might have made it +0: sum once more, with all terms.
            if (BitConverter.SingleToInt32Bits(terms.Bias) == int.MinValue || SparseProduct.HasNegativeZero(sums, vectors * T.Count))
            {
                Sum<T, TTail>(in g, ref terms, o, all: true);
            }

            for (int row = 0; row < sizes.Taps / sizes.KernelWidth; row++)
            {
                FloatBlocks.Copy(sums + (row * inRow * T.Count), sums + (row * sizes.KernelWidth), sizes.KernelWidth);
            }

            sums[sizes.Taps] = terms.Bias;
            ConvWeightsKernel.Finish<T>(in g, o, 1, 0, sizes.Taps, g.Bias != null, sums);
        }
    }

    private static void Sum<T, TTail>(in ConvArguments g, ref Terms terms, int output, bool all)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int kernelWidth = g.Sizes.KernelWidth, positions = g.Sizes.OutputPositions;
        FloatBlocks.Fill(0f, terms.Sums, terms.Vectors * T.Count);
        terms.Bias = 0f;
        if (g.Accumulate)
        {
            for (int row = 0; row < g.Sizes.Taps / kernelWidth; row++)
            {
                FloatBlocks.Copy(
                    g.Kernels + ((nint)output * g.Sizes.Taps) + (row * kernelWidth),
                    terms.Sums + (row * terms.InRow * T.Count),
                    kernelWidth);
            }

            terms.Bias = g.Bias == null ? 0f : g.Bias[output];
        }

        int count = 0;
        for (int n = 0; n < g.Batch; n++)
        {
            float* delta = g.Maps + ((nint)n * g.LeadingMaps) + ((nint)output * positions);
            for (int at = 0; at < positions; at += Word)
            {
                int length = Math.Min(Word, positions - at);
                if (count + length > MostTerms)
                {
                    Multiply<T, TTail>(in g, in terms, count);
                    count = 0;
                }

                ulong bits = all ? ulong.MaxValue >> (Word - length) : SparseProduct.NonZeros(delta + at, length);
                count = Collect(ref terms, bits, delta + at, terms.ReadBy + at, n * g.LeadingImage, count);
            }
        }

        Multiply<T, TTail>(in g, in terms, count);
    }

    private static int Collect(ref Terms terms, ulong bits, float* delta, int* readBy, int sample, int count)
    {
        float bias = terms.Bias;
        int* places = terms.Places;
        float* values = terms.Values;
        for (; bits != 0; bits &= bits - 1)
        {
            int p = BitOperations.TrailingZeroCount(bits);
            float d = delta[p];
            places[count] = sample + readBy[p];
            values[count++] = d;
            bias += d;
        }

        terms.Bias = bias;
        return count;
    }

    private static void Multiply<T, TTail>(in ConvArguments g, in Terms terms, int count)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        // A vector may read past the last image: those at its end are taken float by float. Offsets ascend.
        nint room = (nint)(g.ImageEnd - terms.Image) - T.Count;
        for (int v = 0; v < terms.Vectors; v++)
        {
            room = nint.Min(room, (nint)(g.ImageEnd - terms.Image) - T.Count - terms.Offsets[v]);
        }

        int safe = count;
        while (safe > 0 && terms.Places[safe - 1] > room)
        {
            safe--;
        }

        int block = 0;
        for (; terms.Vectors - block >= 8; block += 8)
        {
            Eight<T>(safe, terms.Places, terms.Values, terms.Image, terms.Offsets + block, terms.Sums + (block * T.Count));
        }

        for (; block < terms.Vectors; block += 4)
        {
            Four<T>(safe, terms.Places, terms.Values, terms.Image, terms.Offsets + block, terms.Sums + (block * T.Count));
        }

        for (int i = safe; i < count; i++)
        {
            float* from = terms.Image + terms.Places[i];
            TTail d = TTail.Broadcast(terms.Values[i]);
            for (int v = 0; v < terms.Vectors; v++)
            {
                float* taps = from + terms.Offsets[v], sums = terms.Sums + (v * T.Count);
                int length = Math.Min(T.Count, g.Sizes.KernelWidth - (v % terms.InRow * T.Count));
                for (int k = 0; k < length; k++)
                {
                    TTail.Store(TTail.MultiplyAdd(d, TTail.Load(in taps[k], 0), TTail.Load(in sums[k], 0)), ref sums[k], 0);
                }
            }
        }
    }

    private static void Eight<T>(int count, int* places, float* values, float* image, nint* offsets, float* sums) where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;
        float* x0 = image + offsets[0], x1 = image + offsets[1], x2 = image + offsets[2], x3 = image + offsets[3];
        float* x4 = image + offsets[4], x5 = image + offsets[5], x6 = image + offsets[6], x7 = image + offsets[7];
        T s0 = T.Load(in *sums, 0), s1 = T.Load(in *sums, lanes), s2 = T.Load(in *sums, 2 * lanes), s3 = T.Load(in *sums, 3 * lanes);
        T s4 = T.Load(in *sums, 4 * lanes), s5 = T.Load(in *sums, 5 * lanes), s6 = T.Load(in *sums, 6 * lanes), s7 = T.Load(in *sums, 7 * lanes);
        for (int i = 0; i < count; i++)
        {
            T d = T.Broadcast(values[i]);
            nuint place = (nuint)places[i];
            s0 = T.MultiplyAdd(d, T.Load(in *x0, place), s0);
            s1 = T.MultiplyAdd(d, T.Load(in *x1, place), s1);
            s2 = T.MultiplyAdd(d, T.Load(in *x2, place), s2);
            s3 = T.MultiplyAdd(d, T.Load(in *x3, place), s3);
            s4 = T.MultiplyAdd(d, T.Load(in *x4, place), s4);
            s5 = T.MultiplyAdd(d, T.Load(in *x5, place), s5);
            s6 = T.MultiplyAdd(d, T.Load(in *x6, place), s6);
            s7 = T.MultiplyAdd(d, T.Load(in *x7, place), s7);
        }

        T.Store(s0, ref *sums, 0);
        T.Store(s1, ref *sums, lanes);
        T.Store(s2, ref *sums, 2 * lanes);
        T.Store(s3, ref *sums, 3 * lanes);
        T.Store(s4, ref *sums, 4 * lanes);
        T.Store(s5, ref *sums, 5 * lanes);
        T.Store(s6, ref *sums, 6 * lanes);
        T.Store(s7, ref *sums, 7 * lanes);
    }

    private static void Four<T>(int count, int* places, float* values, float* image, nint* offsets, float* sums) where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;
        float* x0 = image + offsets[0], x1 = image + offsets[1], x2 = image + offsets[2], x3 = image + offsets[3];
        T s0 = T.Load(in *sums, 0), s1 = T.Load(in *sums, lanes), s2 = T.Load(in *sums, 2 * lanes), s3 = T.Load(in *sums, 3 * lanes);
        for (int i = 0; i < count; i++)
        {
            T d = T.Broadcast(values[i]);
            nuint place = (nuint)places[i];
            s0 = T.MultiplyAdd(d, T.Load(in *x0, place), s0);
            s1 = T.MultiplyAdd(d, T.Load(in *x1, place), s1);
            s2 = T.MultiplyAdd(d, T.Load(in *x2, place), s2);
            s3 = T.MultiplyAdd(d, T.Load(in *x3, place), s3);
        }

        T.Store(s0, ref *sums, 0);
        T.Store(s1, ref *sums, lanes);
        T.Store(s2, ref *sums, 2 * lanes);
        T.Store(s3, ref *sums, 3 * lanes);
    }

    /// <summary>Terms of one output channel's sums that are not multiplied yet, and the sums: a vector a kernel row, or several.</summary>
    private struct Terms
    {
        /// <summary>The group's first channel, sample 0.</summary>
        public float* Image;

        /// <summary>Where each term's first tap is, from there; and the gradient.</summary>
        public int* Places;
        public float* Values;

        /// <summary>Where each position's first tap is, from the beginning of the sample.</summary>
        public int* ReadBy;

        /// <summary>How far each vector is from the first tap.</summary>
        public nint* Offsets;
        public int Vectors;

        /// <summary>Vectors of one kernel row.</summary>
        public int InRow;
        public float* Sums;
        public float Bias;
    }
}
