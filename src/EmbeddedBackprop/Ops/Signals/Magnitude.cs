using System.Runtime.CompilerServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>The magnitude of each frequency: y[k] = sqrt(M(re[k], re[k], im[k] im[k])). Its gradient at 0 is taken as 0.</summary>
public sealed class Magnitude : SpectrumSize, IPasses<Magnitude>
{
    /// <inheritdoc/>
    public override string Kind => "magnitude";

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Magnitude>();

    static void IPasses<Magnitude>.Forward<T, K>(Magnitude op, in OpContext<T> c) => op.Forward<T, K, Size>(in c);

    static void IPasses<Magnitude>.Backward<T, K>(Magnitude op, in OpContext<T> c) => op.Backward<T, K, Derivative>(in c);

    /// <summary>|x + iy|.</summary>
    internal readonly struct Size : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.SquareRoot(T.MultiplyAdd(x, x, y * y));
    }

    /// <summary>x / |x + iy| d.</summary>
    internal readonly struct Derivative : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T>
        {
            T size = T.SquareRoot(T.MultiplyAdd(x, x, y * y));
            return T.IfGreater(size, T.Zero, x / size * d, T.Zero);
        }
    }
}
