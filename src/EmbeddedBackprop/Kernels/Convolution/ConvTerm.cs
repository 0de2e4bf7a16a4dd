namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>One term of a sum: the address of its first factor at the first position of a run, and its second factor.</summary>
internal unsafe struct ConvTerm
{
    public float* Source;
    public float Weight;
}
