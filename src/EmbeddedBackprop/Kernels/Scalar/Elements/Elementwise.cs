using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// Element-wise arithmetic as textbook loops: the definitions of <see cref="Kernels.Elementwise"/>. Every destination may be one of its sources.
/// </summary>
public static class Elementwise
{
    /// <summary>d[i] = x[i] + y[i].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Add", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Add", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = x[i] + y[i];
        }
    }

    /// <summary>d[i] = x[i] + y.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add<T>(ReadOnlySpan<T> x, T y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Add", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = x[i] + y;
        }
    }

    /// <summary>d[i] = x[i] / y.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The dividends.</param>
    /// <param name="y">The divisor.</param>
    /// <param name="destination">The quotients, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Divide<T>(ReadOnlySpan<T> x, T y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Divide", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = x[i] / y;
        }
    }

    /// <summary>d[i] = x[i] - y[i].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Subtract<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Subtract", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Subtract", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = x[i] - y[i];
        }
    }

    /// <summary>d[i] = x[i] * y[i].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The left operand.</param>
    /// <param name="y">The right operand, of the same length.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Multiply<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Multiply", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.Multiply", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = x[i] * y[i];
        }
    }

    /// <summary>d[i] = alpha * x[i].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Scale<T>(T alpha, ReadOnlySpan<T> x, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Scale", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = alpha * x[i];
        }
    }

    /// <summary>y[i] = M(alpha, x[i], y[i]): SGD's update with alpha = -eta.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values.</param>
    /// <param name="y">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void MultiplyAdd<T>(Arithmetic arithmetic, T alpha, ReadOnlySpan<T> x, Span<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.MultiplyAdd", nameof(y), x.Length, y.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            MultiplyAdd<T, Fused>(alpha, x, y);
        }
        else
        {
            MultiplyAdd<T, Separate>(alpha, x, y);
        }
    }

    /// <summary>d[i] = M(x[i], y[i], d[i]): a product added to d[i].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The one factor.</param>
    /// <param name="y">The other, of the same length.</param>
    /// <param name="destination">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void MultiplyAdd<T>(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.MultiplyAdd", nameof(y), x.Length, y.Length);
        Require.Equal("Elementwise.MultiplyAdd", nameof(destination), x.Length, destination.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            MultiplyAdd<T, Fused>(x, y, destination);
        }
        else
        {
            MultiplyAdd<T, Separate>(x, y, destination);
        }
    }

    /// <summary>d[i] = M(alpha, x[i] - d[i], d[i]): a step from d towards x.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="alpha">The share of the way.</param>
    /// <param name="x">Where the way leads.</param>
    /// <param name="destination">The values that move, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Blend<T>(Arithmetic arithmetic, T alpha, ReadOnlySpan<T> x, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Blend", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = arithmetic == Arithmetic.Fused
                ? ScalarMath.MultiplyAdd<T, Fused>(alpha, x[i] - destination[i], destination[i])
                : ScalarMath.MultiplyAdd<T, Separate>(alpha, x[i] - destination[i], destination[i]);
        }
    }

    /// <summary>t = x[i] &gt; low ? x[i] : low; d[i] = t &gt; high ? high : t. By these selects a NaN becomes low.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="low">The lower bound.</param>
    /// <param name="high">The upper bound.</param>
    /// <param name="x">The values.</param>
    /// <param name="destination">The results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Clip<T>(T low, T high, ReadOnlySpan<T> x, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.Clip", nameof(destination), x.Length, destination.Length);
        for (int i = 0; i < x.Length; i++)
        {
            T t = x[i] > low ? x[i] : low;
            destination[i] = t > high ? high : t;
        }
    }

    /// <summary>y[i] = y[i] + (x[i] &gt; 0 ? alpha : 0 &gt; x[i] ? -alpha : +0): the gradient of alpha * |x|.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="alpha">The factor.</param>
    /// <param name="x">The values whose signs count; a NaN has none.</param>
    /// <param name="y">The sums, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void AddSign<T>(T alpha, ReadOnlySpan<T> x, Span<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Elementwise.AddSign", nameof(y), x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            y[i] += x[i] > T.Zero ? alpha : T.Zero > x[i] ? -alpha : T.Zero;
        }
    }

    /// <summary>d[i] = value.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="destination">The span to fill.</param>
    public static void Fill<T>(T value, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = value;
        }
    }

    private static void MultiplyAdd<T, TArithmetic>(T alpha, ReadOnlySpan<T> x, Span<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = ScalarMath.MultiplyAdd<T, TArithmetic>(alpha, x[i], y[i]);
        }
    }

    private static void MultiplyAdd<T, TArithmetic>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < x.Length; i++)
        {
            destination[i] = ScalarMath.MultiplyAdd<T, TArithmetic>(x[i], y[i], destination[i]);
        }
    }
}
