namespace EmbeddedBackprop.Graphs;

/// <summary>How rows are stored. The bits of every result are equal in both: padding never enters a sum.</summary>
public enum Layout
{
    /// <summary>Rows begin at multiples of 16 floats, so that no product has a ragged edge: for speed.</summary>
    Padded,

    /// <summary>Rows follow each other without a gap: for small memories, files and the exported C.</summary>
    Compact,
}

/// <summary>The arithmetic of layouts.</summary>
internal static class Layouts
{
    /// <summary>One 512-bit register of floats, and one cache line.</summary>
    public const int PaddedMultiple = 16;

    /// <summary>Floats from row to row for rows of the given length. A single column is never padded: its products are dot products.</summary>
    public static int Stride(this Layout layout, int length) =>
        layout == Layout.Compact || length == 1 ? length : RoundUp(length, PaddedMultiple);

    /// <summary>Where the next buffer may begin.</summary>
    public static int Align(this Layout layout, int offset) => layout == Layout.Compact ? offset : RoundUp(offset, PaddedMultiple);

    private static int RoundUp(int value, int multiple)
    {
        long rounded = ((long)value + multiple - 1) / multiple * multiple;
        if (rounded > int.MaxValue)
        {
            Errors.TooLarge("padded row", rounded);
        }

        return (int)rounded;
    }
}

/// <summary>Collects the parameters of the ops one after the other in the flat span.</summary>
public sealed class ParameterLayout
{
    private readonly List<ParameterRange> ranges = [];

    internal ParameterLayout(Layout layout) => Layout = layout;

    /// <summary>Padded or compact.</summary>
    public Layout Layout { get; }

    /// <summary>The ranges so far.</summary>
    public IReadOnlyList<ParameterRange> Ranges => ranges;

    /// <summary>Floats so far.</summary>
    internal int Length { get; private set; }

    /// <summary>Adds a weight with one row per input and one column per output.</summary>
    public void AddWeight(string name, int inputs, int outputs) => Add(name, ParameterKind.Weight, inputs, outputs);

    /// <summary>Adds a bias with one value per output.</summary>
    public void AddBias(string name, int outputs) => Add(name, ParameterKind.Bias, 1, outputs);

    /// <summary>
    /// Adds a tensor that is stored in memory exactly as in files, without padding: convolution kernels, factors of a normalisation, embedding
    /// tables.
    /// </summary>
    /// <param name="name">Op and part, unique in the graph.</param>
    /// <param name="kind">The use of the tensor.</param>
    /// <param name="fileShape">Its sizes, outermost first.</param>
    /// <exception cref="ArgumentException">There are no sizes, or one is not positive.</exception>
    public void AddTensor(string name, ParameterKind kind, params ReadOnlySpan<int> fileShape)
    {
        long count = fileShape.Length == 0 ? 0 : 1;
        foreach (int size in fileShape)
        {
            count = Math.Min(count * Errors.RequirePositive(name, size), int.MaxValue);
        }

        if (count is 0 or int.MaxValue)
        {
            Errors.TooLarge(name, count);
        }

        Add(name, kind, 1, (int)count, fileShape.ToArray());
    }

    private void Add(string name, ParameterKind kind, int rows, int columns, int[]? dimensions = null)
    {
        int offset = Layout.Align(Length);
        int stride = dimensions is null ? Layout.Stride(columns) : columns;
        long end = offset + ((long)rows * stride);
        if (end > int.MaxValue)
        {
            Errors.TooLarge(name, end);
        }

        ranges.Add(new ParameterRange(name, kind, offset, rows, columns, stride) { Dimensions = dimensions });
        Length = (int)end;
    }
}
