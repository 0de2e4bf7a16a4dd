using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The parameters and the state of a step on integers, of which its op makes the tables of the C, and what its integers mean.</summary>
/// <param name="step">The step.</param>
/// <param name="arithmetic">The arithmetic of functions in tables.</param>
/// <param name="parameters">All parameters, in the layout of the step's plan.</param>
/// <param name="state">All state, in the layout of the step's plan.</param>
/// <param name="table">Makes a table from a name, a description, the type of its elements, and these.</param>
internal sealed class CTableSource(
    Step step, Arithmetic arithmetic, float[] parameters, float[] state, Func<string, string, CElement, int[], CTable> table)
{
    /// <summary>The step's op.</summary>
    public Op Op => step.Op;

    /// <summary>The arithmetic of functions in tables.</summary>
    public Arithmetic Arithmetic => arithmetic;

    /// <summary>Whether a second input is a mask.</summary>
    public bool IsMasked => step.InputNodes.Length > 1;

    /// <summary>The shape of the first input.</summary>
    public Shape InputShape => step.InputNodes[0].Shape;

    /// <summary>What the integers of an input mean.</summary>
    public IntegerType InputType(int index) => step.InputTypes[index].Read<float>(state);

    /// <summary>What the integers of the output mean.</summary>
    public IntegerType OutputType => step.OutputType.Read<float>(state);

    /// <summary>One of the op's parameters, without padding.</summary>
    public ReadOnlySpan<float> Parameter(int index) => parameters.AsSpan(step.Ranges[index].Offset, step.Ranges[index].Count);

    /// <summary>One of the op's ranges of state.</summary>
    public Span<float> State(int index) => state.AsSpan(step.StateRanges[index].Offset, step.StateRanges[index].Count);

    /// <summary>A table of the op.</summary>
    /// <param name="name">What follows the op's name and a dot.</param>
    /// <param name="what">What it holds, for a comment.</param>
    /// <param name="element">The type of its elements.</param>
    /// <param name="values">Its elements.</param>
    public CTable Table(string name, string what, CElement element, int[] values) =>
        table($"{step.Owner.Name}.{name}", $"{CText.Comment($"{step.Owner.Name}.{name}")}: {what}", element, values);
}
