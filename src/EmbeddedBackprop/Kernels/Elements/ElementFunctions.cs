using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels;

/// <summary>The engine's transcendental functions over spans: the same bits for an element at every index, at every vector width, and in
/// the exported C.</summary>
/// <remarks>NaN gives NaN. x and y may be the same span. The errors in units of the last place are in docs/ulp.md.</remarks>
public static class ElementFunctions
{
    /// <summary>y[i] = e^x; the result is +inf from 88.73 on, denormal below -87.34 and 0 below -103.98.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Exp(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<ExpFunction>(arithmetic, x, y);

    /// <summary>y[i] = the natural logarithm of x; log 0 is -inf, the logarithm of a negative number is NaN.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Log(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<LogFunction>(arithmetic, x, y);

    /// <summary>y[i] = log(1 + x); accurate near 0; -1 gives -inf, less gives NaN.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Log1P(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<Log1PFunction>(arithmetic, x, y);

    /// <summary>y[i] = the hyperbolic tangent of x; accurate near 0 too.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Tanh(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<TanhFunction>(arithmetic, x, y);

    /// <summary>y[i] = 1 / (1 + e^-x); accurate for very negative x too, where it is e^x.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Sigmoid(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<SigmoidFunction>(arithmetic, x, y);

    /// <summary>y[i] = the error function of x; 2/sqrt(pi) times the integral of e^-t^2 from 0 to x.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Erf(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<ErfFunction>(arithmetic, x, y);

    /// <summary>y[i] = the sine of x; NaN where |x| &gt; 12800.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Sin(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<SinFunction>(arithmetic, x, y);

    /// <summary>y[i] = the cosine of x; NaN where |x| &gt; 12800.</summary>
    /// <param name="arithmetic">How the polynomials multiply and add.</param>
    /// <param name="x">n elements.</param>
    /// <param name="y">n results; may be x itself.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap in another way than being the same.</exception>
    public static void Cos(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) => UnaryKernel.Run<CosFunction>(arithmetic, x, y);

    internal readonly struct ExpFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Exp(x);
    }

    internal readonly struct LogFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Log(x);
    }

    internal readonly struct Log1PFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Log1P(x);
    }

    internal readonly struct TanhFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Tanh(x);
    }

    internal readonly struct SigmoidFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Sigmoid(x);
    }

    internal readonly struct ErfFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Erf(x);
    }

    internal readonly struct SinFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Sin(x);
    }

    internal readonly struct CosFunction : IUnaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Cos(x);
    }
}
