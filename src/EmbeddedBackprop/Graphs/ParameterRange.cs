namespace EmbeddedBackprop.Graphs;

/// <summary>The use of a parameter: regularisation treats weights and biases differently.</summary>
public enum ParameterKind
{
    /// <summary>Multiplies an input: decayed by L1, L2 and weight decay.</summary>
    Weight,

    /// <summary>Is added: not decayed unless asked for.</summary>
    Bias,

    /// <summary>The factor of a normalisation (gamma): begins with 1, not decayed unless asked for.</summary>
    Scale,
}

/// <summary>
/// One tensor inside the flat parameter span. Element (row, column) is at Offset + row * Stride + column; a dense weight has a row per input
/// and a column per output. Files and the public view are [out, in]: the transpose. A tensor with <see cref="Dimensions"/> is stored in the
/// order of files: one row that holds all its elements.
/// </summary>
/// <param name="Name">Layer and part, as in dense1.weight.</param>
/// <param name="Kind">Weight, bias or scale.</param>
/// <param name="Offset">Where the tensor begins, in floats.</param>
/// <param name="Rows">Rows in memory (inputs; 1 for a bias).</param>
/// <param name="Columns">Columns in memory that mean something (outputs).</param>
/// <param name="Stride">Floats from row to row; at least <paramref name="Columns"/>.</param>
public readonly record struct ParameterRange(string Name, ParameterKind Kind, int Offset, int Rows, int Columns, int Stride)
{
    /// <summary>
    /// The sizes of a tensor that is stored in the order of files, outermost first, as in [out, in, kernel rows, kernel columns]; null for a dense
    /// weight or a bias.
    /// </summary>
    public int[]? Dimensions { get; init; }

    /// <summary>Elements that one output sums over: the inputs of a dense weight, all sizes but the first of a tensor in file order.</summary>
    public int FanIn => Dimensions is null ? Rows : Dimensions.Length == 1 ? 1 : Columns / Dimensions[0];

    /// <summary>Outputs that one element reaches: the outputs of a dense weight, all sizes but the second of a tensor in file order.</summary>
    public int FanOut => Dimensions is null || Dimensions.Length == 1 ? Columns : Columns / Dimensions[1];

    /// <summary>Floats in memory, padding included.</summary>
    public int Length => Rows * Stride;

    /// <summary>Elements, without padding.</summary>
    public int Count => Rows * Columns;

    /// <summary>The shape in files: [out, in] for a dense weight, [out] for a bias.</summary>
    public int[] FileShape => Dimensions is not null ? [.. Dimensions] : Kind == ParameterKind.Weight ? [Columns, Rows] : [Columns];

    /// <summary>Copies the tensor out of the flat span into compact [out, in] order.</summary>
    /// <exception cref="ArgumentException">The destination does not hold <see cref="Count"/> elements.</exception>
    public void CopyTo<T>(ReadOnlySpan<T> parameters, Span<T> compact) where T : unmanaged
    {
        if (compact.Length != Count)
        {
            Errors.LengthDiffers(Name, Count, compact.Length);
        }

        int next = 0;
        for (int column = 0; column < Columns; column++)
        {
            for (int row = 0; row < Rows; row++)
            {
                compact[next++] = parameters[Offset + (row * Stride) + column];
            }
        }
    }

    /// <summary>Copies compact [out, in] elements into the flat span; padding is not changed.</summary>
    /// <exception cref="ArgumentException">The source does not hold <see cref="Count"/> elements.</exception>
    public void CopyFrom<T>(ReadOnlySpan<T> compact, Span<T> parameters) where T : unmanaged
    {
        if (compact.Length != Count)
        {
            Errors.LengthDiffers(Name, Count, compact.Length);
        }

        int next = 0;
        for (int column = 0; column < Columns; column++)
        {
            for (int row = 0; row < Rows; row++)
            {
                parameters[Offset + (row * Stride) + column] = compact[next++];
            }
        }
    }
}
