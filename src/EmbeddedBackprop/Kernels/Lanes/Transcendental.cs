using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>
/// exp, log, log1p, tanh, sigmoid, erf, sin and cos as polynomials of M: one formula for one lane, for sixteen, and for the exported C (sin and cos
/// have C of their own).
/// </summary>
/// <remarks>
/// The recipe of all of them: range tests first, as selects that let NaN through; a reduction whose leading products are exact in either arithmetic
/// (constants of few bits times small integers); a polynomial by Horner's rule in M; the result put together so that the last addition is the only
/// large rounding. The coefficients are our own minimax fits (Remez exchange in 45 digits, then rounded to float); docs/ulp.md has the errors
/// reached.
/// </remarks>
internal static class Transcendental
{
    // 1.5 * 2^23: t = x + Rounder holds the integer nearest to x in its low bits, t - Rounder gives it back as a float.
    // No conversion instruction, no rounding mode: the same two additions everywhere.
    private const double Rounder = 12582912.0;
    private const int RounderBits = 0x4B400000;
    private const int OneBits = 0x3F800000;

    // ln 2 = High + Low. High has 9 bits, so that n * High is exact for every exponent n, also in separate arithmetic.
    private const double Ln2High = 0.693359375;
    private const double Ln2Low = -2.12194442e-4;

    /// <summary>e^x = 2^n e^r, n = round(x / ln 2), |r| &lt;= ln(2)/2. Overflow gives +inf, underflow is gradual.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : struct, IBitLanes<T>
    {
        // Beyond these ends the result is +inf or 0 anyway; n stays between -151 and 128.
        return ExpBelow(T.IfGreater(x, T.Constant(89.0), T.Constant(89.0), x));
    }

    /// <summary>e^x where x is 89 at most. (The exported C has one exp for all, with both ends: the same bits.)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpBelow<T>(T x) where T : struct, IBitLanes<T>
    {
        x = T.AtLeast(x, T.Constant(-104.5));
        T n = T.Named(T.MultiplyAdd(x, T.Constant(1.44269502), T.Constant(Rounder)) - T.Constant(Rounder), "n");
        T y = T.ExpPolynomial(x, n);

        // 2^n as two exact factors: y * 2^(n/2) is never denormal, so a denormal result is rounded once, by the last product.
        T half = T.Named(T.MultiplyAdd(n, T.Constant(0.5), T.Constant(Rounder)), "half");
        T rest = T.Named((n - (half - T.Constant(Rounder))) + T.Constant(Rounder), "rest");
        return y * T.PowerOfTwo(half) * T.PowerOfTwo(rest);
    }

    /// <summary>1 / (1 + e^-x), with z = e^-|x|: 1 / (1 + z) for x &gt; 0, z / (1 + z) otherwise, which is accurate down to the denormals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x) where T : struct, IBitLanes<T>
    {
        T z = T.Named(T.ExpBelow(T.OrBits(x, int.MinValue)), "z"); // -|x| needs no upper end
        return T.IfGreater(x, T.Zero, T.One, z) / (T.One + z);
    }

    /// <summary>An odd polynomial below 0.9, 1 - 2 / (e^2|x| + 1) above; the sign is put back at the end, so that tanh(-0) = -0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x) where T : struct, IBitLanes<T>
    {
        // tanh(10) is 1 in float; the clamp keeps e^2a in the range of one scale factor.
        T a = T.Abs(x);
        a = T.Named(T.IfGreater(a, T.Constant(10.0), T.Constant(10.0), a), "a");
        T u = T.Named(a * a, "u");
        T p = T.Constant(-4.55708097e-4);
        p = T.MultiplyAdd(p, u, T.Constant(2.58342316e-3));
        p = T.MultiplyAdd(p, u, T.Constant(-8.26545432e-3));
        p = T.MultiplyAdd(p, u, T.Constant(2.16640923e-2));
        p = T.MultiplyAdd(p, u, T.Constant(-5.39294742e-2));
        p = T.MultiplyAdd(p, u, T.Constant(0.133329809));
        p = T.MultiplyAdd(p, u, T.Constant(-0.333333224));
        T near = T.MultiplyAdd(u * a, p, a);
        T far = T.One - (T.Constant(2.0) / (T.ExpNormal(a + a) + T.One));
        return T.CopySign(T.IfGreater(T.Constant(0.9), a, near, far), x);
    }

    /// <summary>log x = k ln 2 + log(1 + f), x = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)). log 0 = -inf, log of a negative number is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x) where T : struct, IBitLanes<T>
    {
        // Denormals are brought into the normal range first; 23 is taken from the exponent again, where it costs nothing: all of this is exact.
        T smallest = T.Constant(1.17549435e-38);
        T scaled = T.IfGreater(smallest, x, x * T.Constant(8388608.0), x);
        T zero = T.IfGreater(smallest, x, T.Constant(Rounder + 23.0), T.Constant(Rounder));

        // Subtracting the bits of sqrt(1/2) makes the exponent field count from sqrt(1/2) instead of 1.
        const int RootHalfBits = 0x3F3504F3;
        T bits = T.Named(T.AddBits(scaled, -RootHalfBits), "bits");
        T k = T.Named(T.AddBits(T.ShiftBitsRight(bits, 23), RounderBits) - zero, "k");
        T f = T.Named(T.AddBits(T.AndBits(bits, 0x7FFFFF), RootHalfBits) - T.One, "f");

        T u = T.Named(f * f, "u");
        T p = T.Constant(0.0674631596);
        p = T.MultiplyAdd(p, f, T.Constant(-0.11675375));
        p = T.MultiplyAdd(p, f, T.Constant(0.118881509));
        p = T.MultiplyAdd(p, f, T.Constant(-0.124056354));
        p = T.MultiplyAdd(p, f, T.Constant(0.142195627));
        p = T.MultiplyAdd(p, f, T.Constant(-0.166679934));
        p = T.MultiplyAdd(p, f, T.Constant(0.200021178));
        p = T.MultiplyAdd(p, f, T.Constant(-0.250000089));
        p = T.MultiplyAdd(p, f, T.Constant(0.333333135));

        // Small terms first: f^3 p + k Low - f^2/2, then f, then k High.
        T y = (u * f) * p;
        y = T.MultiplyAdd(k, T.Constant(Ln2Low), y);
        y = T.MultiplyAdd(u, T.Constant(-0.5), y);
        y = T.MultiplyAdd(k, T.Constant(Ln2High), f + y);

        return T.LogEnds(x, y);
    }

    /// <summary>The ends of a logarithm, for lanes without an instruction for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LogEnds<T>(T x, T y) where T : struct, IBitLanes<T>
    {
        y = T.IfGreater(T.Constant(double.PositiveInfinity), x, y, x);
        y = T.IfGreater(T.Zero, x, T.Constant(double.NaN), y);
        return T.IfGreater(T.Constant(1.40129846e-45), T.Abs(x), T.Constant(double.NegativeInfinity), y);
    }

    /// <summary>log(1 + x) for x &gt; -1: log u + c/u, u = 1 + x rounded and c = x - (u - 1) the rounding error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1P<T>(T x) where T : struct, IBitLanes<T>
    {
        T u = T.Named(T.One + x, "u");
        T log = T.Named(T.Log(u), "log_u");
        T y = log + ((x - (u - T.One)) / u);

        // At the ends (u = 0, u = +inf, u < 0) the correction would be inf - inf or 0 / 0.
        y = T.IfGreater(T.Constant(double.PositiveInfinity), u, y, log);
        y = T.IfGreater(u, T.Zero, y, log);
        return T.CopySign(T.Named(y, "y"), x);
    }

    /// <summary>erf x = 2/sqrt(pi) * integral of e^-t^2 from 0 to x: an odd polynomial below 1, 1 - e^q(|x|) above, q = log erfc.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Erf<T>(T x) where T : struct, IBitLanes<T>
    {
        T a = T.Abs(x);
        a = T.Named(T.IfGreater(a, T.Constant(4.0), T.Constant(4.0), a), "a"); // erf(4) is 1 in float
        T u = T.Named(a * a, "u");
        T p = T.Constant(7.80690389e-5);
        p = T.MultiplyAdd(p, u, T.Constant(-7.9978531e-4));
        p = T.MultiplyAdd(p, u, T.Constant(5.1871622e-3));
        p = T.MultiplyAdd(p, u, T.Constant(-2.68533472e-2));
        p = T.MultiplyAdd(p, u, T.Constant(0.112835787));
        p = T.MultiplyAdd(p, u, T.Constant(-0.37612626));
        p = T.MultiplyAdd(p, u, T.Constant(0.128379166));
        T near = T.MultiplyAdd(a, p, a);

        T q = T.Constant(1.85561687e-4);
        q = T.MultiplyAdd(q, a, T.Constant(-2.9395062e-3));
        q = T.MultiplyAdd(q, a, T.Constant(2.18049735e-2));
        q = T.MultiplyAdd(q, a, T.Constant(-0.103036739));
        q = T.MultiplyAdd(q, a, T.Constant(-0.63822633));
        q = T.MultiplyAdd(q, a, T.Constant(-1.12703967));
        q = T.MultiplyAdd(q, a, T.Constant(-3.53804993e-4));
        T far = T.One - T.ExpNormal(q);
        return T.CopySign(T.IfGreater(T.One, a, near, far), x);
    }

    /// <summary>sin x for |x| &lt;= 12800; beyond, the reduction has no bits left and the result is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sin<T>(T x) where T : struct, IBitLanes<T>
    {
        // By symmetry from |x|, so that sin(-0) = -0.
        return SinAtQuadrant(T.Abs(x), 0) * T.CopySign(T.One, x);
    }

    /// <summary>cos x for |x| &lt;= 12800, NaN beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Cos<T>(T x) where T : struct, IBitLanes<T> => SinAtQuadrant(T.Abs(x), 1);

    // sin(a + quadrant * pi/2) for 0
    // <= a: a = n pi/2 + r, |r| <= pi/4; an odd n takes the cosine of r, and every second pair of quadrants is negative.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T SinAtQuadrant<T>(T a, int quadrant) where T : struct, IBitLanes<T>
    {
        a = T.IfGreater(a, T.Constant(12800.0), T.Constant(double.NaN), a);
        T t = T.MultiplyAdd(a, T.Constant(0.636619747), T.Constant(Rounder));
        T n = t - T.Constant(Rounder);

        // pi/2 in three parts of 11 bits and a rest: with n below 2^13 the products of the first three are exact.
        T r = T.MultiplyAdd(n, T.Constant(-1.5703125), a);
        r = T.MultiplyAdd(n, T.Constant(-4.83751297e-4), r);
        r = T.MultiplyAdd(n, T.Constant(-7.54953362e-8), r);
        r = T.MultiplyAdd(n, T.Constant(-2.56334407e-12), r);

        T u = r * r;
        T p = T.Constant(-1.95180852e-4);
        p = T.MultiplyAdd(p, u, T.Constant(8.33218824e-3));
        p = T.MultiplyAdd(p, u, T.Constant(-0.166666552));
        T sine = T.MultiplyAdd(u * r, p, r);
        T q = T.Constant(2.44323273e-5);
        q = T.MultiplyAdd(q, u, T.Constant(-1.38873095e-3));
        q = T.MultiplyAdd(q, u, T.Constant(4.16666456e-2));
        T cosine = T.MultiplyAdd(u * u, q, T.MultiplyAdd(u, T.Constant(-0.5), T.One));

        // The two low bits of t are the quadrant; each becomes the sign of a 1.
        t = T.AddBits(t, quadrant);
        T even = T.OrBits(T.ShiftBitsLeft(t, 31), OneBits);
        T sign = T.OrBits(T.AndBits(T.ShiftBitsLeft(t, 30), int.MinValue), OneBits);
        return T.IfGreater(T.Zero, even, cosine, sine) * sign;
    }

    /// <summary>e^x where neither x nor the result leaves the normal range: one scale factor is enough, and no range test.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpNormal<T>(T x) where T : struct, IBitLanes<T>
    {
        T t = T.Named(T.MultiplyAdd(x, T.Constant(1.44269502), T.Constant(Rounder)), "t");
        return T.ExpPolynomial(x, t - T.Constant(Rounder)) * T.PowerOfTwo(t);
    }

    /// <summary>e^r = 1 + r + r^2 q(r), r = x - n ln 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpPolynomial<T>(T x, T n) where T : struct, IBitLanes<T>
    {
        T r = T.MultiplyAdd(n, T.Constant(-Ln2High), x);
        r = T.Named(T.MultiplyAdd(n, T.Constant(-Ln2Low), r), "r");
        T q = T.Constant(1.38399366e-3);
        q = T.MultiplyAdd(q, r, T.Constant(8.36933777e-3));
        q = T.MultiplyAdd(q, r, T.Constant(4.16680835e-2));
        q = T.MultiplyAdd(q, r, T.Constant(0.166665152));
        q = T.MultiplyAdd(q, r, T.Constant(0.49999994));
        return T.MultiplyAdd(r * r, q, r) + T.One;
    }

    /// <summary>
    /// 2^n from t = n + Rounder: the low bits of t moved into the exponent field, on top of those of 1. (The bits of Rounder itself fall out.)
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T PowerOfTwo<T>(T t) where T : struct, IBitLanes<T> => T.AddBits(T.ShiftBitsLeft(t, 23), OneBits);
}
