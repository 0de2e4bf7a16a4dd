using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>Lanes of float that kernels can load and store.</summary>
internal interface IFloatLanes<T> : IBitLanes<T> where T : struct, IFloatLanes<T>
{
    /// <summary>How many floats one value holds.</summary>
    static abstract int Count { get; }

    /// <summary>Reads Count floats beginning at source[index].</summary>
    static abstract T Load(ref readonly float source, nuint index);

    /// <summary>Reads the first half of the floats beginning at low and the second half beginning at high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T LoadHalves(ref readonly float low, ref readonly float high)
    {
        int half = T.Count / 2;
        Span<float> both = stackalloc float[T.Count];
        MemoryMarshal.CreateReadOnlySpan(in low, half).CopyTo(both);
        MemoryMarshal.CreateReadOnlySpan(in high, T.Count - half).CopyTo(both[half..]);
        return T.Load(in both[0], 0);
    }

    /// <summary>Writes Count floats beginning at destination[index].</summary>
    static abstract void Store(T value, ref float destination, nuint index);

    /// <summary>M(a, b, c) for a float in memory that is the same in all lanes: a product may read it without a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T MultiplyAdd(ref readonly float a, T b, T c) => T.MultiplyAdd(T.Broadcast(a), b, c);

    /// <summary>M(a, b, c) for a vector b in memory: a product may read it without a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T MultiplyAdd(T a, ref readonly float b, nuint index, T c) => T.MultiplyAdd(a, T.Load(in b, index), c);

    /// <summary>The 32-bit integer in bits(x), converted to float (exact below 2^24).</summary>
    static abstract T ConvertBits(T x);

    /// <summary>Whether x &gt; y in every lane; a NaN compares false.</summary>
    static abstract bool AllGreater(T x, T y);

    /// <summary>Elements 0, 2, 4, ... of low followed by high; of two single lanes low.</summary>
    static abstract T Even(T low, T high);

    /// <summary>Elements 1, 3, 5, ... of low followed by high; of two single lanes high.</summary>
    static abstract T Odd(T low, T high);

    /// <summary>The first half of even[0], odd[0], even[1], odd[1], ...</summary>
    static abstract T ZipLow(T even, T odd);

    /// <summary>The second half of even[0], odd[0], even[1], odd[1], ...</summary>
    static abstract T ZipHigh(T even, T odd);

    /// <summary>The elements from the last to the first.</summary>
    static abstract T Reverse(T x);
}
