namespace EmbeddedBackprop.Ops;

/// <summary>The steps that a recurrent layer returns, and the reach of its memory and its gradient.</summary>
public sealed record RecurrentOptions
{
    /// <summary>
    /// True: the hidden states of all steps, [steps, H]. False, the default: that of the last step, [H] (with a mask, of the last step that counts).
    /// </summary>
    public bool AllSteps { get; init; }

    /// <summary>
    /// Whether a second layer with weights of its own reads the sequence from its end; the outputs are concatenated, [steps, 2H] or [2H]. The second
    /// layer's last step is the first of the sequence. Not by default.
    /// </summary>
    public bool Bidirectional { get; init; }

    /// <summary>
    /// Whether a sample's hidden state (and cell) at the end of a run is where its next run begins, until the state is reset: for streams that come
    /// one step at a time, and for training on windows of a long sequence step by step in their order. The gradient does not reach into the window
    /// before. A trainer shuffles samples and therefore resets the state before each batch. Not by default.
    /// </summary>
    public bool CarryState { get; init; }

    /// <summary>
    /// Truncated backpropagation through time: the gradient does not flow from step s to step s - 1 where s is a multiple of this number. 0, the
    /// default: it flows through the whole sequence. Source: Williams and Peng, An efficient gradient-based algorithm (1990).
    /// </summary>
    public int TruncateEvery { get; init; }
}
