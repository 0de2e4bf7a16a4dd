using System.Globalization;

namespace EmbeddedBackprop.Data;

/// <summary>
/// How training images are changed a little, differently in every epoch; the change keeps a digit's class. 0 switches a change off.
/// </summary>
public sealed record AugmentationOptions
{
    /// <summary>The farthest shift in each direction: whole pixels, all equally likely; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int Shift
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>The largest turn about the middle, in degrees, to either side; at most 180. 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 180, or NaN.</exception>
    public float Rotation { get; init => field = Checked(value, 180f, nameof(Rotation)); }

    /// <summary>The largest share by which an image grows or shrinks; below 0.9. 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 0.9, or NaN.</exception>
    public float Scale { get; init => field = Checked(value, 0.9f, nameof(Scale)); }

    /// <summary>
    /// Elastic distortion: the standard deviation, in pixels, of random displacements at the nodes of a coarse grid, drawn to a smooth field by cubic
    /// B-splines. 0 by default.
    /// Source: Simard, Steinkraus, Platt 2003; the coarse grid is that of Ronneberger, Fischer, Brox 2015.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, above 100, or NaN.</exception>
    public float Elastic { get; init => field = Checked(value, 100f, nameof(Elastic)); }

    /// <summary>Pixels from node to node of that grid, at least 2; 8 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 2.</exception>
    public int ElasticSpacing
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 2);
            field = value;
        }
    } = 8;

    /// <summary>Reads the output of <see cref="ToString"/>: <c>shift=2,rotate=10,scale=0.1,elastic=1,spacing=8</c>, each of them or not.</summary>
    /// <exception cref="FormatException">The text names something else, or a value out of its range.</exception>
    public static AugmentationOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        AugmentationOptions options = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? part : part[..equals], value = equals < 0 ? "" : part[(equals + 1)..];
            if (!seen.Add(name))
            {
                throw new FormatException($"{name} stands there twice");
            }

            try
            {
                options = name switch
                {
                    "shift" => options with { Shift = Whole(value) },
                    "rotate" => options with { Rotation = Number(value) },
                    "scale" => options with { Scale = Number(value) },
                    "elastic" => options with { Elastic = Number(value) },
                    "spacing" => options with { ElasticSpacing = Whole(value) },
                    _ => throw new FormatException($"expected shift=N, rotate=DEGREES, scale=SHARE, elastic=PIXELS or spacing=N, got '{part}'"),
                };
            }
            catch (ArgumentOutOfRangeException)
            {
                throw new FormatException($"{name}: the value is out of its range, got '{value}'");
            }
        }

        return options;
    }

    /// <summary>The text that <see cref="Parse"/> reads; empty where nothing is changed.</summary>
    public override string ToString()
    {
        List<string> parts = [];
        if (Shift > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"shift={Shift}"));
        }

        if (Rotation > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"rotate={Rotation:R}"));
        }

        if (Scale > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"scale={Scale:R}"));
        }

        if (Elastic > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"elastic={Elastic:R}"));
        }

        if (Elastic > 0 && ElasticSpacing != 8)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"spacing={ElasticSpacing}"));
        }

        return string.Join(',', parts);
    }

    private static int Whole(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"expected a whole number, got '{value}'");

    private static float Number(string value) =>
        float.TryParse(value, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out float number)
            ? number : throw new FormatException($"expected a number that is not negative, got '{value}'");

    private static float Checked(float value, float most, string name) =>
        value >= 0 && value <= most ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} lies from 0 to {most}.");
}
