using System.Runtime.CompilerServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>The power of each frequency: y[k] = M(re[k], re[k], im[k] im[k]).</summary>
public sealed class Power : SpectrumSize, IPasses<Power>
{
    /// <inheritdoc/>
    public override string Kind => "power";

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Power>();

    static void IPasses<Power>.Forward<T, K>(Power op, in OpContext<T> c) => op.Forward<T, K, Size>(in c);

    static void IPasses<Power>.Backward<T, K>(Power op, in OpContext<T> c) => op.Backward<T, K, Derivative>(in c);

    /// <summary>|x + iy|^2.</summary>
    internal readonly struct Size : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(x, x, y * y);
    }

    /// <summary>2x d.</summary>
    internal readonly struct Derivative : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => (x + x) * d;
    }
}
