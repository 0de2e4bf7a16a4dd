using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>Two constants, two sources and a destination of one length; the destination may be a source.</summary>
internal readonly ref struct ElementFormulaArguments(
    float alpha, float beta, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination) : IRangeArguments<ElementFormulaArguments>
{
    public readonly float Alpha = alpha;
    public readonly float Beta = beta;
    public readonly ref readonly float X = ref MemoryMarshal.GetReference(x);
    public readonly ref readonly float Y = ref MemoryMarshal.GetReference(y);
    public readonly ref float Destination = ref MemoryMarshal.GetReference(destination);
    public readonly nuint Length = (nuint)x.Length;

    nuint IRangeArguments<ElementFormulaArguments>.Length => Length;

    public ElementFormulaArguments Range(nuint first, nuint count) => new(
        Alpha, Beta,
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref Unsafe.AsRef(in X), first), (int)count),
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref Unsafe.AsRef(in Y), first), (int)count),
        MemoryMarshal.CreateSpan(ref Unsafe.Add(ref Destination, first), (int)count));
}

/// <summary>d = M(alpha, x, d).</summary>
internal readonly struct ScaledAdd : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(alpha, x, d);
}

/// <summary>d = M(alpha, x - d, d).</summary>
internal readonly struct BlendInto : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(alpha, x - d, d);
}

/// <summary>d = M(x, y, d).</summary>
internal readonly struct ProductAdd : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(x, y, d);
}

/// <summary>d = d + alpha * sign(x).</summary>
internal readonly struct SignAdd : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> =>
        d + T.IfGreater(x, T.Zero, alpha, T.IfGreater(T.Zero, x, -alpha, T.Zero));
}

/// <summary>d = x alpha between beta and beta + 255, rounded to the nearest integer, half to even; NaN gives 0.</summary>
internal readonly struct RoundToBytes : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => RoundBetween(x * alpha, beta, beta + T.Constant(255));

    /// <summary>x between two ends, rounded to the nearest integer, half to even; NaN gives 0. For ends below 2^22 in magnitude.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T RoundBetween<T>(T x, T lowest, T highest) where T : struct, ILanes<T>
    {
        // Floats from here to twice as much are the integers.
        const double Integers = 1.5 * (1 << 23);
        T number = T.IfNaN(x, T.Zero, x);
        T low = T.IfGreater(number, lowest, number, lowest);
        return T.IfGreater(highest, low, low, highest) + T.Constant(Integers) - T.Constant(Integers);
    }
}

/// <summary>d = x alpha between beta and beta + 65535, rounded to the nearest integer, half to even; NaN gives 0.</summary>
internal readonly struct RoundToWords : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> =>
        RoundToBytes.RoundBetween(x * alpha, beta, beta + T.Constant(65535));
}

/// <summary>d = x between alpha and beta, by two selects.</summary>
internal readonly struct ClipBetween : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T>
    {
        T t = T.IfGreater(x, alpha, x, alpha);
        return T.IfGreater(t, beta, beta, t);
    }
}

/// <summary>d = x &gt; d ? x : d.</summary>
internal readonly struct KeepGreater : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.IfGreater(x, d, x, d);
}

/// <summary>d = x &gt; y ? alpha : d.</summary>
internal readonly struct WhereGreater : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.IfGreater(x, y, alpha, d);
}

/// <summary>d = alpha &lt;= x &lt;= beta ? d : +0.</summary>
internal readonly struct ZeroOutside : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> =>
        T.IfGreater(alpha, x, T.Zero, T.IfGreater(x, beta, T.Zero, d));
}
