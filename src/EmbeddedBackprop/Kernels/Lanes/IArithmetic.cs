namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>The compile-time form of <see cref="Arithmetic"/>: one kernel serves both, specialised by the compiler.</summary>
internal interface IArithmetic
{
    static abstract bool IsFused { get; }
}

internal readonly struct Fused : IArithmetic
{
    public static bool IsFused => true;
}

internal readonly struct Separate : IArithmetic
{
    public static bool IsFused => false;
}
