using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>A formula of one variable, written once over lanes.</summary>
internal interface IUnaryFunction
{
    static abstract T Invoke<T>(T x) where T : struct, IFloatLanes<T>;
}

/// <summary>y[i] = f(x[i]): the driver that owns the loop and its tail. In place is allowed, any other overlap is not.</summary>
internal static class UnaryKernel
{
    public static void Run<TFunction>(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y) where TFunction : struct, IUnaryFunction
    {
        if (x.Length != y.Length)
        {
            throw new ArgumentException($"{typeof(TFunction).Name}: x has {x.Length} elements, y has {y.Length}.");
        }

        if (x.Overlaps(y, out int offset) && offset != 0)
        {
            throw new ArgumentException($"{typeof(TFunction).Name}: x and y overlap, shifted by {offset} elements; only the same span is allowed.");
        }

        // Ten elements are two overlapping vectors of eight: a polynomial costs the same for one lane and for all.
        LaneDispatch.RunWithin<Kernel<TFunction>, Arguments>(arithmetic, x.Length, new Arguments(x, y));
    }

    internal readonly ref struct Arguments(ReadOnlySpan<float> x, Span<float> y)
    {
        public readonly ReadOnlySpan<float> X = x;
        public readonly Span<float> Y = y;
    }

    internal readonly struct Kernel<TFunction> : ILaneKernel<Arguments> where TFunction : struct, IUnaryFunction
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref readonly float x = ref MemoryMarshal.GetReference(arguments.X);
            ref float y = ref MemoryMarshal.GetReference(arguments.Y);
            nuint n = (nuint)arguments.X.Length;
            if (n >= (nuint)T.Count)
            {
                Vectors<T>(in x, ref y, n);
            }
            else if (n != 0)
            {
                Vectors<TTail>(in x, ref y, n);
            }
        }

        private static void Vectors<T>(ref readonly float x, ref float y, nuint n) where T : struct, IFloatLanes<T>
        {
            // The last vector overlaps its neighbour where n is no multiple. It is read before anything is written: y may be x.
            nuint end = n - (nuint)T.Count;
            T last = T.Load(in x, end);
            for (nuint i = 0; i < end; i += (nuint)T.Count)
            {
                T.Store(TFunction.Invoke(T.Load(in x, i)), ref y, i);
            }

            T.Store(TFunction.Invoke(last), ref y, end);
        }
    }
}
