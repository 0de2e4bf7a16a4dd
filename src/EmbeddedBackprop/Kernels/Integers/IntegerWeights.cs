using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// Float weights and biases as the integers of a quantised layer. Every result is one double expression, so every host has the same.
/// </summary>
/// <remarks>
/// A real weight is scale * q with q in -127..127, a real bias inputScale * scale * b with |b| &lt;= 2^30. Rounding is to nearest, half away from
/// zero. An element that is not a number becomes 0.
/// </remarks>
internal static class IntegerWeights
{
    /// <summary>The largest integer weight.</summary>
    public const int Highest = 127;

    /// <summary>The largest integer bias.</summary>
    public const int HighestBias = 1 << 30;

    // The smallest normal float: an output without weights and bias has a scale, too, and nothing is divided by 0.
    private const float LeastScale = 1.17549435e-38f;

    /// <summary>
    /// The scale of an output's weights: the larger of largest / 127 and |bias| / (inputScale 2^30), in double, rounded once to float; at least
    /// 2^-126.
    /// </summary>
    /// <param name="largest">The largest magnitude of the output's weights, as <see cref="Largest(ReadOnlySpan{float})"/> gives it.</param>
    /// <param name="bias">The output's bias.</param>
    /// <param name="inputScale">The scale of the layer's input.</param>
    public static float Scale(float largest, float bias, float inputScale)
    {
        double ofWeights = (double)largest / Highest, ofBias = Math.Abs((double)bias) / ((double)inputScale * HighestBias);
        float scale = (float)(ofBias > ofWeights ? ofBias : ofWeights);
        return scale > LeastScale ? scale : LeastScale;
    }

    /// <summary>round(w / scale) within -127..127.</summary>
    public static int Round(float w, float scale) => Nearest((double)w / scale, Highest);

    /// <summary>round(b / (inputScale weightScale)) within -2^30..2^30, which <see cref="Scale"/> leaves by its own rounding at most.</summary>
    public static int Bias(float b, float inputScale, float weightScale) => Nearest(b / ((double)inputScale * weightScale), HighestBias);

    /// <summary>
    /// A real weight that <see cref="Round(float, float)"/> makes q, for |q| &lt;= 127 and a normal scale: the float nearest to scale q.
    /// </summary>
    public static float Real(int q, float scale) => (float)((double)q * scale);

    /// <summary>
    /// A real bias that <see cref="Bias"/> makes b. A float has 24 bits and b up to 31, so beyond 2^24 not every b has one; but a b that was made
    /// from a float has: that float is at most half a step from inputScale weightScale b, so it is the float nearest to it, or beside that one.
    /// </summary>
    /// <returns>Whether there is one.</returns>
    public static bool TryReal(int b, float inputScale, float weightScale, out float real)
    {
        float nearest = (float)(b * ((double)inputScale * weightScale));
        foreach (float candidate in (ReadOnlySpan<float>)[nearest, MathF.BitDecrement(nearest), MathF.BitIncrement(nearest)])
        {
            if (float.IsFinite(candidate) && Bias(candidate, inputScale, weightScale) == b)
            {
                real = candidate;
                return true;
            }
        }

        real = 0;
        return false;
    }

    /// <summary>The largest magnitude in a span; 0 of an empty one.</summary>
    public static float Largest(ReadOnlySpan<float> w)
    {
        // As rows of one vector, whose columns have their own largest one.
        const int Columns = 16;
        Span<float> largest = stackalloc float[Columns];
        largest.Clear();
        int rows = w.Length / Columns;
        if (rows > 0)
        {
            LargestArguments arguments = new() { Weights = w, Rows = rows, Columns = Columns, Stride = Columns, Largest = largest };
            LaneDispatch.RunWithin<LargestColumns, LargestArguments>(LaneDispatch.Either, Columns, in arguments);
        }

        float result = 0f;
        foreach (float value in w[(rows * Columns)..])
        {
            result = Larger(MathF.Abs(value), result);
        }

        foreach (float value in largest)
        {
            result = Larger(value, result);
        }

        return result;
    }

    /// <summary>The largest magnitude in each column of w [rows][stride], largest[j] = max |w[i, j]|: outputs of dense weights are columns.</summary>
    public static void Largest(int rows, int columns, ReadOnlySpan<float> w, int stride, Span<float> largest)
    {
        Require.Matrix("IntegerWeights.Largest", nameof(w), rows, columns, stride, w.Length);
        Require.AtLeast("IntegerWeights.Largest", nameof(largest), columns, largest.Length);
        largest[..columns].Clear();
        if (rows > 0 && columns > 0)
        {
            LargestArguments arguments = new() { Weights = w, Rows = rows, Columns = columns, Stride = stride, Largest = largest };
            LaneDispatch.RunWithin<LargestColumns, LargestArguments>(LaneDispatch.Either, columns, in arguments);
        }
    }

    /// <summary>q[i] = round(w[i] / scale) within -127..127: the weights of one output of a convolution.</summary>
    /// <typeparam name="TInteger">int, or float for integers held in floats.</typeparam>
    /// <returns>The sum of |q[i]|.</returns>
    public static int Round<TInteger>(ReadOnlySpan<float> w, float scale, Span<TInteger> q) where TInteger : unmanaged
    {
        Require.Equal("IntegerWeights.Round", nameof(q), w.Length, q.Length);
        int magnitude = 0;
        if (!w.IsEmpty)
        {
            RoundRunArguments<TInteger> arguments = new() { Weights = w, Scale = scale, Integers = q, Magnitude = new(ref magnitude) };
            LaneDispatch.RunWithin<RoundRun<TInteger>, RoundRunArguments<TInteger>>(LaneDispatch.Either, w.Length, in arguments);
        }

        return magnitude;
    }

    /// <summary>
    /// q[i, j] = round(w[i, j] / scale[j]) within -127..127, and magnitudes[j] += sum over i of |q[i, j]|: dense weights, [rows][stride].
    /// </summary>
    /// <typeparam name="TInteger">int, or float for integers held in floats.</typeparam>
    public static void Round<TInteger>(
        int rows, int columns, ReadOnlySpan<float> w, ReadOnlySpan<float> scale, Span<TInteger> q, int stride, Span<int> magnitudes)
        where TInteger : unmanaged
    {
        Require.Matrix("IntegerWeights.Round", nameof(w), rows, columns, stride, w.Length);
        Require.Matrix("IntegerWeights.Round", nameof(q), rows, columns, stride, q.Length);
        Require.AtLeast("IntegerWeights.Round", nameof(scale), columns, scale.Length);
        Require.AtLeast("IntegerWeights.Round", nameof(magnitudes), columns, magnitudes.Length);
        if (rows > 0 && columns > 0)
        {
            RoundColumnsArguments<TInteger> arguments = new()
            {
                Rows = rows, Columns = columns, Weights = w, Stride = stride, Scale = scale, Integers = q, Magnitudes = magnitudes,
            };
            LaneDispatch.RunWithin<RoundColumns<TInteger>, RoundColumnsArguments<TInteger>>(LaneDispatch.Either, columns, in arguments);
        }
    }

    private static float Larger(float x, float y) => x > y ? x : y;

    private static int Nearest(double value, int highest)
    {
        // NaN fails both comparisons.
        double rounded = Math.Round(value, MidpointRounding.AwayFromZero);
        return rounded >= highest ? highest : rounded <= -highest ? -highest : double.IsNaN(rounded) ? 0 : (int)rounded;
    }
}
