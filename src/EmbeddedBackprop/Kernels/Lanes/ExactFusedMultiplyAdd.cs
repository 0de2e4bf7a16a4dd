using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>a*b + c with one rounding on processors that have no such instruction, computed in double.</summary>
/// <remarks>
/// The product of two floats is exact in double (48 bits of 53, exponents far from the ends). The sum p + c is rounded to odd: where it is not exact,
/// the neighbour with the odd last bit is taken. Rounding that to float cannot fall on a false tie, because double has more than two bits over float
/// (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Transactions on Computers, 2008); denormal results need even fewer
/// bits. With an infinity or a NaN the error term is NaN, no correction is made, and the result is that of p + c.
/// </remarks>
internal static class ExactFusedMultiplyAdd
{
    /// <summary>a*b + c, rounded once.</summary>
    public static float Compute(float a, float b, float c)
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

    /// <summary>a*b + c in four lanes, rounded once.</summary>
    public static Vector128<float> Compute(Vector128<float> a, Vector128<float> b, Vector128<float> c)
    {
        (Vector128<double> aLow, Vector128<double> aHigh) = Vector128.Widen(a);
        (Vector128<double> bLow, Vector128<double> bHigh) = Vector128.Widen(b);
        (Vector128<double> cLow, Vector128<double> cHigh) = Vector128.Widen(c);
        return Vector128.Narrow(RoundToOdd(aLow * bLow, cLow), RoundToOdd(aHigh * bHigh, cHigh));
    }

    /// <summary>a*b + c in the lanes of a Vector&lt;T&gt;, rounded once.</summary>
    public static Vector<float> Compute(Vector<float> a, Vector<float> b, Vector<float> c)
    {
        Vector.Widen(a, out Vector<double> aLow, out Vector<double> aHigh);
        Vector.Widen(b, out Vector<double> bLow, out Vector<double> bHigh);
        Vector.Widen(c, out Vector<double> cLow, out Vector<double> cHigh);
        return Vector.Narrow(RoundToOdd(aLow * bLow, cLow), RoundToOdd(aHigh * bHigh, cHigh));
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
