using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export;

/// <summary>A step of the plan as an op's C text sees it: names of C instead of offsets.</summary>
/// <param name="Step">The step.</param>
/// <param name="Number">Counted from 1, as layers are in Nielsen's book.</param>
/// <param name="Inputs">The C expressions of the inputs.</param>
/// <param name="Output">The C expression of the output.</param>
/// <param name="Tables">The op's tables in the order of its parameters, and behind them what it keeps without training it.</param>
/// <param name="Scratch">The C expression of memory that dies with the step; NULL where it needs none.</param>
/// <param name="State">The C expressions of what the op carries from call to call.</param>
internal sealed record CStep(Step Step, int Number, string[] Inputs, string Output, CTable[] Tables, string Scratch, string[] State)
{
    /// <summary>The layer's name, fit for a comment.</summary>
    public string Name => CText.Comment(Step.Name);

    /// <summary>Numbers of the first input.</summary>
    public int InputLength => Step.Inputs[0].Columns;

    /// <summary>The shape of an input.</summary>
    public Shape InputShape(int index) => Step.InputNodes[index].Shape;

    /// <summary>The shape of the output.</summary>
    public Shape OutputShape => Step.Node.Shape;

    /// <summary>Numbers of the output.</summary>
    public int OutputLength => Step.Output.Columns;
}
