namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>One term of a sum: what it multiplies, at the first position of a run, and by what.</summary>
internal unsafe struct ConvTerm
{
    public float* Source;
    public float Weight;
}
