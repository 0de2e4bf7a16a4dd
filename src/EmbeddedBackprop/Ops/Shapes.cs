using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>The checks of ops on the shapes of their inputs.</summary>
internal static class Shapes
{
    /// <summary>The shape of the one input; an op that is applied twice has one shape.</summary>
    /// <param name="name">The node, for error messages.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="bound">The shape of the op's first use; set at that.</param>
    public static Shape Single(string name, ReadOnlySpan<Node> inputs, ref Shape bound)
    {
        if (inputs.Length != 1)
        {
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        return Bind(name, inputs[0], ref bound);
    }

    /// <summary>The node's shape, which must be the one of the op's first use.</summary>
    public static Shape Bind(string name, Node input, ref Shape bound)
    {
        if (bound.Rank != 0 && bound != input.Shape)
        {
            OpErrors.InputShape(name, bound, input.Shape, input.Name);
        }

        bound = input.Shape;
        return bound;
    }

    /// <summary>The shape that all inputs have.</summary>
    public static Shape Equal(string name, ReadOnlySpan<Node> inputs, int minimum, int maximum)
    {
        if (inputs.Length < minimum || inputs.Length > maximum)
        {
            GraphErrors.InputCount(name, inputs.Length < minimum ? minimum : maximum, inputs.Length);
        }

        foreach (Node input in inputs)
        {
            if (input.Shape != inputs[0].Shape)
            {
                GraphErrors.SizesDiffer(name, inputs[0].Name, inputs[0].Shape, input.Name, input.Shape);
            }
        }

        return inputs[0].Shape;
    }
}
