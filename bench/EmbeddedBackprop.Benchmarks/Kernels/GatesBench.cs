using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>The gates of one time step of recurrent layers, samples x units: the work without the products.</summary>
public class GatesBench : Bench
{
    private Unit unit;
    private bool backward;
    private int rows, hidden, hiddenStride, productStride;
    private Memory<float> input, recurrent, kept, gates, before, after, cellBefore, cell, tanh, hiddenGradient, cellGradient;

    private enum Unit
    {
        Lstm,
        Gru,
        Rnn,
    }

    protected override IEnumerable<string> CaseList =>
        ["lstm 32x64", "lstm 32x64 backward", "gru 32x64", "gru 32x64 backward", "rnn 32x64", "lstm 3x21 compact", "gru 3x21 backward compact"];

    /// <summary>Functions count as on one lane; the backward pass has 23 operations a unit (LSTM) and 15 (GRU).</summary>
    public override double Work => (double)rows * hidden * (Word, IsBackward) switch
    {
        ("lstm", false) => (3.0 * CountingLane.Of(CountingLane.Sigmoid)) + (2.0 * CountingLane.Of(CountingLane.Tanh)) + 8,
        ("gru", false) => (2.0 * CountingLane.Of(CountingLane.Sigmoid)) + CountingLane.Of(CountingLane.Tanh) + 7,
        ("rnn", _) => CountingLane.Of(CountingLane.Tanh) + 1.0,
        ("lstm", true) => 23,
        _ => 15,
    };

    private bool IsBackward => Case.Contains("backward", StringComparison.Ordinal);

    // As in the ops: only an LSTM has cells.
    private StepBuffers<float> Step => new()
    {
        Rows = rows,
        Hidden = hidden,
        Input = input.Span,
        Recurrent = recurrent.Span,
        ProductStride = productStride,
        Gates = gates.Span,
        GateStride = productStride,
        Before = before.Span,
        After = after.Span,
        CellBefore = unit == Unit.Lstm ? cellBefore.Span : default,
        Cell = unit == Unit.Lstm ? cell.Span : default,
        CellTanh = unit == Unit.Lstm ? tanh.Span : default,
        HiddenStride = hiddenStride,
        HiddenGradient = hiddenGradient.Span,
        CellGradient = unit == Unit.Lstm ? cellGradient.Span : default,
    };

    public override int ResultHash() =>
        HashCode.Combine(
            HashOf(gates.Span, rows, unit == Unit.Rnn ? hidden : 4 * hidden, productStride),
            HashOf(after.Span, rows, hidden, hiddenStride),
            HashOf(cell.Span, rows, hidden, hiddenStride),
            HashOf(cellGradient.Span, rows, hidden, hiddenStride),
            HashOf(hiddenGradient.Span, rows, hidden, hiddenStride));

    protected override void Prepare(Form form)
    {
        unit = Word switch { "lstm" => Unit.Lstm, "gru" => Unit.Gru, _ => Unit.Rnn };
        backward = IsBackward;
        (rows, hidden) = (Sizes[0], Sizes[1]);
        (hiddenStride, productStride) = (Stride(hidden), Stride(4 * hidden));
        (input, recurrent, kept) = (Numbers(rows * productStride, 1), Numbers(rows * productStride, 2), Numbers(rows * productStride, 3));
        gates = Numbers(rows * productStride, 3);
        (before, after, cellBefore, cell, tanh) = (State(4), State(5), State(6), State(7), State(8));
        (hiddenGradient, cellGradient) = (State(9), State(10));
    }

    protected override void Run()
    {
        StepBuffers<float> step = Step;
        if (!backward)
        {
            Forward(in step);
            return;
        }

        // The deltas overwrite the gates: each call begins with the same gates, so this copy is within the time.
        kept.Span.CopyTo(gates.Span);
        if (unit == Unit.Lstm)
        {
            RecurrentStep.Backward<LstmCell>(Arithmetic.Fused, in step);
        }
        else
        {
            RecurrentStep.Backward<GruCell>(Arithmetic.Fused, in step);
        }
    }

    protected override void RunLoop()
    {
        StepBuffers<float> step = Step;
        if (backward)
        {
            kept.Span.CopyTo(gates.Span);
        }

        switch (unit, backward)
        {
            case (Unit.Lstm, false): Twin.RecurrentStep.Forward<LstmCell, float>(Arithmetic.Fused, in step); break;
            case (Unit.Gru, false): Twin.RecurrentStep.Forward<GruCell, float>(Arithmetic.Fused, in step); break;
            case (Unit.Rnn, _): Twin.RecurrentStep.Forward<RnnCell<TanhCurve>, float>(Arithmetic.Fused, in step); break;
            case (Unit.Lstm, true): Twin.RecurrentStep.Backward<LstmCell, float>(Arithmetic.Fused, in step); break;
            default: Twin.RecurrentStep.Backward<GruCell, float>(Arithmetic.Fused, in step); break;
        }
    }

    private void Forward(in StepBuffers<float> step)
    {
        if (unit == Unit.Lstm)
        {
            RecurrentStep.Forward<LstmCell>(Arithmetic.Fused, in step);
        }
        else if (unit == Unit.Gru)
        {
            RecurrentStep.Forward<GruCell>(Arithmetic.Fused, in step);
        }
        else
        {
            RecurrentStep.Forward<RnnCell<TanhCurve>>(Arithmetic.Fused, in step);
        }
    }

    private Memory<float> State(int seed) => Numbers(rows * hiddenStride, seed);
}
