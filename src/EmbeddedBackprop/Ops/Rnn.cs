using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A simple recurrent layer over a sequence: h = f(z), z the weighted input and the weighted hidden state before. Source: Elman, Finding structure in time
/// (1990).
/// </summary>
public sealed class Rnn : Recurrent
{
    /// <summary>A layer of H units.</summary>
    /// <param name="hidden">H.</param>
    /// <param name="function">f.</param>
    /// <param name="options">The returned steps, carried state and truncation; by default the last step's hidden state.</param>
    /// <exception cref="ArgumentException">A size is not positive, or a layer that reads from the end is to carry its state.</exception>
    public Rnn(int hidden, RecurrentFunction function = RecurrentFunction.Tanh, RecurrentOptions? options = null)
        : base(hidden, options, RnnCell<TanhCurve>.Gates, RnnCell<TanhCurve>.Deltas, RnnCell<TanhCurve>.HasCell) => Function = function;

    /// <summary>f.</summary>
    public RecurrentFunction Function { get; }

    /// <inheritdoc/>
    public override string Kind => "rnn";

    /// <inheritdoc/>
    public override string Detail => (IsTanh ? "tanh, " : "relu, ") + base.Detail;

    /// <inheritdoc/>
    public override string Settings => IsTanh ? base.Settings : base.Settings + " relu";

    private bool IsTanh => Function == RecurrentFunction.Tanh;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        if (IsTanh)
        {
            RecurrentPass.Forward<RnnCell<TanhCurve>>(this, in c);
        }
        else
        {
            RecurrentPass.Forward<RnnCell<ReluCurve>>(this, in c);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (IsTanh)
        {
            RecurrentPass.Backward<RnnCell<TanhCurve>>(this, in c);
        }
        else
        {
            RecurrentPass.Backward<RnnCell<ReluCurve>>(this, in c);
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (IsTanh)
        {
            RecurrentTwin.Forward<RnnCell<TanhCurve>, T>(this, in c);
        }
        else
        {
            RecurrentTwin.Forward<RnnCell<ReluCurve>, T>(this, in c);
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (IsTanh)
        {
            RecurrentTwin.Backward<RnnCell<TanhCurve>, T>(this, in c);
        }
        else
        {
            RecurrentTwin.Backward<RnnCell<ReluCurve>, T>(this, in c);
        }
    }
}
