using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>The scratch of a recurrent layer on integers, one direction at a time.</summary>
internal readonly struct IntegerRecurrentSizes
{
    public IntegerRecurrentSizes(IntegerRecurrent op, int batch, Layout layout)
    {
        Recurrent layer = op.Layer;
        HiddenStride = layout.Stride(layer.Hidden);
        FeatureStride = layout.Stride(layer.Features);
        ProductStride = layout.Stride(op.Columns);
        WeightAxis input = op.Axis(hidden: false, layout), hidden = op.Axis(hidden: true, layout);
        InputIntegers = LayerIntegers.Length(input);
        HiddenIntegers = LayerIntegers.Length(hidden);
        InputWeights = input.Count;
        HiddenWeights = hidden.Count;
        Part = batch * Math.Max(HiddenStride, FeatureStride);
        Products = batch * ProductStride;
        States = batch * HiddenStride;
        long weights = (long)InputIntegers + HiddenIntegers + InputWeights + HiddenWeights;
        long length = weights + Part + (4L * Products) + ((layer.HasCell ? 2L : 1L) * States);
        if (length > int.MaxValue)
        {
            Errors.TooLarge(op.Name, length);
        }

        Scratch = (int)length;
    }

    /// <summary>Floats from row to row of hidden states and cells.</summary>
    public int HiddenStride { get; }

    /// <summary>Floats from row to row of an input of one step.</summary>
    public int FeatureStride { get; }

    /// <summary>Floats from row to row of products.</summary>
    public int ProductStride { get; }

    /// <summary>Integers of the input's weights.</summary>
    public int InputIntegers { get; }

    /// <summary>Integers of the hidden state's weights.</summary>
    public int HiddenIntegers { get; }

    /// <summary>The input's weights, or their digits, as floats.</summary>
    public int InputWeights { get; }

    /// <summary>The hidden state's weights, or their digits, as floats.</summary>
    public int HiddenWeights { get; }

    /// <summary>A byte of each element of a step's inputs or hidden states.</summary>
    public int Part { get; }

    /// <summary>Products of a batch.</summary>
    public int Products { get; }

    /// <summary>Hidden states of a batch.</summary>
    public int States { get; }

    /// <summary>All of it.</summary>
    public int Scratch { get; }
}
