using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>d[i] = f(x[i], y[i], d[i]) with two constants, written once over lanes. An operand that a formula does not use is not read from
/// memory.</summary>
internal interface IElementFormula
{
    static abstract T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T>;
}

/// <summary>The drivers of element-wise formulas: in vectors, one float at a time (the definition), and in double (the oracle).</summary>
/// <remarks>Matrices are [rows][stride], of which the first columns of each row mean something. Any source may be the destination itself.</remarks>
internal static class ElementFormula
{
    /// <summary>Over whole spans; padding between rows is computed along.</summary>
    public static void Run<TFormula>(
        Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> d, float alpha = 0f, float beta = 0f)
        where TFormula : struct, IElementFormula
    {
        Require.Equal("ElementFormula.Run", nameof(x), d.Length, x.Length);
        Require.Equal("ElementFormula.Run", nameof(y), d.Length, y.Length);
        ParallelRange.Run<Kernel<TFormula>, ElementFormulaArguments>(arithmetic, new(alpha, beta, x, y, d));
    }

    /// <summary>The definition: one float at a time.</summary>
    public static void RunScalar<TFormula>(
        Arithmetic arithmetic, int rows, int columns, int stride,
        ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> d, float alpha = 0f, float beta = 0f)
        where TFormula : struct, IElementFormula
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                d[i] = arithmetic == Arithmetic.Fused
                    ? One<TFormula, Fused>(x[i], y[i], d[i], alpha, beta)
                    : One<TFormula, Separate>(x[i], y[i], d[i], alpha, beta);
            }
        }
    }

    /// <summary>The oracle: the same in double.</summary>
    public static void RunScalar<TFormula>(
        int rows, int columns, int stride, ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> d, double alpha = 0.0, double beta = 0.0)
        where TFormula : struct, IElementFormula
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                d[i] = TFormula.Apply<LaneDouble>(new(x[i]), new(y[i]), new(d[i]), new(alpha), new(beta)).Value;
            }
        }
    }

    private static float One<TFormula, TArithmetic>(float x, float y, float d, float alpha, float beta)
        where TFormula : struct, IElementFormula
        where TArithmetic : struct, IArithmetic =>
        TFormula.Apply<Lane<TArithmetic>>(new(x), new(y), new(d), new(alpha), new(beta)).Value;

    private readonly struct Kernel<TFormula> : ILaneKernel<ElementFormulaArguments> where TFormula : struct, IElementFormula
    {
        public static void Run<T, TTail>(in ElementFormulaArguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            T alpha = T.Broadcast(g.Alpha), beta = T.Broadcast(g.Beta);
            nuint i = 0;
            for (; g.Length - i >= (nuint)T.Count; i += (nuint)T.Count)
            {
                T d = TFormula.Apply(T.Load(in g.X, i), T.Load(in g.Y, i), T.Load(ref g.Destination, i), alpha, beta);
                T.Store(d, ref g.Destination, i);
            }

            TTail one = TTail.Broadcast(g.Alpha), other = TTail.Broadcast(g.Beta);
            for (; i < g.Length; i++)
            {
                TTail d = TFormula.Apply(TTail.Load(in g.X, i), TTail.Load(in g.Y, i), TTail.Load(ref g.Destination, i), one, other);
                TTail.Store(d, ref g.Destination, i);
            }
        }
    }
}
