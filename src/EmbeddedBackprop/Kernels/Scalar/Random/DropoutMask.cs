using System.Numerics;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Dropout as a textbook loop: the definition of <see cref="Kernels.Random.DropoutMask"/>.</summary>
internal static class DropoutMask
{
    /// <summary>t = kept ? x * (1 / (1 - p)) : +0; y = t, or y + t.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="draw">Which elements are kept.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="columns">Elements of a sample.</param>
    /// <param name="stride">Distance of samples.</param>
    /// <param name="x">[batch, columns].</param>
    /// <param name="y">[batch, columns]; may be x itself unless it accumulates.</param>
    /// <param name="accumulate">True: the results are added to y.</param>
    public static void Apply<T>(in DropoutDraw draw, int batch, int columns, int stride, ReadOnlySpan<T> x, Span<T> y, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T scale = T.One / (T.One - T.CreateChecked(draw.Probability));
        Span<uint> words = stackalloc uint[4];
        for (int b = 0; b < batch; b++)
        {
            for (int e = 0; e < columns; e++)
            {
                if (e % 4 == 0)
                {
                    draw.Random.Block(
                        draw.Stream,
                        DropoutDraw.Block(draw.FirstSample + b, e / 4),
                        out words[0],
                        out words[1],
                        out words[2],
                        out words[3]);
                }

                T t = words[e % 4] >> 8 >= draw.Threshold ? x[(b * stride) + e] * scale : T.Zero;
                y[(b * stride) + e] = accumulate ? y[(b * stride) + e] + t : t;
            }
        }
    }
}
