using System.Diagnostics.CodeAnalysis;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels;

/// <summary>A view of rows in memory: element (i, j) is Values[i * Stride + j], with i below Rows and j below Columns.</summary>
/// <typeparam name="T">float or double.</typeparam>
[SuppressMessage("Performance", "CA1815", Justification = "A view of spans is not compared.")]
public readonly ref struct Matrix<T> where T : unmanaged
{
    /// <summary>Rows of a span; floats between two rows belong to others.</summary>
    /// <param name="values">All rows.</param>
    /// <param name="rows">Rows; of a batch, one per sample.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="stride">Elements from row to row, at least <paramref name="columns"/>.</param>
    public Matrix(Span<T> values, int rows, int columns, int stride)
        : this(values, rows, columns, stride, columns)
    {
    }

    internal Matrix(Span<T> values, int rows, int columns, int stride, int width)
    {
        Values = values;
        Rows = rows;
        Columns = columns;
        Stride = stride;
        Width = width;
    }

    /// <summary>All rows.</summary>
    public Span<T> Values { get; }

    /// <summary>Rows; of a batch, one per sample.</summary>
    public int Rows { get; }

    /// <summary>Elements of a row.</summary>
    public int Columns { get; }

    /// <summary>Elements from row to row.</summary>
    public int Stride { get; }

    /// <summary>
    /// Columns, and the padding after them. A vector kernel may compute padding along, so that a row has no ragged end; no result depends on it.
    /// </summary>
    public int Width { get; }

    /// <summary>The elements of a row, without padding.</summary>
    public Span<T> Row(int row) => Values.Slice(row * Stride, Columns);

    /// <summary>The elements of a row and its padding.</summary>
    internal Span<T> PaddedRow(int row) => Values.Slice(row * Stride, Width);

    /// <summary>Sets the padding to 0: gradients of padded weights stay 0, and the weights with them.</summary>
    public void ClearPadding() => Padding.Clear(Values, Rows, Columns, Width);
}
