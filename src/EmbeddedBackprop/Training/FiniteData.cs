using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Training;

/// <summary>A source that can answer for its values before any of them is gathered.</summary>
internal interface IFiniteSource
{
    /// <summary>
    /// Whether no value of any sample is NaN or infinite; null where that is not known without gathering. Yes is remembered: it is found once.
    /// </summary>
    bool? IsFinite { get; }

    /// <summary>Refuses one sample.</summary>
    /// <exception cref="ArgumentException">A value is not finite; the message names sample and column.</exception>
    void RequireFinite(int sample);
}

/// <summary>
/// No NaN and no infinity reaches a training unseen. The library's data sets are tested once, when a trainer is made. Other sources are tested batch
/// by batch in a trainer's first epoch, and again where a gradient is not finite.
/// </summary>
internal static class FiniteData
{
    /// <summary>What is known of a source; nothing of one that cannot answer.</summary>
    public static bool? IsFinite(IBatchSource source) => (source as IFiniteSource)?.IsFinite;

    /// <summary>Whether each sample of a source is finite, asked one by one.</summary>
    public static bool AreFinite(IBatchSource source)
    {
        try
        {
            RequireSamples(source);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <exception cref="ArgumentException">A value is not finite; the message names sample and column.</exception>
    public static void Require(IBatchSource source)
    {
        if (source is IFiniteSource { IsFinite: false })
        {
            RequireSamples(source);
        }
    }

    /// <summary>One sample of any source.</summary>
    /// <exception cref="ArgumentException">A value is not finite; the message names sample and column.</exception>
    public static void RequireSample(IBatchSource source, int sample)
    {
        if (source is IFiniteSource finite)
        {
            finite.RequireFinite(sample);
            return;
        }

        float[] inputs = new float[source.InputLength], targets = new float[source.TargetLength];
        source.Gather([sample], inputs, inputs.Length, targets, targets.Length);
        Require(inputs, "inputs", sample, null);
        Require(targets, "targets", sample, null);
    }

    /// <exception cref="ArgumentException">A value is not finite; the message names sample and column.</exception>
    public static void Require(ReadOnlySpan<float> values, string what, int sample, IReadOnlyList<string>? names)
    {
        if (Finite.All(values))
        {
            return;
        }

        int column = 0;
        while (float.IsFinite(values[column]))
        {
            column++;
        }

        TrainingErrors.NotFinite(what, sample, column, names?[column], values[column]);
    }

    private static void RequireSamples(IBatchSource source)
    {
        for (int sample = 0; sample < source.Count; sample++)
        {
            RequireSample(source, sample);
        }
    }
}
