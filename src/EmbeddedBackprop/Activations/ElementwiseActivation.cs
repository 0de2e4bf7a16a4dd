using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

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
        ElementFormula.Run<Value>(arithmetic, z[..(rows * stride)], z[..(rows * stride)], a[..(rows * stride)]);

    /// <inheritdoc/>
    public override void Backward(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta) =>
        ElementFormula.Run<Delta>(arithmetic, z[..(rows * stride)], a[..(rows * stride)], delta[..(rows * stride)]);

    /// <inheritdoc/>
    public override void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) =>
        ElementFormula.RunScalar<Value>(arithmetic, rows, columns, stride, z, z, a);

    /// <inheritdoc/>
    public override void BackwardScalar(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta) =>
        ElementFormula.RunScalar<Delta>(arithmetic, rows, columns, stride, z, a, delta);

    /// <inheritdoc/>
    public override void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a) =>
        ElementFormula.RunScalar<Value>(rows, columns, stride, z, z, a);

    /// <inheritdoc/>
    public override void BackwardScalar(
        int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta) =>
        ElementFormula.RunScalar<Delta>(rows, columns, stride, z, a, delta);

    internal override bool IsElementwise => true;

    internal override LaneText? ValueText(LaneText z) => TFunction.Value(z);

    internal override LaneText? DerivativeText(LaneText z, LaneText a) => TFunction.Derivative(z, a);

    internal override string Equation => TFunction.Equation;

    internal override OneSampleAffine? OneSampleAffine(Arithmetic arithmetic, OneSampleOffsets places) =>
        new OneSampleAffine<Value>(arithmetic, places);

    /// <summary>a = f(z).</summary>
    private readonly struct Value : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.Value(x);
    }

    /// <summary>delta = dL/da * f'(z).</summary>
    private readonly struct Delta : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => d * TFunction.Derivative(x, y);
    }
}
