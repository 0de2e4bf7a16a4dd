using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>Lanes of float that kernels can load, store and take apart by bits.</summary>
internal interface IFloatLanes<T> : ILanes<T> where T : struct, IFloatLanes<T>
{
    /// <summary>How many floats one value holds.</summary>
    static abstract int Count { get; }

    /// <summary>Reads Count floats beginning at source[index].</summary>
    static abstract T Load(ref readonly float source, nuint index);

    /// <summary>Writes Count floats beginning at destination[index].</summary>
    static abstract void Store(T value, ref float destination, nuint index);

    /// <summary>The value in every lane.</summary>
    static abstract T Broadcast(float value);

    /// <summary>The ends of a logarithm y of x: x itself where it is +inf or NaN, NaN below 0, -inf at +0 and -0, y elsewhere.</summary>
    static abstract T LogEnds(T x, T y);

    /// <summary>low &gt; x ? low : x, so that a NaN stays one; for a low that is not 0 (whose sign would be the processor's choice).</summary>
    static virtual T AtLeast(T x, T low) => T.IfGreater(low, x, low, x);

    /// <summary>bits(x) + addend, as 32-bit integers.</summary>
    static abstract T AddBits(T x, int addend);

    /// <summary>bits(x) &lt;&lt; count.</summary>
    static abstract T ShiftBitsLeft(T x, int count);

    /// <summary>bits(x) &gt;&gt; count, arithmetic.</summary>
    static abstract T ShiftBitsRight(T x, int count);

    /// <summary>bits(x) &amp; mask.</summary>
    static abstract T AndBits(T x, int mask);

    /// <summary>bits(x) | mask.</summary>
    static abstract T OrBits(T x, int mask);

    /// <summary>The bits of magnitude with the sign bit of sign.</summary>
    static abstract T CopySign(T magnitude, T sign);

    /// <summary>The 32-bit integer in bits(x), converted to float (exact below 2^24).</summary>
    static abstract T ConvertBits(T x);

    /// <summary>Elements 0, 2, 4, ... of low followed by high; of two single lanes low.</summary>
    static abstract T Even(T low, T high);

    /// <summary>Elements 1, 3, 5, ... of low followed by high; of two single lanes high.</summary>
    static abstract T Odd(T low, T high);

    /// <summary>The first half of even[0], odd[0], even[1], odd[1], ...</summary>
    static abstract T ZipLow(T even, T odd);

    /// <summary>The second half of even[0], odd[0], even[1], odd[1], ...</summary>
    static abstract T ZipHigh(T even, T odd);
}
