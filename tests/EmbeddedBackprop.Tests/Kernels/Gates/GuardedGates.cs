using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The gates of recurrent layers on spans between guard pages; see <see cref="GuardedKernels"/>.</summary>
internal static class GuardedGates
{
    public static void Steps(bool atEnd)
    {
        for (int hidden = 1; hidden <= 36; hidden++)
        {
            Run<LstmCell>(hidden, atEnd);
            Run<GruCell>(hidden, atEnd);
            Run<RnnCell<TanhCurve>>(hidden, atEnd);
        }
    }

    private static void Run<TCell>(int hidden, bool atEnd) where TCell : struct, IRecurrentCell
    {
        const int Rows = 2;
        foreach (int gap in (ReadOnlySpan<int>)[0, 3])
        {
            int products = (TCell.Gates * hidden) + gap, kept = (TCell.Deltas * hidden) + gap, states = hidden + gap;
            Span<float> State(int slot) => GuardedKernels.Put(slot, Rows, hidden, states, atEnd);
            StepBuffers<float> step = new()
            {
                Rows = Rows,
                Hidden = hidden,
                Input = GuardedKernels.Put(0, Rows, TCell.Gates * hidden, products, atEnd),
                Recurrent = GuardedKernels.Put(1, Rows, TCell.Gates * hidden, products, atEnd),
                ProductStride = products,
                Gates = GuardedKernels.Put(2, Rows, TCell.Deltas * hidden, kept, atEnd),
                GateStride = kept,
                Before = State(3),
                After = State(4),
                CellBefore = TCell.HasCell ? State(5) : default,
                Cell = TCell.HasCell ? State(6) : default,
                CellTanh = TCell.HasCell ? State(7) : default,
                HiddenStride = states,
                Output = State(8),
                OutputStride = states,
                HiddenGradient = State(9),
                CellGradient = TCell.HasCell ? State(10) : default,
                Upstream = State(11),
            };
            RecurrentStep.Forward<TCell>(Arithmetic.Fused, in step);
            RecurrentStep.Backward<TCell>(Arithmetic.Fused, in step);
            step.Mask = new float[Rows];
            step.MaskStride = 1;
            RecurrentStep.Forward<TCell>(Arithmetic.Fused, in step);
            RecurrentStep.Backward<TCell>(Arithmetic.Fused, in step);
        }
    }
}
