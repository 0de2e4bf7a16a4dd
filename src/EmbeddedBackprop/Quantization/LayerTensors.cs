using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>The parameters and the state of a network by name, and the output that a weight belongs to.</summary>
internal static class LayerTensors
{
    /// <summary>A parameter tensor, [rows][stride].</summary>
    public static Span<float> Parameter(Network network, string name, out ParameterRange range)
    {
        foreach (ref readonly ParameterRange candidate in network.InferencePlan.Parameters)
        {
            if (candidate.Name == name)
            {
                range = candidate;
                return network.BorrowParameters().Slice(range.Offset, range.Length);
            }
        }

        QuantizationErrors.NoTensor(name);
        range = default;
        return default;
    }

    /// <summary>A range of state.</summary>
    public static Span<float> State(Network network, string name)
    {
        foreach (ref readonly StateRange range in network.InferencePlan.State)
        {
            if (range.Name == name)
            {
                return network.BorrowState().Slice(range.Offset, range.Count);
            }
        }

        QuantizationErrors.NoTensor(name);
        return default;
    }

    /// <summary>
    /// The output of the weight in this column of a tensor: [inputs][outputs] of a dense layer, [outputs, taps ...] of a convolution, [inputs,
    /// outputs of a group, rows, columns] of a transposed one.
    /// </summary>
    public static int OutputOf(Op layer, in ParameterRange weight, int column)
    {
        if (weight.Dimensions is not { } sizes)
        {
            return column;
        }

        if (layer is not ConvTranspose2D transposed)
        {
            return column / (weight.Columns / sizes[0]);
        }

        int kernel = sizes[2] * sizes[3], row = column / kernel;
        int group = row / sizes[1] / (sizes[0] / transposed.Options.Groups);
        return (group * sizes[1]) + (row % sizes[1]);
    }
}
