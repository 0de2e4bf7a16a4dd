using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// Knows without looking at them that no weight is NaN or infinite, while steps of plain gradient descent change them. The product of such a weight
/// and an input of 0 may be left out of a sum (<see cref="Kernels.Products.OneSampleAffine"/>).
/// </summary>
/// <remarks>
/// The weights are looked at once: none is beyond 2^100. A step that changes none by more than 2^80, where a penalty shrinks them at most, leads none
/// beyond 2^101 in 2^16 steps. Then they are looked at again; so they are where anything else has changed them.
/// </remarks>
/// <param name="layers">Layers that report their change in each step, at least.</param>
internal sealed class FiniteWeights(int layers)
{
    private const float Largest = 1.2676506e30f, LargestChange = 1.2089258e24f;
    private const int MostSteps = 1 << 16, Unknown = -1;

    private int version = Unknown;
    private int steps;
    private int reports;
    private bool grew;

    /// <summary>Begins a step.</summary>
    /// <param name="now">How often the parameters changed; odd while something changes them.</param>
    /// <param name="parameters">The parameters, which are looked at where nothing is known of them.</param>
    /// <returns>Whether all weights are finite.</returns>
    public bool Begin(int now, ReadOnlySpan<float> parameters)
    {
        reports = 0;
        grew = false;
        if (version != now || steps == MostSteps)
        {
            // A change that goes on could end in anything. The comparison is false for NaN.
            version = (now & 1) == 0 && Finite.Magnitude(parameters) <= Largest ? now : Unknown;
            steps = 0;
        }

        return version == now;
    }

    /// <summary>A layer changes its weights: w becomes w (1 - shrinks) - g.</summary>
    /// <param name="largest">No g is larger.</param>
    /// <param name="shrinks">The penalty's share.</param>
    public void Report(float largest, float shrinks)
    {
        reports++;
        grew |= !(largest <= LargestChange && shrinks is >= 0f and <= 1f);
    }

    /// <summary>Ends the step.</summary>
    /// <param name="now">How often the parameters changed, this step among it.</param>
    public void End(int now)
    {
        steps++;
        version = version != Unknown && reports >= layers && !grew ? now : Unknown;
    }
}
