namespace EmbeddedBackprop.Data;

/// <summary>The samples of one channel of a recording, such as sound or vibration.</summary>
public sealed class Recording
{
    /// <summary>A recording of a program's own.</summary>
    /// <param name="name">Its name: with a folder, the path from there, with / between.</param>
    /// <param name="samples">Its samples; kept without a copy.</param>
    /// <param name="rate">Samples a second.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not positive.</exception>
    public Recording(string name, ReadOnlyMemory<float> samples, int rate)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        Name = name;
        Samples = samples;
        Rate = rate;
    }

    /// <summary>Its name: with a folder or archive, the path from there, with / between.</summary>
    public string Name { get; }

    /// <summary>Its samples.</summary>
    public ReadOnlyMemory<float> Samples { get; }

    /// <summary>Samples a second.</summary>
    public int Rate { get; }

    /// <summary>How many samples are at the first or the last value that the file's integers have; 0 for floats.</summary>
    public int Clipped { get; internal init; }

    /// <summary>Whether all samples have the same value.</summary>
    public bool IsSilent => Samples.Length == 0 || !Samples.Span.ContainsAnyExcept(Samples.Span[0]);

    /// <summary>A part of the recording, without a copy.</summary>
    /// <param name="start">Its first sample.</param>
    /// <param name="length">How many samples it has.</param>
    /// <exception cref="ArgumentOutOfRangeException">The recording has fewer samples.</exception>
    public Recording Slice(int start, int length) => new(Name, Samples.Slice(start, length), Rate) { Clipped = Clipped };
}
