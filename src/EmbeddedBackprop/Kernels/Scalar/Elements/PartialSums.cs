using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Sixteen partial sums on the stack, all +0 at first.</summary>
[InlineArray(16)]
internal struct PartialSums<T> where T : struct
{
    private T first;
}
