using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Maxima of two by two of a convolution's results while they are in the first cache: m = first, then row by row x > m ? x : m, the bits of a
/// pooling. With a rectifier before them m begins with +0: then the order does not matter, because none but positive values are taken.
/// </summary>
internal static unsafe class ConvMaxima
{
    /// <summary>Whether the maxima can be taken sample by sample: no row and no column is left over.</summary>
    public static bool Fit(in ConvSizes sizes) => ((sizes.OutputHeight | sizes.OutputWidth) & 1) == 0;

    /// <summary>Of pairs of rows of a channel.</summary>
    /// <param name="from">The first row.</param>
    /// <param name="leading">Floats from row to row.</param>
    /// <param name="to">Receives the maxima, without gaps; may be <paramref name="from"/>.</param>
    /// <param name="pairs">Pairs of rows.</param>
    /// <param name="columns">Maxima of a pair of rows.</param>
    /// <param name="rectifies">Whether a maximum is +0 at least.</param>
    /// <param name="after">Floats after the last row that may be read.</param>
    public static void Rows<T, TTail>(float* from, nint leading, float* to, int pairs, int columns, bool rectifies, int after)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float* block = stackalloc float[T.Count];
        int whole = columns - (columns % T.Count), rest = columns - whole;

        // A vector may read on into what follows a row, if it is there.
        int read = 2 * (T.Count - rest);
        for (; pairs > 0; pairs--, from += 2 * leading, to += columns)
        {
            for (int j = 0; j < whole; j += T.Count)
            {
                T.Store(Pair<T>(from + (2 * j), leading, rectifies), ref to[j], 0);
            }

            if (rest == 0)
            {
                continue;
            }

            if (pairs > 1 && read <= leading && T.Count - rest <= columns)
            {
                // What is written into the next row is overwritten by its own maxima.
                T.Store(Pair<T>(from + (2 * whole), leading, rectifies), ref to[whole], 0);
            }
            else if (read <= after)
            {
                T.Store(Pair<T>(from + (2 * whole), leading, rectifies), ref *block, 0);
                FloatBlocks.Copy(block, to + whole, rest);
            }
            else
            {
                for (int j = whole; j < columns; j++)
                {
                    TTail.Store(Pair<TTail>(from + (2 * j), leading, rectifies), ref to[j], 0);
                }
            }
        }
    }

    /// <summary>Of positions with channels in the lanes, [position][lane]; the maxima are written over the first of them.</summary>
    public static void Lanes<T>(float* sums, int lanes, int rows, int width, bool rectifies) where T : struct, IFloatLanes<T>
    {
        nint next = (nint)width * lanes;
        for (int lane = 0; lane < lanes; lane += T.Count)
        {
            float* from = sums + lane, to = from;
            for (int y = 0; y < rows; y += 2, from += next)
            {
                for (int x = 0; x < width; x += 2, from += 2 * lanes, to += lanes)
                {
                    T first = T.Load(in *from, 0), m = T.AtLeast(rectifies ? T.AtLeast(T.Zero, first) : first, T.Load(in from[lanes], 0));
                    m = T.AtLeast(T.AtLeast(m, T.Load(in from[next], 0)), T.Load(in from[next + lanes], 0));
                    T.Store(m, ref *to, 0);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Pair<T>(float* x, nint leading, bool rectifies) where T : struct, IFloatLanes<T>
    {
        nuint half = (nuint)T.Count;
        T low = T.Load(in *x, 0), high = T.Load(in *x, half), lowBelow = T.Load(in x[leading], 0), highBelow = T.Load(in x[leading], half);
        if (rectifies)
        {
            low = T.AtLeast(T.AtLeast(T.Zero, low), lowBelow);
            high = T.AtLeast(T.AtLeast(T.Zero, high), highBelow);
            return T.AtLeast(T.Even(low, high), T.Odd(low, high));
        }

        T m = T.AtLeast(T.Even(low, high), T.Odd(low, high));
        return T.AtLeast(T.AtLeast(m, T.Even(lowBelow, highBelow)), T.Odd(lowBelow, highBelow));
    }
}

/// <summary>The maxima of results that lie in the maps: rows g.First ... g.End - 1 of the output, whole samples.</summary>
internal readonly unsafe struct ConvMaximaKernel : ILaneKernel<ConvArguments>
{
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int height = sizes.OutputHeight, width = sizes.OutputWidth, plane = height * width;
        for (int sample = g.First / height; sample * height < g.End; sample++)
        {
            for (int channel = 0; channel < sizes.Outputs; channel++)
            {
                ConvMaxima.Rows<T, TTail>(
                    g.Maps + ((nint)sample * g.LeadingMaps) + ((nint)channel * plane), width,
                    g.Maxima + ((nint)sample * g.LeadingMaxima) + ((nint)channel * (plane / 4)), height / 2, width / 2, rectifies: false, after: 0);
            }
        }
    }
}
