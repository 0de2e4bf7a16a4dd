using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A simple recurrent layer over a sequence: h = f(z), z the weighted input and the weighted hidden state before. Source: Elman, Finding structure in
/// time (1990).
/// </summary>
public sealed class Rnn : Recurrent
{
    /// <summary>A layer of H units.</summary>
    /// <param name="hidden">H.</param>
    /// <param name="function">f.</param>
    /// <param name="options">The returned steps, carried state and truncation; by default the last step's hidden state.</param>
    /// <exception cref="ArgumentException">A size is not positive, or a layer that reads from the end is to carry its state.</exception>
    public Rnn(int hidden, RecurrentFunction function = RecurrentFunction.Tanh, RecurrentOptions? options = null)
        : base(
            hidden,
            options,
            function == RecurrentFunction.Relu ? RecurrentPasses.For<RnnCell<ReluCurve>>() : RecurrentPasses.For<RnnCell<TanhCurve>>()
        ) => Function = function;

    /// <summary>f.</summary>
    public RecurrentFunction Function { get; }

    /// <inheritdoc/>
    public override string Kind => "rnn";

    /// <inheritdoc/>
    public override string Detail => (IsTanh ? "tanh, " : "relu, ") + base.Detail;

    /// <inheritdoc/>
    public override string Settings => IsTanh ? base.Settings : base.Settings + " relu";

    private bool IsTanh => Function == RecurrentFunction.Tanh;
}
