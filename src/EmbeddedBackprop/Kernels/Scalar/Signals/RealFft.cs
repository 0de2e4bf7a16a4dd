using System.Numerics;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// The Fourier transform of real signals as textbook loops: the definition. z[j] = x[2j] + i x[2j + 1] is transformed in place by decimation in
/// frequency, radix 4 (Gentleman and Sande 1966), and split into the spectrum of x.
/// </summary>
/// <remarks>
/// A product of complex numbers is (a + bi)(c + di) = M(a, c, -(b d)) + M(a, d, b c) i. A spectrum has h + 1 = n / 2 + 1 real parts, then as many
/// imaginary ones. The table's factors are floats for both readings, so that the gradient check in double sees the same linear map.
/// </remarks>
internal static class RealFft
{
    /// <summary>X[k] = sum over t of x[t] e^(-2 pi i k t / n) for k = 0 ... n / 2, of every row.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="tables">The transform's constants.</param>
    /// <param name="rows">Signals.</param>
    /// <param name="x">rows x length samples; those up to n are taken as 0.</param>
    /// <param name="length">Samples of a signal, at most n.</param>
    /// <param name="spectra">rows x 2 (n / 2 + 1) floats; may not overlap x.</param>
    public static void Forward<T>(Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<T> x, int length, Span<T> spectra)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int half = tables.Half;
        Span<T> re = stackalloc T[half], im = stackalloc T[half], sorted = stackalloc T[2 * half];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<T> signal = x.Slice(row * length, length);
            for (int j = 0; j < half; j++)
            {
                re[j] = 2 * j < length ? signal[2 * j] : T.Zero;
                im[j] = (2 * j) + 1 < length ? signal[(2 * j) + 1] : T.Zero;
            }

            Transform(arithmetic, tables, re, im);
            for (int i = 0; i < half; i++)
            {
                (sorted[tables.Reversed[i]], sorted[half + tables.Reversed[i]]) = (re[i], im[i]);
            }

            Span<T> spectrum = spectra.Slice(row * 2 * (half + 1), 2 * (half + 1));
            Split(arithmetic, tables, sorted[..half], sorted[half..], spectrum[..(half + 1)], spectrum[(half + 1)..]);
        }
    }

    /// <summary>
    /// dx[t] = (accumulate ? dx[t] : +0) + sum over k of dRe[k] cos(2 pi k t / n) - dIm[k] sin(2 pi k t / n): the split is undone, and the conjugate
    /// of the transform of the conjugate taken.
    /// </summary>
    public static void Gradient<T>(
        Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<T> spectra, int length, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int half = tables.Half;
        Span<T> re = stackalloc T[half], im = stackalloc T[half];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<T> spectrum = spectra.Slice(row * 2 * (half + 1), 2 * (half + 1));
            Join(arithmetic, tables, spectrum[..(half + 1)], spectrum[(half + 1)..], re, im);
            Transform(arithmetic, tables, re, im);
            Span<T> to = dx.Slice(row * length, length);
            for (int i = 0; i < half; i++)
            {
                int t = 2 * tables.Reversed[i];
                if (t < length)
                {
                    to[t] = (accumulate ? to[t] : T.Zero) + re[i];
                }

                if (t + 1 < length)
                {
                    to[t + 1] = (accumulate ? to[t + 1] : T.Zero) - im[i];
                }
            }
        }
    }

    /// <summary>The passes: every block becomes its four parts, and so on down to one value; a block of two is the last pass.</summary>
    private static void Transform<T>(Arithmetic arithmetic, FftTables tables, Span<T> re, Span<T> im)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ReadOnlySpan<float> twiddles = tables.Twiddles;
        int block = re.Length;
        for (; block >= 4; block /= 4)
        {
            int part = block / 4;
            for (int first = 0; first < re.Length; first += block)
            {
                for (int p = 0; p < part; p++)
                {
                    int i = first + p;
                    T sumRe = re[i] + re[i + (2 * part)], differenceRe = re[i] - re[i + (2 * part)];
                    T sumIm = im[i] + im[i + (2 * part)], differenceIm = im[i] - im[i + (2 * part)];
                    T oddSumRe = re[i + part] + re[i + (3 * part)], oddDifferenceRe = re[i + part] - re[i + (3 * part)];
                    T oddSumIm = im[i + part] + im[i + (3 * part)], oddDifferenceIm = im[i + part] - im[i + (3 * part)];
                    (re[i], im[i]) = (sumRe + oddSumRe, sumIm + oddSumIm);
                    (re[i + part], im[i + part]) = (differenceRe + oddDifferenceIm, differenceIm - oddDifferenceRe);
                    (re[i + (2 * part)], im[i + (2 * part)]) = (sumRe - oddSumRe, sumIm - oddSumIm);
                    (re[i + (3 * part)], im[i + (3 * part)]) = (differenceRe - oddDifferenceIm, differenceIm + oddDifferenceRe);
                    for (int power = 1; power <= 3 && block >= 8; power++)
                    {
                        int at = i + (power * part), row = 2 * (power - 1) * part;
                        (re[at], im[at]) = Multiply(
                            arithmetic, re[at], im[at], T.CreateChecked(twiddles[row + p]), T.CreateChecked(twiddles[row + part + p]));
                    }
                }
            }

            twiddles = block >= 8 ? twiddles[(6 * part)..] : [];
        }

        for (int i = 0; block == 2 && i < re.Length; i += 2)
        {
            (re[i], re[i + 1]) = (re[i] + re[i + 1], re[i] - re[i + 1]);
            (im[i], im[i + 1]) = (im[i] + im[i + 1], im[i] - im[i + 1]);
        }
    }

    /// <summary>
    /// The spectrum of x from Z: with E = (Z[k] + conj Z[h-k]) / 2 and O = -i (Z[k] - conj Z[h-k]) / 2, X[k] = E + w^k O and X[h-k] = conj(E - w^k
    /// O).
    /// </summary>
    private static void Split<T>(Arithmetic arithmetic, FftTables tables, ReadOnlySpan<T> zRe, ReadOnlySpan<T> zIm, Span<T> re, Span<T> im)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int half = tables.Half;
        T one = T.CreateChecked(0.5);
        (re[0], im[0], re[half], im[half]) = (zRe[0] + zIm[0], T.Zero, zRe[0] - zIm[0], T.Zero);
        for (int k = 1; k <= half / 2; k++)
        {
            T evenRe = (zRe[k] + zRe[half - k]) * one, evenIm = (zIm[k] - zIm[half - k]) * one;
            T oddRe = (zIm[k] + zIm[half - k]) * one, oddIm = (zRe[half - k] - zRe[k]) * one;
            (T turnedRe, T turnedIm) = Turn(arithmetic, tables, k, oddRe, oddIm);
            (re[half - k], im[half - k]) = (evenRe - turnedRe, turnedIm - evenIm);
            (re[k], im[k]) = (evenRe + turnedRe, evenIm + turnedIm);
        }
    }

    /// <summary>
    /// The transpose of <see cref="Split"/>, conjugated: with A = (d[k] + conj d[h-k]) / 2 and B = conj(w^k) (d[k] - conj d[h-k]) / 2 for k = 1 ...
    /// h/2, Z[k] = conj(A + i B) and Z[h-k] = A - i B.
    /// </summary>
    private static void Join<T>(Arithmetic arithmetic, FftTables tables, ReadOnlySpan<T> re, ReadOnlySpan<T> im, Span<T> zRe, Span<T> zIm)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int half = tables.Half;
        T one = T.CreateChecked(0.5);
        (zRe[0], zIm[0]) = (re[0] + re[half], re[half] - re[0]);
        for (int k = 1; k <= half / 2; k++)
        {
            T evenRe = (re[k] + re[half - k]) * one, evenIm = (im[k] - im[half - k]) * one;
            T oddRe = (re[k] - re[half - k]) * one, oddIm = (im[k] + im[half - k]) * one;

            // conj(w^k) B = conj(w^k conj(B)).
            (T turnedRe, T turnedIm) = Turn(arithmetic, tables, k, oddRe, -oddIm);
            (zRe[half - k], zIm[half - k]) = (evenRe - turnedIm, evenIm - turnedRe);
            (zRe[k], zIm[k]) = (evenRe + turnedIm, -(evenIm + turnedRe));
        }
    }

    private static (T Re, T Im) Turn<T>(Arithmetic arithmetic, FftTables tables, int k, T re, T im)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int row = (tables.Half / 2) + 1;
        return Multiply(arithmetic, re, im, T.CreateChecked(tables.Split[k]), T.CreateChecked(tables.Split[row + k]));
    }

    private static (T Re, T Im) Multiply<T>(Arithmetic arithmetic, T a, T b, T c, T d)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (ScalarMath.MultiplyAdd(arithmetic, a, c, -(b * d)), ScalarMath.MultiplyAdd(arithmetic, a, d, b * c));
}
