using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A gated recurrent unit over a sequence: r, z = sigmoid of the weighted inputs, n = tanh(x_n + r h_n) with the hidden bias of the new gate inside
/// h_n, h = n + z (h' - n). The order of the gates is reset, update, new. Source: Cho and others, Learning phrase representations using RNN
/// encoder-decoder (2014), in the form of cuDNN and PyTorch.
/// </summary>
public sealed class Gru : Recurrent
{
    /// <summary>A layer of H units.</summary>
    /// <param name="hidden">H.</param>
    /// <param name="options">The returned steps, carried state and truncation; by default the last step's hidden state.</param>
    /// <exception cref="ArgumentException">A size is not positive, or a layer that reads from the end is to carry its state.</exception>
    public Gru(int hidden, RecurrentOptions? options = null)
        : base(hidden, options, RecurrentPasses.For<GruCell>())
    {
    }

    /// <inheritdoc/>
    public override string Kind => "gru";
}
