namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The arrays of one convolution, with a gap after each sample.</summary>
internal sealed class ConvCase
{
    private readonly ConvSizes sizes;

    public ConvCase(ConvSizes sizes, int batch, int seed, Numbers numbers, int gap)
    {
        this.sizes = sizes;
        LeadingImage = sizes.InputLength + gap;
        LeadingMaps = sizes.SampleOutputs + gap;
        Image = Samples.Array((batch * LeadingImage) - gap, seed, numbers);
        Kernels = Samples.Array(sizes.Weights, seed + 1000, numbers);
        Bias = Samples.Array(Math.Max(sizes.Outputs, sizes.Channels), seed + 2000, numbers);
        Maps = Samples.Array((batch * LeadingMaps) - gap, seed + 3000, numbers);
    }

    private ConvCase(ConvCase other)
    {
        (sizes, LeadingImage, LeadingMaps, Accumulate, HasBias, L2) = (
            other.sizes,
            other.LeadingImage,
            other.LeadingMaps,
            other.Accumulate,
            other.HasBias,
            other.L2);
        (Image, Kernels, Bias, Maps) = ([.. other.Image], [.. other.Kernels], [.. other.Bias], [.. other.Maps]);
    }

    public ConvSizes Sizes => sizes;

    public int LeadingImage { get; }

    public int LeadingMaps { get; }

    public float[] Image { get; private set; }

    public float[] Kernels { get; }

    public float[] Bias { get; }

    public float[] Maps { get; private set; }

    public bool Accumulate { get; init; }

    public bool HasBias { get; init; } = true;

    public float L2 { get; init; }

    public Span<float> OutputBias => HasBias ? Bias.AsSpan(0, sizes.Outputs) : [];

    public Span<float> InputBias => HasBias ? Bias.AsSpan(0, sizes.Channels) : [];

    public ConvCase Clone() => new(this);

    public void TakeResults(ConvTests.Operation operation, ConvCase other)
    {
        if (operation == ConvTests.Operation.Forward)
        {
            Maps = other.Maps;
        }
        else
        {
            Image = other.Image;
        }
    }

    /// <summary>The first difference in any of the arrays, gaps and inputs included.</summary>
    public string? DifferenceTo(ConvCase expected) =>
        One("image", Image, expected.Image)
        ?? One("kernels", Kernels, expected.Kernels)
        ?? One("bias", Bias, expected.Bias)
        ?? One("maps", Maps, expected.Maps);

    private static string? One(string name, float[] actual, float[] expected)
    {
        int i = Bits.FirstDifference(actual, expected);
        return i < 0 ? null : $"{name}[{i}] of {actual.Length}: {Bits.Show(actual[i])}, expected {Bits.Show(expected[i])}";
    }
}
