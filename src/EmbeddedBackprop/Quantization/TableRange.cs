using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Quantization;

/// <summary>The range of z that the table of an activation covers: that of the calibration without the ends where the function is flat.</summary>
internal static class TableRange
{
    /// <summary>Points at which the function is looked at.</summary>
    private const int Points = 1024;

    /// <summary>The share of the output's step that a flat end may move.</summary>
    private const double Flat = 0.25;

    /// <summary>
    /// The range from the last point below which f differs from f(low) by at most a quarter of a step, to the first above which it differs from
    /// f(high) by no more; 0 stays in it.
    /// </summary>
    /// <param name="activation">f.</param>
    /// <param name="arithmetic">That of its function.</param>
    /// <param name="range">The range of z.</param>
    /// <param name="step">The scale of the output.</param>
    public static ValueRange Cut(Activation activation, Arithmetic arithmetic, ValueRange range, float step)
    {
        float[] z = new float[Points + 1], a = new float[Points + 1];
        for (int i = 0; i < z.Length; i++)
        {
            z[i] = (float)(range.Low + ((range.High - range.Low) * i / Points));
        }

        activation.ForwardScalar(arithmetic, 1, z.Length, z.Length, z, a);
        int first = 0, last = Points;
        while (first < last && z[first + 1] <= 0 && Math.Abs((double)a[first + 1] - a[0]) <= Flat * step)
        {
            first++;
        }

        while (last > first && z[last - 1] >= 0 && Math.Abs((double)a[last - 1] - a[Points]) <= Flat * step)
        {
            last--;
        }

        return new(Math.Min(z[first], 0), Math.Max(z[last], 0));
    }
}
