using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A long short-term memory over a sequence: i, f, o = sigmoid and g = tanh of the weighted inputs, c = f c' + i g, h = o tanh c. The order
/// of the gates is input, forget, cell, output. Source: Hochreiter and Schmidhuber, Long short-term memory (1997); the forget gate: Gers
/// and others, Learning to forget (2000).
/// </summary>
public sealed class Lstm : Recurrent
{
    /// <summary>A layer of H units.</summary>
    /// <param name="hidden">H.</param>
    /// <param name="options">The returned steps, carried state and truncation; by default the last step's hidden state.</param>
    /// <exception cref="ArgumentException">A size is not positive, or a layer that reads from the end is to carry its state.</exception>
    public Lstm(int hidden, RecurrentOptions? options = null)
        : base(hidden, options, RecurrentPasses.For<LstmCell>())
    {
    }

    /// <inheritdoc/>
    public override string Kind => "lstm";
}
