using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>a*b + c with one rounding on processors that have no such instruction, computed in double.</summary>
/// <remarks>
/// <para>
/// The product of two floats is exact in double (48 bits of 53, exponents far from the ends); the sum s with c is rounded once. Rounding s to float
/// gives the float of the exact sum, unless s lies exactly between two floats while the exact sum does not: no other s has a float's boundary between
/// itself and the exact sum. Normal floats have 29 bits less than doubles, so such an s ends in 1 and 28 zeros. Denormal results, which have fewer
/// bits, are all in doubt. (A result of 0 is not: an s of half the least float is exact, because a product with bits so far below it is itself
/// smaller by far than the addend, which is a multiple of the least float.)
/// </para>
/// <para>
/// In doubt, s is rounded to odd: where it is not exact, the neighbour with the odd last bit is taken. Rounding that to float cannot fall on a false
/// tie, because double has more than two bits over float (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Transactions on
/// Computers, 2008). With an infinity or a NaN the error term is NaN, no correction is made, and the result is that of p + c.
/// </para>
/// </remarks>
internal static class ExactFusedMultiplyAdd
{
    // Bits of a float, shifted left by 1 to lose the sign and moved so that 0 becomes the largest: those of 2^-126 and all denormals are below this.
    private const int BelowNormal = unchecked(0x0100_0001 + int.MaxValue);

    // The same of 2^-102.
    private const int BelowSmall = unchecked((0x0C80_0000 << 1) + int.MaxValue + 1);

    /// <summary>a*b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Compute(float a, float b, float c)
    {
        double sum = ((double)a * b) + c;
        float rounded = (float)sum;
        bool tie = (int)BitConverter.DoubleToInt64Bits(sum) << 3 == int.MinValue;
        bool small = unchecked((BitConverter.SingleToInt32Bits(rounded) << 1) + int.MaxValue) < BelowNormal;
        return tie | small ? RoundToOdd(a, b, c) : rounded;
    }

    /// <summary>a*b + c in four lanes, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Compute(Vector128<float> a, Vector128<float> b, Vector128<float> c)
    {
        Vector128<double> low = (Vector128.WidenLower(a) * Vector128.WidenLower(b)) + Vector128.WidenLower(c);
        Vector128<double> high = (Vector128.WidenUpper(a) * Vector128.WidenUpper(b)) + Vector128.WidenUpper(c);
        Vector128<float> rounded = Vector128.Narrow(low, high);
        Vector128<int> doubt = Ties(low, high) | Vector128.LessThan(Order(rounded), Vector128.Create(BelowNormal));
        return doubt == Vector128<int>.Zero ? rounded : RoundToOdd(a, b, c);
    }

    /// <summary>a*b + c in four lanes, for chains: right unless ties is not 0 at the end, or a sum of the chain was small.</summary>
    /// <param name="a">The same in all lanes.</param>
    /// <param name="bLow">The first two lanes of b.</param>
    /// <param name="bHigh">The last two.</param>
    /// <param name="c">The addend.</param>
    /// <param name="ties">Receives all bits of a lane whose sum lies between two floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Compute(float a, Vector128<double> bLow, Vector128<double> bHigh, Vector128<float> c, ref Vector128<int> ties)
    {
        // Widened as a vector: the instruction for one number keeps the other half of its register, and would wait for whatever wrote it.
        Vector128<double> x = Vector128.WidenLower(Vector128.Create(a));
        Vector128<double> low = (x * bLow) + Vector128.WidenLower(c);
        Vector128<double> high = (x * bHigh) + Vector128.WidenUpper(c);
        ties |= Ties(low, high);
        return Vector128.Narrow(low, high);
    }

    /// <summary>What <see cref="Least"/> begins with.</summary>
    public static Vector128<short> NothingSmall => Vector128.Create(short.MaxValue);

    /// <summary>Keeps what tells whether one of the floats is small, in the upper half of each lane; the lower half means nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Least(Vector128<short> least, Vector128<float> sums) => Vector128.Min(least, Order(sums).AsInt16());

    /// <summary>Whether one of the floats that <see cref="Least"/> has seen was not 0 and below 2^-102.</summary>
    /// <remarks>
    /// A denormal result is in doubt only if its addend is small and not 0, too. An addend of 2^-102 or more is a multiple of 2^-125; a product that
    /// nearly cancels it has 48 bits and is one of 2^-150, so a denormal sum of both is exact. With 0 the sum is the product. In a chain s = a b + s
    /// it is therefore enough to look at either the addend or the result of each step: at every second s.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreSmall(Vector128<short> least) => Vector128.LessThanAny(least.AsInt32() >> 16, Vector128.Create(BelowSmall >> 16));

    /// <summary>a*b + c in the lanes of a Vector&lt;T&gt;, rounded once.</summary>
    public static Vector<float> Compute(Vector<float> a, Vector<float> b, Vector<float> c)
    {
        Vector.Widen(a, out Vector<double> aLow, out Vector<double> aHigh);
        Vector.Widen(b, out Vector<double> bLow, out Vector<double> bHigh);
        Vector.Widen(c, out Vector<double> cLow, out Vector<double> cHigh);
        return Vector.Narrow(RoundToOdd(aLow * bLow, cLow), RoundToOdd(aHigh * bHigh, cHigh));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Ties(Vector128<double> low, Vector128<double> high) =>
        Vector128.Equals(Shuffles.Even(low.AsSingle(), high.AsSingle()).AsInt32() << 3, Vector128.Create(int.MinValue));

    // The bits without their sign, 0 moved behind the largest.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Order(Vector128<float> x) => (x.AsInt32() << 1) + Vector128.Create(int.MaxValue);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float RoundToOdd(float a, float b, float c)
    {
        double product = (double)a * b;
        double addend = c;
        double sum = product + addend;

        // Knuth's two-sum: sum + error is product + addend exactly.
        double virtualAddend = sum - product;
        double error = (product - (sum - virtualAddend)) + (addend - virtualAddend);
        if (Math.Abs(error) > 0.0)
        {
            // Toward zero first (one down if the error points there), then the odd neighbour.
            long bits = BitConverter.DoubleToInt64Bits(sum);
            long towardZero = (BitConverter.DoubleToInt64Bits(error) ^ bits) < 0 ? 1 : 0;
            sum = BitConverter.Int64BitsToDouble((bits - towardZero) | 1);
        }

        return (float)sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> RoundToOdd(Vector128<float> a, Vector128<float> b, Vector128<float> c)
    {
        (Vector128<double> aLow, Vector128<double> aHigh) = Vector128.Widen(a);
        (Vector128<double> bLow, Vector128<double> bHigh) = Vector128.Widen(b);
        (Vector128<double> cLow, Vector128<double> cHigh) = Vector128.Widen(c);
        return Vector128.Narrow(RoundToOdd(aLow * bLow, cLow), RoundToOdd(aHigh * bHigh, cHigh));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> RoundToOdd(Vector128<double> product, Vector128<double> addend)
    {
        Vector128<double> sum = product + addend;
        Vector128<double> virtualAddend = sum - product;
        Vector128<double> error = (product - (sum - virtualAddend)) + (addend - virtualAddend);
        Vector128<long> bits = sum.AsInt64();
        Vector128<long> towardZero = (error.AsInt64() ^ bits) >>> 63;
        Vector128<double> odd = ((bits - towardZero) | Vector128<long>.One).AsDouble();
        return Vector128.ConditionalSelect(Vector128.GreaterThan(Vector128.Abs(error), Vector128<double>.Zero), odd, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> RoundToOdd(Vector<double> product, Vector<double> addend)
    {
        Vector<double> sum = product + addend;
        Vector<double> virtualAddend = sum - product;
        Vector<double> error = (product - (sum - virtualAddend)) + (addend - virtualAddend);
        Vector<long> bits = sum.As<double, long>();
        Vector<long> towardZero = (error.As<double, long>() ^ bits) >>> 63;
        Vector<double> odd = ((bits - towardZero) | Vector<long>.One).As<long, double>();
        return Vector.ConditionalSelect(Vector.GreaterThan(Vector.Abs(error), Vector<double>.Zero), odd, sum);
    }
}
