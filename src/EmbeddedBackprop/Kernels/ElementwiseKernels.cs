using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>Two constants, two sources and a destination of one length; the destination may be a source.</summary>
internal readonly ref struct ElementwiseArguments(
    float alpha, float beta, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination)
{
    public readonly float Alpha = alpha;
    public readonly float Beta = beta;
    public readonly ref readonly float X = ref MemoryMarshal.GetReference(x);
    public readonly ref readonly float Y = ref MemoryMarshal.GetReference(y);
    public readonly ref float Destination = ref MemoryMarshal.GetReference(destination);
    public readonly nuint Length = (nuint)x.Length;
}

/// <summary>d = M(alpha, x, d).</summary>
internal readonly struct ScaledAddKernel : ILaneKernel<ElementwiseArguments>
{
    public static void Run<T, TTail>(in ElementwiseArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint i = 0;
        T alpha = T.Broadcast(g.Alpha);
        for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            T.Store(T.MultiplyAdd(alpha, T.Load(in g.X, i), T.Load(in g.Destination, i)), ref g.Destination, i);
        TTail one = TTail.Broadcast(g.Alpha);
        for (; i < g.Length; i++)
            TTail.Store(TTail.MultiplyAdd(one, TTail.Load(in g.X, i), TTail.Load(in g.Destination, i)), ref g.Destination, i);
    }
}

/// <summary>d = M(x, y, d).</summary>
internal readonly struct ProductAddKernel : ILaneKernel<ElementwiseArguments>
{
    public static void Run<T, TTail>(in ElementwiseArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint i = 0;
        for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            T.Store(T.MultiplyAdd(T.Load(in g.X, i), T.Load(in g.Y, i), T.Load(in g.Destination, i)), ref g.Destination, i);
        for (; i < g.Length; i++)
            TTail.Store(TTail.MultiplyAdd(TTail.Load(in g.X, i), TTail.Load(in g.Y, i), TTail.Load(in g.Destination, i)), ref g.Destination, i);
    }
}

/// <summary>d = d + alpha * sign(x).</summary>
internal readonly struct SignAddKernel : ILaneKernel<ElementwiseArguments>
{
    public static void Run<T, TTail>(in ElementwiseArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint i = 0;
        T alpha = T.Broadcast(g.Alpha);
        for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            T.Store(T.Load(in g.Destination, i) + Sign(T.Load(in g.X, i), alpha), ref g.Destination, i);
        TTail one = TTail.Broadcast(g.Alpha);
        for (; i < g.Length; i++)
            TTail.Store(TTail.Load(in g.Destination, i) + Sign(TTail.Load(in g.X, i), one), ref g.Destination, i);
    }

    private static T Sign<T>(T x, T alpha)
        where T : struct, IFloatLanes<T> =>
        T.IfGreater(x, T.Zero, alpha, T.IfGreater(T.Zero, x, -alpha, T.Zero));
}

/// <summary>d = clip(x, alpha, beta) by two selects.</summary>
internal readonly struct ClipKernel : ILaneKernel<ElementwiseArguments>
{
    public static void Run<T, TTail>(in ElementwiseArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint i = 0;
        T low = T.Broadcast(g.Alpha);
        T high = T.Broadcast(g.Beta);
        for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            T.Store(Clip(T.Load(in g.X, i), low, high), ref g.Destination, i);
        TTail lowOne = TTail.Broadcast(g.Alpha);
        TTail highOne = TTail.Broadcast(g.Beta);
        for (; i < g.Length; i++)
            TTail.Store(Clip(TTail.Load(in g.X, i), lowOne, highOne), ref g.Destination, i);
    }

    private static T Clip<T>(T x, T low, T high)
        where T : struct, IFloatLanes<T>
    {
        T t = T.IfGreater(x, low, x, low);
        return T.IfGreater(t, high, high, t);
    }
}
