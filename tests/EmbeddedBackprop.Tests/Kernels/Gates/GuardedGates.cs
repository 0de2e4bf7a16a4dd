using EmbeddedBackprop.Kernels;
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
            Run<LstmGates>(hidden, atEnd);
            Run<GruGates>(hidden, atEnd);
            Run<RnnGates<TanhCurve>>(hidden, atEnd);
        }
    }

    private static void Run<TGates>(int hidden, bool atEnd) where TGates : struct, IRecurrentGates
    {
        const int Rows = 2;
        foreach (int gap in (ReadOnlySpan<int>)[0, 3])
        {
            int products = (TGates.Gates * hidden) + gap, kept = (TGates.Kept * hidden) + gap, states = hidden + gap;
            Span<float> State(int slot) => GuardedKernels.Put(slot, Rows, hidden, states, atEnd);
            GateStep<float> step = new()
            {
                Rows = Rows,
                Hidden = hidden,
                Input = GuardedKernels.Put(0, Rows, TGates.Gates * hidden, products, atEnd),
                Recurrent = GuardedKernels.Put(1, Rows, TGates.Gates * hidden, products, atEnd),
                ProductStride = products,
                Gates = GuardedKernels.Put(2, Rows, TGates.Kept * hidden, kept, atEnd),
                GateStride = kept,
                Before = State(3),
                After = State(4),
                CellBefore = TGates.HasCell ? State(5) : default,
                Cell = TGates.HasCell ? State(6) : default,
                CellTanh = TGates.HasCell ? State(7) : default,
                HiddenStride = states,
                Output = State(8),
                OutputStride = states,
                HiddenGradient = State(9),
                CellGradient = TGates.HasCell ? State(10) : default,
                Upstream = State(11),
            };
            TGates.Forward(Arithmetic.Fused, in step);
            TGates.Backward(Arithmetic.Fused, in step);
            step.Mask = new float[Rows];
            step.MaskStride = 1;
            TGates.Forward(Arithmetic.Fused, in step);
            TGates.Backward(Arithmetic.Fused, in step);
        }
    }
}
