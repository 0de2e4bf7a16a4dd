using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Kernels;

/// <summary>The checks in a kernel's first lines: every length is compared once, after that a kernel walks by reference and offset.</summary>
[StackTraceHidden]
internal static class Require
{
    /// <summary>A size is not negative.</summary>
    public static void Size(string kernel, string name, int size)
    {
        if (size < 0)
        {
            ThrowSize(kernel, name, size);
        }
    }

    /// <summary>A row-major matrix [rows, columns] with a leading dimension fits into its span.</summary>
    public static void Matrix(string kernel, string name, int rows, int columns, int leading, int length)
    {
        if ((rows | columns) < 0)
        {
            ThrowSize(kernel, name, rows < 0 ? rows : columns);
        }

        if (leading < columns && rows > 1)
        {
            ThrowLeading(kernel, name, columns, leading);
        }

        // The last row needs its columns only: the floats after them may belong to others.
        if (rows > 0 && columns > 0 && length < ((rows - 1) * (long)leading) + columns)
        {
            ThrowMatrix(kernel, name, rows, columns, leading, length);
        }
    }

    /// <summary>A vector has at least the floats the kernel reads.</summary>
    public static void AtLeast(string kernel, string name, int expected, int length)
    {
        if (length < expected)
        {
            ThrowLength(kernel, name, expected, length);
        }
    }

    /// <summary>A vector has exactly the expected length.</summary>
    public static void Equal(string kernel, string name, int expected, int length)
    {
        if (length != expected)
        {
            ThrowLength(kernel, name, expected, length);
        }
    }

    /// <summary>A bias is absent or has one float a column.</summary>
    public static void Bias(string kernel, int columns, int length)
    {
        if (length != 0 && length < columns)
        {
            ThrowLength(kernel, "bias", columns, length);
        }
    }

    /// <summary>A convolution's spans hold its samples.</summary>
    public static void Conv(string kernel, in ConvSizes sizes, int batch, int image, int leadingImage, int kernels, int maps, int leadingMaps)
    {
        sizes.Require(kernel);
        Matrix(kernel, "image", batch, sizes.InputLength, leadingImage, image);
        AtLeast(kernel, "kernels", sizes.Weights, kernels);
        Matrix(kernel, "maps", batch, sizes.SampleOutputs, leadingMaps, maps);
    }

    /// <summary>
    /// A destination does not share floats with a source. Only where both lie without gaps is an overlap of spans one of elements:
    /// with gaps, two matrices may interleave (columns of a concatenation).
    /// </summary>
    public static void Apart(
        string kernel, string name, ReadOnlySpan<float> source, int rows, int columns, int leading,
        ReadOnlySpan<float> destination, int m, int n, int ldc)
    {
        if (rows > 0 && columns > 0 && m > 0 && n > 0 && (rows == 1 || leading == columns) && (m == 1 || ldc == n)
            && source[..(rows * columns)].Overlaps(destination[..(m * n)]))
        {
            ThrowOverlap(kernel, name);
        }
    }

    /// <summary>A destination is a source itself, or shares nothing with it.</summary>
    public static void SameOrApart(string kernel, string name, ReadOnlySpan<float> source, ReadOnlySpan<float> destination)
    {
        if (source.Overlaps(destination, out int offset) && offset != 0)
        {
            ThrowShifted(kernel, name, offset);
        }
    }

    [DoesNotReturn]
    private static void ThrowOverlap(string kernel, string name) =>
        throw new ArgumentException($"{kernel}: {name} overlaps the destination", name);

    [DoesNotReturn]
    private static void ThrowShifted(string kernel, string name, int offset) =>
        throw new ArgumentException($"{kernel}: {name}: expected the destination itself or another span, got one shifted by {offset} floats", name);

    [DoesNotReturn]
    private static void ThrowSize(string kernel, string name, int size) =>
        throw new ArgumentException($"{kernel}: size of {name}: expected 0 or more, got {size}", name);

    [DoesNotReturn]
    private static void ThrowLeading(string kernel, string name, int columns, int leading) =>
        throw new ArgumentException($"{kernel}: leading dimension of {name}: expected at least {columns}, got {leading}", name);

    [DoesNotReturn]
    private static void ThrowMatrix(string kernel, string name, int rows, int columns, int leading, int length) =>
        throw new ArgumentException(
            $"{kernel}: {name} [{rows}, {columns}] with leading dimension {leading}: expected {((rows - 1) * (long)leading) + columns} floats, got {length}",
            name);

    [DoesNotReturn]
    private static void ThrowLength(string kernel, string name, int expected, int length) =>
        throw new ArgumentException($"{kernel}: {name}: expected {expected} floats, got {length}", name);
}
