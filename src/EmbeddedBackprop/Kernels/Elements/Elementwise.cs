using System.Numerics.Tensors;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels;

/// <summary>Element-wise arithmetic with the bits of <see cref="Scalar.Elementwise"/>. Every destination may be one of its sources.</summary>
public static class Elementwise
{
    /// <summary>d[i] = x[i] + y[i].</summary>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void Add(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination)
    {
        Require.Equal("Elementwise.Add", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Add", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Add(x, y, destination);
    }

    /// <summary>d[i] = x[i] + y.</summary>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps the source without being it.</exception>
    public static void Add(ReadOnlySpan<float> x, float y, Span<float> destination)
    {
        Require.Equal("Elementwise.Add", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Add(x, y, destination);
    }

    /// <summary>d[i] = x[i] / y.</summary>
    /// <param name="x">The dividends.</param>
    /// <param name="y">The divisor.</param>
    /// <param name="destination">The quotients, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps the source without being it.</exception>
    public static void Divide(ReadOnlySpan<float> x, float y, Span<float> destination)
    {
        Require.Equal("Elementwise.Divide", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Divide(x, y, destination);
    }

    /// <summary>d[i] = x[i] - y[i].</summary>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void Subtract(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination)
    {
        Require.Equal("Elementwise.Subtract", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Subtract", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Subtract(x, y, destination);
    }

    /// <summary>d[i] = x[i] * y[i].</summary>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void Multiply(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination)
    {
        Require.Equal("Elementwise.Multiply", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Multiply", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Multiply(x, y, destination);
    }

    /// <summary>d[i] = alpha * x[i].</summary>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void Scale(float alpha, ReadOnlySpan<float> x, Span<float> destination)
    {
        Require.Equal("Elementwise.Scale", nameof(destination), x.Length, destination.Length);
        TensorPrimitives.Multiply(x, alpha, destination);
    }

    /// <summary>y[i] = M(alpha, x[i], y[i]): SGD's update with alpha = -eta.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values.</param>
    /// <param name="y">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void MultiplyAdd(Arithmetic arithmetic, float alpha, ReadOnlySpan<float> x, Span<float> y)
    {
        Require.Equal("Elementwise.MultiplyAdd", nameof(y), x.Length, y.Length);
        Require.SameOrApart("Elementwise.MultiplyAdd", nameof(x), x, y);
        ElementFormula.Run<ScaledAdd>(arithmetic, x, x, y, alpha);
    }

    /// <summary>d[i] = M(x[i], y[i], d[i]): a product added to d[i].</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The one factor.</param>
    /// <param name="y">The other, of the same length.</param>
    /// <param name="destination">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void MultiplyAdd(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination)
    {
        Require.Equal("Elementwise.MultiplyAdd", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.MultiplyAdd", nameof(destination), x.Length, destination.Length);
        Require.SameOrApart("Elementwise.MultiplyAdd", nameof(x), x, destination);
        Require.SameOrApart("Elementwise.MultiplyAdd", nameof(y), y, destination);
        ElementFormula.Run<ProductAdd>(arithmetic, x, y, destination);
    }

    /// <summary>d[i] = M(alpha, x[i] - d[i], d[i]): a step from d towards x.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="alpha">The share of the way.</param>
    /// <param name="x">Where the way leads.</param>
    /// <param name="destination">The values that move, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps the source without being it.</exception>
    public static void Blend(Arithmetic arithmetic, float alpha, ReadOnlySpan<float> x, Span<float> destination)
    {
        Require.Equal("Elementwise.Blend", nameof(destination), x.Length, destination.Length);
        Require.SameOrApart("Elementwise.Blend", nameof(x), x, destination);
        ElementFormula.Run<BlendInto>(arithmetic, x, x, destination, alpha);
    }

    /// <summary>t = x[i] &gt; low ? x[i] : low; d[i] = t &gt; high ? high : t. By these selects a NaN becomes low.</summary>
    /// <param name="low">The lower bound.</param>
    /// <param name="high">The upper bound.</param>
    /// <param name="x">The values.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the destination overlaps a source without being it.</exception>
    public static void Clip(float low, float high, ReadOnlySpan<float> x, Span<float> destination)
    {
        Require.Equal("Elementwise.Clip", nameof(destination), x.Length, destination.Length);
        Require.SameOrApart("Elementwise.Clip", nameof(x), x, destination);
        ElementFormula.Run<ClipBetween>(LaneDispatch.Either, x, x, destination, low, high);
    }

    /// <summary>y[i] = y[i] + (x[i] &gt; 0 ? alpha : 0 &gt; x[i] ? -alpha : +0): the gradient of alpha * |x|.</summary>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values whose signs count; a NaN has none.</param>
    /// <param name="y">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void AddSign(float alpha, ReadOnlySpan<float> x, Span<float> y)
    {
        Require.Equal("Elementwise.AddSign", nameof(y), x.Length, y.Length);
        ElementFormula.Run<SignAdd>(LaneDispatch.Either, x, x, y, alpha);
    }

    /// <summary>d[i] = value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="destination">The span to fill.</param>
    public static void Fill(float value, Span<float> destination)
    {
        destination.Fill(value);
    }
}
