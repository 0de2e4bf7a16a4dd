namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The output that a weight belongs to, in a table that is seen as [.. of Outer elements][Outputs][Inner]: int8 tables have a scale for each output.
/// </summary>
/// <param name="Inner">Neighbours in the table that belong to the same output.</param>
/// <param name="Outputs">Outputs of one outer part.</param>
/// <param name="Outer">
/// Elements after which the count of outputs continues (grouped transposed convolutions), or starts again if the whole table is one part.
/// </param>
internal readonly record struct CScaleAxis(int Inner, int Outputs, int Outer)
{
    /// <summary>A table with one row for each input or index, and a column for each output.</summary>
    public static CScaleAxis Columns(int outputs) => new(1, outputs, int.MaxValue);

    /// <summary>A table in which all weights of an output are contiguous.</summary>
    public static CScaleAxis Rows(int inner, int outputs) => new(inner, outputs, int.MaxValue);

    /// <summary>The output of the weight at an index of the table.</summary>
    public int Output(int index) => (index / Outer * Outputs) + (index / Inner % Outputs);

    /// <summary>All outputs of a table of so many elements.</summary>
    public int Count(int length) => (int)(((long)length + Outer - 1) / Outer) * Outputs;
}
