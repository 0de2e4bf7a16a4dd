namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// Which output an element of a weight tensor belongs to: element (g, i, j, k) of [groups][before][outputs][after] belongs to output g outputs + j.
/// </summary>
/// <remarks>Dense [inputs][outputs]; convolution [outputs][taps]; transposed convolution [groups][channels][filters][taps].</remarks>
/// <param name="Groups">Groups of a transposed convolution, else 1.</param>
/// <param name="Before">Elements of the sizes before the output's.</param>
/// <param name="Outputs">Outputs of a group; of a dense layer the stride of its rows.</param>
/// <param name="After">Elements of the sizes after it.</param>
internal readonly record struct WeightAxis(int Groups, int Before, int Outputs, int After)
{
    /// <summary>Elements.</summary>
    public int Count => Groups * Before * Outputs * After;

    /// <summary>Weights of one output.</summary>
    public int Terms => Before * After;

    /// <summary>Runs of neighbours that belong to one output; each has After elements.</summary>
    public int Runs => Groups * Before * Outputs;

    /// <summary>The output of a run.</summary>
    public int OutputOfRun(int run) => (run / (Before * Outputs) * Outputs) + (run % Outputs);

    /// <summary>The output of an element.</summary>
    public int OutputOf(int element)
    {
        int inGroup = Before * Outputs * After;
        return (element / inGroup * Outputs) + (element / After % Outputs);
    }
}
