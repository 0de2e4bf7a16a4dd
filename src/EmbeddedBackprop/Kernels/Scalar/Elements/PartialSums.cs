using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The partial sums of one long sum.</summary>
internal static class PartialSums
{
    /// <summary>Element i is added to part i mod 16.</summary>
    public const int Count = 16;
}

/// <summary>Sixteen partial sums on the stack, all +0 at first.</summary>
[InlineArray(PartialSums.Count)]
internal struct PartialSums<T> where T : struct
{
    private T first;
}
