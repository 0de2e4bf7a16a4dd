using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Norms;

/// <summary>Rows of one or two sources and of a destination.</summary>
internal readonly ref struct SoftmaxArguments(
    int m, int n, ReadOnlySpan<float> x, int leadingX, ReadOnlySpan<float> y, int leadingY, Span<float> destination, int leading)
{
    public readonly ref readonly float X = ref MemoryMarshal.GetReference(x);
    public readonly ref readonly float Y = ref MemoryMarshal.GetReference(y);
    public readonly ref float Destination = ref MemoryMarshal.GetReference(destination);
    public readonly nuint Rows = (nuint)m;
    public readonly nuint Columns = (nuint)n;
    public readonly nuint LeadingX = (nuint)leadingX;
    public readonly nuint LeadingY = (nuint)leadingY;
    public readonly nuint Leading = (nuint)leading;
}

/// <summary>a = exp(z - max) / sum, row by row.</summary>
internal readonly struct SoftmaxForwardKernel : ILaneKernel<SoftmaxArguments>
{
    public static void Run<T, TTail>(in SoftmaxArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint n = g.Columns;
        for (nuint row = 0; row < g.Rows; row++)
        {
            ref readonly float z = ref Unsafe.Add(ref Unsafe.AsRef(in g.X), row * g.LeadingX);
            ref float a = ref Unsafe.Add(ref g.Destination, row * g.Leading);
            float maximum = SoftmaxRow.Value(LongSum.Reduce<T, TTail, LongSum.Maximum>(in z, in z, n));
            T maxima = T.Broadcast(maximum);
            nuint i = 0;
            for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                T.Store(T.Exp(T.Load(in z, i) - maxima), ref a, i);
            }

            if (i < n)
            {
                // The rest of the row once more in whole vectors, on a copy: a polynomial costs the same for one lane and for all.
                SoftmaxRow.Tail(in z, i, n - i, out PartialSums<float> copy);
                ref float t = ref Unsafe.As<PartialSums<float>, float>(ref copy);
                for (nuint l = 0; l < n - i; l += (nuint)T.Count)
                {
                    T.Store(T.Exp(T.Load(in t, l) - maxima), ref t, l);
                }

                for (nuint l = 0; l < n - i; l++)
                {
                    Unsafe.Add(ref a, i + l) = Unsafe.Add(ref t, l);
                }
            }

            float sum = SoftmaxRow.Value(LongSum.Reduce<T, TTail, LongSum.Sum>(in a, in a, n));
            T sums = T.Broadcast(sum);
            i = 0;
            for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                T.Store(T.Load(in a, i) / sums, ref a, i);
            }

            for (; i < n; i++)
            {
                Unsafe.Add(ref a, i) /= sum;
            }
        }
    }
}

/// <summary>dz = a * (da - dot(a, da)), row by row.</summary>
internal readonly struct SoftmaxBackwardKernel : ILaneKernel<SoftmaxArguments>
{
    public static void Run<T, TTail>(in SoftmaxArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint n = g.Columns;
        for (nuint row = 0; row < g.Rows; row++)
        {
            ref readonly float a = ref Unsafe.Add(ref Unsafe.AsRef(in g.X), row * g.LeadingX);
            ref readonly float da = ref Unsafe.Add(ref Unsafe.AsRef(in g.Y), row * g.LeadingY);
            ref float dz = ref Unsafe.Add(ref g.Destination, row * g.Leading);
            TTail s = LongSum.Reduce<T, TTail, LongSum.Product>(in a, in da, n);
            T sums = T.Broadcast(SoftmaxRow.Value(s));
            nuint i = 0;
            for (; n - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                T.Store(T.Load(in a, i) * (T.Load(in da, i) - sums), ref dz, i);
            }

            for (; i < n; i++)
            {
                TTail.Store(TTail.Load(in a, i) * (TTail.Load(in da, i) - s), ref dz, i);
            }
        }
    }
}

/// <summary>max + log(sum of exp(z - max)), row by row.</summary>
internal readonly struct LogSumExpKernel : ILaneKernel<SoftmaxArguments>
{
    public static void Run<T, TTail>(in SoftmaxArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint n = g.Columns;
        for (nuint row = 0; row < g.Rows; row++)
        {
            ref readonly float z = ref Unsafe.Add(ref Unsafe.AsRef(in g.X), row * g.LeadingX);
            TTail maximum = LongSum.Reduce<T, TTail, LongSum.Maximum>(in z, in z, n);
            T maxima = T.Broadcast(SoftmaxRow.Value(maximum));
            PartialSums<float> parts = default;
            ref float s = ref Unsafe.As<PartialSums<float>, float>(ref parts);

            // Sixteen at a time through a copy, for the exponentials have no other buffer; each is then added to its part.
            PartialSums<float> copy = default;
            ref float t = ref Unsafe.As<PartialSums<float>, float>(ref copy);
            nuint i = 0;
            for (; n - i >= 16; i += 16)
            {
                for (nuint l = 0; l < 16; l += (nuint)T.Count)
                {
                    T.Store(T.Exp(T.Load(in z, i + l) - maxima), ref t, l);
                }

                LongSum.Accumulate<T, TTail, LongSum.Sum>(in t, in t, 16, ref s);
            }

            if (i < n)
            {
                SoftmaxRow.Tail(in z, i, n - i, out copy);
                for (nuint l = 0; l < n - i; l += (nuint)T.Count)
                {
                    T.Store(T.Exp(T.Load(in t, l) - maxima), ref t, l);
                }

                LongSum.Accumulate<T, TTail, LongSum.Sum>(in t, in t, n - i, ref s);
            }

            TTail.Store(maximum + TTail.Log(LongSum.Fold<TTail, LongSum.Sum>(in s)), ref g.Destination, row);
        }
    }
}

/// <summary>The common part of the row kernels.</summary>
internal static class SoftmaxRow
{
    /// <summary>The float in a single lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Value<TTail>(TTail lane)
        where TTail : struct, IFloatLanes<TTail>
    {
        float value = 0f;
        TTail.Store(lane, ref value, 0);
        return value;
    }

    /// <summary>Copies count (at most 16) floats that begin at source[first]; the other lanes are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Tail(ref readonly float source, nuint first, nuint count, out PartialSums<float> copy)
    {
        copy = default;
        ref float t = ref Unsafe.As<PartialSums<float>, float>(ref copy);
        for (nuint l = 0; l < count; l++)
        {
            Unsafe.Add(ref t, l) = Unsafe.Add(ref Unsafe.AsRef(in source), first + l);
        }
    }
}
