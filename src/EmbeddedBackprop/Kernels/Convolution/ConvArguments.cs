namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// A checked convolution. Images are its inputs, maps its outputs, whichever of them is read or written; the spans are pinned meanwhile.
/// </summary>
internal unsafe struct ConvArguments
{
    public ConvSizes Sizes;
    public int Batch;
    public float* Image;

    /// <summary>The end (exclusive) of the image floats that may be read.</summary>
    public float* ImageEnd;
    public int LeadingImage;

    /// <summary>Weights, or their gradients.</summary>
    public float* Kernels;

    /// <summary>Memory for kernels that are kept turned over (<see cref="ConvTurned"/>); null where there is none.</summary>
    public float* Turned;

    /// <summary>Biases or their gradients; null if there are none.</summary>
    public float* Bias;
    public float* Maps;
    public int LeadingMaps;

    /// <summary>Whether maps are computed from images; else images from maps, the input gradient.</summary>
    public bool IsForward;
    public bool Accumulate;

    /// <summary>Whether the gradient is applied to the weights and biases instead of stored: w = M(-rate, M(l2, w, g), w).</summary>
    public bool Updates;
    public float LearningRate;
    public float WeightL2;
    public float BiasL2;

    /// <summary>What is done with the results of a forward pass before they are stored.</summary>
    public ConvFinish Finish;

    /// <summary>
    /// Where the maxima of two by two of the results go; null if nobody wants them. They may lie at the beginning of each sample's maps.
    /// </summary>
    public float* Maxima;
    public int LeadingMaxima;

    /// <summary>Whether maps that have maxima are stored all the same.</summary>
    public bool KeepsMaps;

    /// <summary>
    /// Channels of a block, one or two whole vectors, where maps are stored as [block][position][lane]; 0 where they are [channel][position].
    /// </summary>
    public int MapLanes;

    /// <summary>The part of the work that is meant: output rows of all samples, panels of weights, or samples.</summary>
    public int First;
    public int End;

    /// <summary>Whether taps outside the image may be multiplied by zero if that cannot be seen: the weights are finite.</summary>
    public bool MultipliesZeros;

    /// <summary>Whether -0 and +0 mean the same: sums of integers. What may turn one into the other need not be looked at.</summary>
    public bool ZerosAreAlike;

    /// <summary>Whether terms of a weight gradient may be left out where delta is 0: the images are finite.</summary>
    public bool SkipsZeros;

    /// <summary>Output channels of one unit of a weight gradient.</summary>
    public int OutputChunk;

    /// <summary>Input channels of one unit of a weight gradient with the outputs in the lanes.</summary>
    public int ChannelChunk;

    /// <summary>The same work, another part of it.</summary>
    public readonly ConvArguments Part(int first, int end)
    {
        ConvArguments part = this;
        (part.First, part.End) = (first, end);
        return part;
    }
}
