using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Depthwise convolutions of stride 1 on planes with rows shorter than a vector, and their input gradients. Positions are in the lanes, row after
/// row: where the result is as wide as its source, a tap is the same distance away from every position. A mask leaves the sums as they are where
/// the tap lies outside the source.
/// </summary>
/// <remarks>Keyword spotting, 3x3 on 64 planes of 25x5: 10 times as fast as one position at a time.</remarks>
internal readonly unsafe struct ConvNarrowKernel : ILaneKernel<ConvArguments>
{
    private const int WidestRow = 16;
    private const int MostPositions = 1024;
    private const int MostMasks = 1 << 13;
    private const int CacheLine = 64;

    /// <summary>Vectors that are summed side by side: a sum alone waits for every addition.</summary>
    private const int Side = 4;

    /// <summary>Whether there is such a kernel for these planes, and a faster one is missing: one with whole vectors between the borders.</summary>
    public static bool Fits(in ConvPlanes planes)
    {
        long positions = (long)planes.Height * planes.Width;
        return planes.Sources == 1 && planes.Width == planes.SourceWidth && planes.EndInner - planes.FirstInner < WidestRow
            && positions <= MostPositions && (long)planes.SourceHeight * planes.SourceWidth <= MostPositions
            && (positions + (Side * WidestRow)) * planes.KernelHeight * planes.KernelWidth <= MostMasks;
    }

    /// <summary>Planes g.First ... g.End - 1 of the result, counted over all samples; each must hold a vector.</summary>
    // Every mask is written before it is read, and floats around the copy of a plane are read where a mask drops them.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ConvPlanes planes = ConvPlanes.Of(in g.Sizes, g.IsForward);
        int kernel = planes.KernelHeight * planes.KernelWidth, length = planes.Height * planes.Width,
            sourceLength = planes.SourceHeight * planes.SourceWidth;
        float* room = stackalloc float[MostMasks + WidestRow], memory = stackalloc float[3 * MostPositions];
        float* masks = (float*)(((nuint)room + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        Tap* taps = stackalloc Tap[kernel];
        ConvTerm* terms = stackalloc ConvTerm[kernel];
        int count = FindTaps(in planes, taps, masks, T.Count, memory), lowest = 0, highest = sourceLength;
        for (int k = 0; k < count; k++)
        {
            lowest = Math.Min(lowest, taps[k].Distance);
            highest = Math.Max(highest, taps[k].Distance + length);
        }

        float* readable = g.IsForward ? g.Image : g.Maps, readableEnd = g.IsForward ? g.ImageEnd : g.MapsEnd;
        int last = length - T.Count, step = Vectors(length, T.Count) * T.Count;
        for (int plane = g.First; plane < g.End; plane++)
        {
            ConvPlane at = planes.At(in g, plane);
            float* from = at.From;
            if (from + lowest < readable || from + highest > readableEnd)
            {
                // The first and the last planes: what lies around them is not ours to read.
                FloatBlocks.Copy(from, memory - lowest, sourceLength);
                from = memory - lowest;
            }

            for (int k = 0; k < count; k++)
            {
                terms[k] = new ConvTerm { Source = from + taps[k].Distance, Weight = at.Kernels[taps[k].Index] };
            }

            // Where the last vectors overlap, each computes the same bits.
            T bias = T.Broadcast(g.Bias == null ? 0f : g.Bias[at.Channel]);
            for (int i = 0; i < length; i += Side * T.Count)
            {
                nint i0 = Math.Min(i, last),
                    i1 = Math.Min(i + T.Count, last),
                    i2 = Math.Min(i + (2 * T.Count), last),
                    i3 = Math.Min(i + (3 * T.Count), last);
                T s0 = bias, s1 = bias, s2 = bias, s3 = bias;
                float* mask = masks + i;
                for (ConvTerm* term = terms; term < terms + count; term++, mask += step)
                {
                    T w = T.Broadcast(term->Weight);
                    float* x = term->Source;
                    s0 = T.IfGreater(T.Load(in *mask, 0), T.Zero, T.MultiplyAdd(T.Load(in x[i0], 0), w, s0), s0);
                    s1 = T.IfGreater(T.Load(in *mask, (nuint)T.Count), T.Zero, T.MultiplyAdd(T.Load(in x[i1], 0), w, s1), s1);
                    s2 = T.IfGreater(T.Load(in *mask, 2 * (nuint)T.Count), T.Zero, T.MultiplyAdd(T.Load(in x[i2], 0), w, s2), s2);
                    s3 = T.IfGreater(T.Load(in *mask, 3 * (nuint)T.Count), T.Zero, T.MultiplyAdd(T.Load(in x[i3], 0), w, s3), s3);
                }

                T.Store(s0, ref at.To[i0], 0);
                T.Store(s1, ref at.To[i1], 0);
                T.Store(s2, ref at.To[i2], 0);
                T.Store(s3, ref at.To[i3], 0);
            }
        }
    }

    // The vectors of a plane, in groups.
    private static int Vectors(int length, int lanes) => (length + (Side * lanes) - 1) / (Side * lanes) * Side;

    /// <summary>
    /// The taps that some position sees, in the order of the sum, and for each a mask, vector by vector: 1 where it lies in the source.
    /// </summary>
    private static int FindTaps(in ConvPlanes planes, Tap* taps, float* masks, int lanes, float* sees)
    {
        int count = 0, length = planes.Height * planes.Width;
        for (int k = 0; k < planes.KernelHeight * planes.KernelWidth; k++)
        {
            (int firstRow, int endRow) = planes.RowsThatSee(k / planes.KernelWidth);
            (int firstColumn, int endColumn) = planes.ColumnsThatSee(k % planes.KernelWidth);
            if (firstRow >= endRow || firstColumn >= endColumn)
            {
                continue;
            }

            taps[count++] = new Tap(planes.Distance(k), planes.IndexOfWeight(k));
            FloatBlocks.Fill(0f, sees, length);
            for (int y = firstRow; y < endRow; y++)
            {
                FloatBlocks.Fill(1f, sees + (y * planes.Width) + firstColumn, endColumn - firstColumn);
            }

            for (int v = 0; v < Vectors(length, lanes); v++, masks += lanes)
            {
                FloatBlocks.Copy(sees + Math.Min(v * lanes, length - lanes), masks, lanes);
            }
        }

        return count;
    }

    /// <summary>A tap: how far from a position it is, and where its weight is in the kernel.</summary>
    private readonly record struct Tap(int Distance, int Index);
}
