using System.Globalization;

namespace EmbeddedBackprop.Quantization;

/// <summary>How a network becomes integers.</summary>
public sealed record QuantizerOptions
{
    /// <summary>Bits of the values between layers: 8 (the default), or 16 (the weights have 8 bits in both).</summary>
    public int ActivationBits { get; init; } = 8;

    /// <summary>
    /// Bits of the outputs, which are the logits where the net ends in a softmax or a sigmoid: 16 (the default), because logits of 8 bits tie, or 8.
    /// </summary>
    public int OutputBits { get; init; } = 16;

    /// <summary>Names of layers whose outputs have 16 bits; none by default.</summary>
    public IReadOnlyList<string> Int16 { get; init; } = [];

    /// <summary>Names of layers that stay float; none by default.</summary>
    public IReadOnlyList<string> Float { get; init; } = [];

    /// <summary>
    /// Names of layers before the last op on signals that compute on integers all the same; none by default, and all but those in
    /// <see cref="Int16"/> stay float there: the powers and products of a signal range too widely for 8 bits.
    /// </summary>
    public IReadOnlyList<string> Integer { get; init; } = [];

    /// <summary>How ranges are chosen; by least squares by default.</summary>
    public RangeMethod Ranges { get; init; } = RangeMethod.LeastSquares;

    /// <summary>Whether the mean error of each output of a layer, before its activation, is taken out of its bias; it is by default.</summary>
    public bool BiasCorrection { get; init; } = true;

    /// <summary>How many samples the ranges come from; fewer where the source has fewer. 256 by default.</summary>
    public int Samples { get; init; } = 256;

    /// <summary>Seed of the draw of the samples; 0 by default.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// What the structure of the integer graph follows from, as files hold it:
    /// <c>activations=int8 output=int16 int16=conv2 float=norm1 integer=scale1</c>; several names have a comma between them, and characters other
    /// than letters, digits and <c>- _ . ~</c> are written as in a URL.
    /// </summary>
    public string Settings =>
        string.Create(CultureInfo.InvariantCulture, $"activations=int{ActivationBits} output=int{OutputBits}")
        + Names(" int16=", Int16) + Names(" float=", Float) + Names(" integer=", Integer);

    /// <summary>The options of a <see cref="Settings"/> text; what is not part of it has its default.</summary>
    /// <exception cref="FormatException">A word is unknown; the message names it.</exception>
    public static QuantizerOptions Parse(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        QuantizerOptions options = new();
        foreach (string word in settings.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int cut = word.IndexOf('=', StringComparison.Ordinal);
            string value = word[(cut + 1)..];
            options = word[..Math.Max(cut, 0)] switch
            {
                "activations" => options with { ActivationBits = Bits(word, value) },
                "output" => options with { OutputBits = Bits(word, value) },
                "int16" => options with { Int16 = Names(value) },
                "float" => options with { Float = Names(value) },
                "integer" => options with { Integer = Names(value) },
                _ => throw QuantizationErrors.UnknownSetting(word),
            };
        }

        return options;
    }

    /// <summary>Ends in an exception where a number is none that there is.</summary>
    internal void Require()
    {
        RequireBits(nameof(ActivationBits), ActivationBits);
        RequireBits(nameof(OutputBits), OutputBits);
        _ = Errors.RequirePositive(nameof(Samples), Samples);
    }

    private static void RequireBits(string what, int bits)
    {
        if (bits is not (8 or 16))
        {
            Errors.OutOfRange(what, bits, "8 or 16");
        }
    }

    private static int Bits(string word, string value) => value switch
    {
        "int8" => 8,
        "int16" => 16,
        _ => throw QuantizationErrors.UnknownSetting(word),
    };

    private static string Names(string key, IReadOnlyList<string> names) =>
        names.Count == 0 ? "" : key + string.Join(',', names.Select(Uri.EscapeDataString));

    private static string[] Names(string value) => [.. value.Split(',').Select(Uri.UnescapeDataString)];
}
