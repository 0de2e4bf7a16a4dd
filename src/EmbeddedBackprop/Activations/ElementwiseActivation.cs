using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>Runs an <see cref="IActivationFunction"/> over whole batches: a = f(z) and delta = dL/da * f'(z).</summary>
/// <typeparam name="TFunction">The function.</typeparam>
public sealed class Activation<TFunction> : Activation where TFunction : struct, IActivationFunction
{
    /// <inheritdoc/>
    public override string Name => TFunction.Name;

    /// <inheritdoc/>
    public override bool KeepsInput => TFunction.DerivativeReadsInput;

    /// <inheritdoc/>
    public override void Forward(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) =>
        LaneDispatch.Run<ValueKernel, Arguments>(arithmetic, new Arguments(z[..(rows * stride)], default, a[..(rows * stride)]));

    /// <inheritdoc/>
    public override void Backward(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta) =>
        LaneDispatch.Run<DerivativeKernel, Arguments>(
            arithmetic, new Arguments(z[..(rows * stride)], a[..(rows * stride)], delta[..(rows * stride)]));

    /// <inheritdoc/>
    public override void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                a[i] = arithmetic == Arithmetic.Fused
                    ? TFunction.Value(new Lane<Fused>(z[i])).Value
                    : TFunction.Value(new Lane<Separate>(z[i])).Value;
            }
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                delta[i] *= arithmetic == Arithmetic.Fused
                    ? TFunction.Derivative(new Lane<Fused>(z[i]), new Lane<Fused>(a[i])).Value
                    : TFunction.Derivative(new Lane<Separate>(z[i]), new Lane<Separate>(a[i])).Value;
            }
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                a[i] = TFunction.Value(new LaneDouble(z[i])).Value;
            }
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(
        int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int i = row * stride; i < (row * stride) + columns; i++)
            {
                delta[i] *= TFunction.Derivative(new LaneDouble(z[i]), new LaneDouble(a[i])).Value;
            }
        }
    }

    private readonly ref struct Arguments(ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> target)
    {
        public readonly ReadOnlySpan<float> Z = z;
        public readonly ReadOnlySpan<float> A = a;
        public readonly Span<float> Target = target;
    }

    private readonly struct ValueKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref float z = ref MemoryMarshal.GetReference(arguments.Z);
            ref float a = ref MemoryMarshal.GetReference(arguments.Target);
            nuint n = (nuint)arguments.Target.Length;
            nuint width = (nuint)T.Count;
            nuint i = 0;
            for (; n - i >= width; i += width)
            {
                T.Store(TFunction.Value(T.Load(ref z, i)), ref a, i);
            }

            for (; i < n; i++)
            {
                TTail.Store(TFunction.Value(TTail.Load(ref z, i)), ref a, i);
            }
        }
    }

    private readonly struct DerivativeKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref float z = ref MemoryMarshal.GetReference(arguments.Z);
            ref float a = ref MemoryMarshal.GetReference(arguments.A);
            ref float delta = ref MemoryMarshal.GetReference(arguments.Target);
            nuint n = (nuint)arguments.Target.Length;
            nuint width = (nuint)T.Count;
            nuint i = 0;
            for (; n - i >= width; i += width)
            {
                T.Store(T.Load(ref delta, i) * TFunction.Derivative(T.Load(ref z, i), T.Load(ref a, i)), ref delta, i);
            }

            for (; i < n; i++)
            {
                TTail.Store(TTail.Load(ref delta, i) * TFunction.Derivative(TTail.Load(ref z, i), TTail.Load(ref a, i)), ref delta, i);
            }
        }
    }
}
