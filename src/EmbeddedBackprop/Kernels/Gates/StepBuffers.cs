namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// The operands of the gates in one time step of a recurrent layer, for a whole batch. Matrices are [rows][stride]; of a row only the
/// layer's columns have a meaning. A weighted input is the sum of two chains, z = (bias_ih + x W_ih) + (bias_hh + h' W_hh), each rounded
/// before they are added.
/// </summary>
/// <typeparam name="T">float, or double for the oracle.</typeparam>
internal ref struct StepBuffers<T> where T : unmanaged
{
    /// <summary>Samples.</summary>
    public int Rows;

    /// <summary>Units H of the layer.</summary>
    public int Hidden;

    /// <summary>x W_ih from bias_ih, the gates side by side.</summary>
    public ReadOnlySpan<T> Input;

    /// <summary>h' W_hh from bias_hh, the gates side by side.</summary>
    public ReadOnlySpan<T> Recurrent;

    /// <summary>Floats from row to row of both products.</summary>
    public int ProductStride;

    /// <summary>The gate values that the backward pass needs; it overwrites them with their deltas.</summary>
    public Span<T> Gates;

    /// <summary>Floats from row to row of <see cref="Gates"/>.</summary>
    public int GateStride;

    /// <summary>h', the hidden state before the step.</summary>
    public ReadOnlySpan<T> Before;

    /// <summary>h, the hidden state after it.</summary>
    public Span<T> After;

    /// <summary>c', an LSTM's cell before the step.</summary>
    public ReadOnlySpan<T> CellBefore;

    /// <summary>c, the cell after it.</summary>
    public Span<T> Cell;

    /// <summary>tanh c.</summary>
    public Span<T> CellTanh;

    /// <summary>Floats from row to row of hidden states, cells and their gradients.</summary>
    public int HiddenStride;

    /// <summary>Where h goes as well (the sequence that the layer returns), or empty.</summary>
    public Span<T> Output;

    /// <summary>Floats from row to row of <see cref="Output"/> and <see cref="Upstream"/>.</summary>
    public int OutputStride;

    /// <summary>One float per sample, <see cref="MaskStride"/> apart: a step whose float is not above 0 leaves h and c unchanged. Empty:
    /// all steps count.</summary>
    public ReadOnlySpan<T> Mask;

    /// <summary>Floats from sample to sample of <see cref="Mask"/>.</summary>
    public int MaskStride;

    /// <summary>Backward: dL/dh comes in; the start of the chain of dL/dh' goes out.</summary>
    public Span<T> HiddenGradient;

    /// <summary>Backward: the gradient of later steps by c comes in, that of this step by c' goes out.</summary>
    public Span<T> CellGradient;

    /// <summary>Backward: the gradient of the output at the step before, or empty.</summary>
    public ReadOnlySpan<T> Upstream;
}
