using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>The range of z that the table of an activation covers: that of the values without the ends where the function is flat.</summary>
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
    /// <param name="low">The lower end of the range of z.</param>
    /// <param name="high">The upper end.</param>
    /// <param name="step">The scale of the output.</param>
    public static (double Low, double High) Cut(Activation activation, Arithmetic arithmetic, double low, double high, float step)
    {
        Span<float> z = stackalloc float[Points + 1], a = stackalloc float[Points + 1];
        for (int i = 0; i < z.Length; i++)
        {
            z[i] = (float)(low + ((high - low) * i / Points));
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

        return (Math.Min(z[first], 0), Math.Max(z[last], 0));
    }
}
