using System.Globalization;

namespace EmbeddedBackprop.Data;

/// <summary>How windows of a signal are changed a little for training, differently in every epoch. What is not set is not changed.</summary>
public sealed class SignalAugmentation
{
    private const float MostSpeed = 3f, MostGain = 40f, MostNoise = 120f;

    /// <summary>
    /// How much faster or slower at most, from 0 to 3: the signal is played at (1 + Speed)^u times its speed, u uniform from -1 to 1, so that pitch
    /// and formants change with it; values between two samples lie on the line between them. What then ends beyond the window is cut off, what ends
    /// earlier is followed by zeros. 0 by default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 3, or NaN.</exception>
    public float Speed
    {
        get;
        init => field = value is >= 0 and <= MostSpeed
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Speed), value, $"{nameof(Speed)} lies from 0 to {MostSpeed}.");
    }

    /// <summary>The farthest shift in time, to either side: whole samples, all equally likely; 0 by default. Zeros come in at the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or above 2^30.</exception>
    public int Shift { get; init => field = Checked(value, nameof(Shift)); }

    /// <summary>The largest gain, up or down, in dB; the factor is 10^(g / 20), g uniform; at most 40. 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 40, or NaN.</exception>
    public float Gain
    {
        get;
        init => field = value is >= 0 and <= MostGain
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Gain), value, $"{nameof(Gain)} lies from 0 to {MostGain}.");
    }

    /// <summary>
    /// The signal-to-noise ratio of normal noise that is added, in dB, from -120 to 120: its deviation is the root of the window's mean square times
    /// 10^(-Noise / 20). Null, the default, adds none.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not from -120 to 120.</exception>
    public float? Noise
    {
        get;
        init => field = value is null or (>= -MostNoise and <= MostNoise)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Noise), value, $"{nameof(Noise)} lies from {-MostNoise} to {MostNoise}.");
    }

    /// <summary>
    /// The widest band of frequencies that is taken out, as a share of all of them (0 to half the rate), at most 1; its width and its beginning are
    /// drawn. 0 by default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 1, or NaN.</exception>
    public float Band
    {
        get;
        init => field = value is >= 0 and <= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Band), value, $"{nameof(Band)} lies from 0 to 1.");
    }

    /// <summary>The longest stretch that becomes zeros, in samples; its length and its beginning are drawn. 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or above 2^30.</exception>
    public int Mask { get; init => field = Checked(value, nameof(Mask)); }

    /// <summary>
    /// Reads the output of <see cref="ToString"/>: <c>speed=0.2,shift=800,gain=6,noise=20,band=0.2,mask=400</c>, each of them or not.
    /// </summary>
    /// <exception cref="FormatException">The text names something else, or a value out of its range.</exception>
    public static SignalAugmentation Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int shift = 0, mask = 0;
        float speed = 0, gain = 0, band = 0;
        float? noise = null;
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? part : part[..equals], value = equals < 0 ? "" : part[(equals + 1)..];
            if (!seen.Add(name))
            {
                throw new FormatException($"{name} is given twice");
            }

            switch (name)
            {
                case "speed":
                    speed = Number(value);
                    break;
                case "shift":
                    shift = Whole(value);
                    break;
                case "gain":
                    gain = Number(value);
                    break;
                case "noise":
                    noise = Number(value);
                    break;
                case "band":
                    band = Number(value);
                    break;
                case "mask":
                    mask = Whole(value);
                    break;
                default:
                    throw new FormatException($"expected speed=SHARE, shift=SAMPLES, gain=DB, noise=DB, band=SHARE or mask=SAMPLES, got '{part}'");
            }
        }

        try
        {
            return new SignalAugmentation { Speed = speed, Shift = shift, Gain = gain, Noise = noise, Band = band, Mask = mask };
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw new FormatException($"{exception.ParamName?.ToLowerInvariant()}: the value is out of its range", exception);
        }
    }

    /// <summary>The text that <see cref="Parse"/> reads; empty where nothing is changed.</summary>
    public override string ToString()
    {
        List<string> parts = [];
        Add("speed", Speed > 0 ? Speed : null);
        Add("shift", Shift > 0 ? Shift : null);
        Add("gain", Gain > 0 ? Gain : null);
        Add("noise", Noise);
        Add("band", Band > 0 ? Band : null);
        Add("mask", Mask > 0 ? Mask : null);
        return string.Join(',', parts);

        void Add(string name, float? value)
        {
            if (value is { } number)
            {
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{name}={number:R}"));
            }
        }
    }

    private static int Checked(int value, string name)
    {
        const int Most = 1 << 30;
        return value is >= 0 and <= Most ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} lies from 0 to {Most}.");
    }

    private static int Whole(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"expected a whole number, got '{value}'");

    private static float Number(string value) =>
        float.TryParse(value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out float number)
            ? number
            : throw new FormatException($"expected a number, got '{value}'");
}
