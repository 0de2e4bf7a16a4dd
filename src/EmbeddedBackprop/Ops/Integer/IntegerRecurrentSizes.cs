using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>The scratch of a recurrent layer on integers: what each direction makes of its weights, and the rest, one direction at a time.</summary>
internal readonly struct IntegerRecurrentSizes
{
    // Rows of one product over the inputs of several steps: enough for whole tiles, few enough to stay in the first cache.
    private const int InputRows = 32;

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

        // A small memory has no room for more than one step; the integers are the same.
        bool small = layout == Layout.Compact;
        InputSteps = small ? 1 : Math.Clamp(InputRows / batch, 1, layer.Steps);
        int rows = small ? batch : (int)Math.Min((long)layer.Steps * batch, Math.Max(batch, InputRows));
        long part = 2L * Math.Max((long)batch * HiddenStride, (long)rows * FeatureStride);
        long inputProducts = (long)rows * ProductStride, states = (long)batch * HiddenStride;
        long made = (long)InputIntegers + HiddenIntegers + InputWeights + HiddenWeights;
        long length = part + (4L * inputProducts) + ((long)batch * ProductStride) + ((layer.HasCell ? 2L : 1L) * states);
        if ((made * layer.Directions) + length > int.MaxValue)
        {
            Errors.TooLarge(op.Name, (made * layer.Directions) + length);
        }

        Part = (int)part;
        InputProducts = (int)inputProducts;
        HiddenProducts = batch * ProductStride;
        States = (int)states;
        MadeOfOne = (int)made;
        Made = MadeOfOne * layer.Directions;
        Scratch = Made + (int)length;
    }

    /// <summary>Floats from row to row of hidden states and cells.</summary>
    public int HiddenStride { get; }

    /// <summary>Floats from row to row of inputs of a step.</summary>
    public int FeatureStride { get; }

    /// <summary>Floats from row to row of products.</summary>
    public int ProductStride { get; }

    /// <summary>Steps whose inputs are multiplied at once.</summary>
    public int InputSteps { get; }

    /// <summary>Integers of the input's weights.</summary>
    public int InputIntegers { get; }

    /// <summary>Integers of the hidden state's weights.</summary>
    public int HiddenIntegers { get; }

    /// <summary>The input's weights, or their digits, as floats.</summary>
    public int InputWeights { get; }

    /// <summary>The hidden state's weights, or their digits, as floats.</summary>
    public int HiddenWeights { get; }

    /// <summary>Inputs of some steps, or hidden states, in two bytes.</summary>
    public int Part { get; }

    /// <summary>Products of the inputs of some steps; sums of two bytes need twice as much.</summary>
    public int InputProducts { get; }

    /// <summary>Products of the hidden states of a batch.</summary>
    public int HiddenProducts { get; }

    /// <summary>Hidden states of a batch.</summary>
    public int States { get; }

    /// <summary>What a direction makes of its weights.</summary>
    public int MadeOfOne { get; }

    /// <summary>What all directions make of their weights.</summary>
    public int Made { get; }

    /// <summary>All of it.</summary>
    public int Scratch { get; }
}
