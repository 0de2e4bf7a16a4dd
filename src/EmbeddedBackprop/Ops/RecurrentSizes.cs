using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>How many floats the buffers of a recurrent layer have for a batch.</summary>
internal readonly struct RecurrentSizes
{
    // Rows of one product over the inputs of several steps: enough for whole tiles, few enough to stay in the first cache.
    private const int InputRows = 32;

    // Rows of one product for the weight gradients: a block of k in the product's own terms, read while it is still in the second cache.
    private const int GradientRows = 256;

    private readonly int steps;
    private readonly int batch;
    private readonly bool hasCell;
    private readonly int directionalColumns;

    public RecurrentSizes(Recurrent op, int batch, Layout layout)
    {
        this.batch = batch;
        steps = op.Steps;
        hasCell = op.HasCell;
        directionalColumns = op.Gates * op.Hidden;
        HiddenStride = layout.Stride(op.Hidden);
        FeatureStride = layout.Stride(op.Features);
        ProductStride = layout.Stride(directionalColumns);
        GateStride = layout.Stride(op.Deltas * op.Hidden);

        // A small memory has no room for more than one step; the bits are the same.
        bool small = layout == Layout.Compact;
        InputSteps = small ? 1 : Math.Clamp(InputRows / batch, 1, steps);
        GradientSteps = small ? 1 : Math.Clamp(GradientRows / batch, 1, steps);
        MostInputRows = small ? batch : (int)Math.Min((long)steps * batch, Math.Max(batch, InputRows));
        MostGradientRows = small ? batch : (int)Math.Min((long)steps * batch, Math.Max(batch, GradientRows));
    }

    /// <summary>Floats from row to row of hidden states and cells.</summary>
    public int HiddenStride { get; }

    /// <summary>Floats from row to row of gathered inputs and of transposed input weights.</summary>
    public int FeatureStride { get; }

    /// <summary>Floats from row to row of both products.</summary>
    public int ProductStride { get; }

    /// <summary>Floats from row to row of the kept gate values.</summary>
    public int GateStride { get; }

    /// <summary>Steps whose inputs are multiplied at once.</summary>
    public int InputSteps { get; }

    /// <summary>Steps whose weight gradients are computed at once.</summary>
    public int GradientSteps { get; }

    /// <summary>Rows that the product over the inputs needs for this batch and every smaller one.</summary>
    public int MostInputRows { get; }

    /// <summary>Rows that gathered inputs need for this batch and every smaller one.</summary>
    public int MostGradientRows { get; }

    /// <summary>Gates of all steps.</summary>
    public long SavedGates => (long)steps * batch * GateStride;

    /// <summary>Hidden states of all steps and the one before them.</summary>
    public long SavedHidden => (steps + 1L) * batch * HiddenStride;

    /// <summary>tanh of all cells.</summary>
    public long SavedTanh => (long)steps * batch * HiddenStride;

    /// <summary>All that one direction keeps for the backward pass.</summary>
    public long Saved => SavedGates + SavedHidden + (hasCell ? SavedHidden + SavedTanh : 0);

    /// <summary>Both products, and the replacement of saved memory in an inference run: the gates of one step, and two hidden states and
    /// cells in turn.</summary>
    public long ForwardScratch =>
        ((long)(MostInputRows + batch) * ProductStride) + ((long)batch * GateStride) + ((hasCell ? 5L : 2L) * batch * HiddenStride);

    /// <summary>Both weights transposed, the gradients of h and c, gathered inputs.</summary>
    public long BackwardScratch =>
        ((long)directionalColumns * (HiddenStride + FeatureStride))
        + ((hasCell ? 2L : 1L) * batch * HiddenStride)
        + ((long)MostGradientRows * FeatureStride);
}
