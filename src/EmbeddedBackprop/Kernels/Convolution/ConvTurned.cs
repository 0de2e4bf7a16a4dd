namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Memory in which <see cref="ConvChannels"/> keeps kernels turned over, [chunk of outputs][tap][lane], and behind them a list of terms, from one
/// prediction to the next: to make them takes a twentieth of a small layer's time for one sample. In front is what they were made for.
/// </summary>
internal static unsafe class ConvTurned
{
    /// <summary>Floats in front: the kernels begin with a cache line.</summary>
    private const int Front = 16;

    private const int WidestLanes = 16;

    /// <summary>Floats for kernels of these sizes at any width; 0 where no width has the outputs in the lanes.</summary>
    public static int Length(in ConvSizes sizes)
    {
        ConvSizes flat = sizes.Flattened;
        bool isUsed = flat.FitsTiles && (ConvChannels.Fits(in flat, WidestLanes) || ConvChannels.Fits(in flat, WidestLanes / 2));
        return isUsed ? MostLength(in flat) : 0;
    }

    /// <summary>The same where some width may have the outputs in the lanes.</summary>
    public static int MostLength(in ConvSizes sizes) =>
        checked(Front + KernelsLength(in sizes) + ((sizes.Taps + ConvChannels.TermsTogether) * (sizeof(ConvTapTerm) / sizeof(float))));

    /// <summary>The kernels.</summary>
    public static float* Kernels(float* memory) => memory + Front;

    /// <summary>Terms of all taps.</summary>
    public static ConvTapTerm* Terms(float* memory, in ConvSizes sizes) => (ConvTapTerm*)(Kernels(memory) + KernelsLength(in sizes));

    /// <summary>What all this was made for, a <see cref="Mark"/>; 0 if it was not.</summary>
    public static ref int Made(float* memory) => ref *(int*)memory;

    /// <summary>
    /// Outputs of a chunk and stride: <see cref="ConvChain"/> sees a pointwise convolution as one with steps, whose terms are others.
    /// </summary>
    public static int Mark(in ConvSizes sizes, int chunk) => (sizes.StrideX << 8) | chunk;

    private static int KernelsLength(in ConvSizes sizes)
    {
        int outputs = sizes.Outputs / sizes.Groups;
        return checked(sizes.Groups * sizes.Taps * ((outputs + WidestLanes - 1) / WidestLanes * WidestLanes));
    }
}
