using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// The element-wise part of one time step of a recurrent layer, for a batch: the formulas of a cell on vectors of units, with the bits of
/// <see cref="Scalar.RecurrentStep"/>.
/// </summary>
internal static class RecurrentStep
{
    /// <summary>Gates, cell and hidden state from the two products.</summary>
    public static void Forward<TCell>(Arithmetic arithmetic, in StepBuffers<float> step) where TCell : struct, IRecurrentCell =>
        LaneDispatch.RunWithin<ForwardKernel<TCell>, StepBuffers<float>>(arithmetic, step.Hidden, in step);

    /// <summary>The deltas of the gates from dL/dh, in place.</summary>
    public static void Backward<TCell>(Arithmetic arithmetic, in StepBuffers<float> step) where TCell : struct, IRecurrentCell =>
        LaneDispatch.RunWithin<BackwardKernel<TCell>, StepBuffers<float>>(arithmetic, step.Hidden, in step);

    private readonly struct ForwardKernel<TCell> : ILaneKernel<StepBuffers<float>> where TCell : struct, IRecurrentCell
    {
        public static void Run<T, TTail>(in StepBuffers<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            // Neighbouring gates with the same function are one pass.
            for (int gate = 0, next; gate < TCell.Activated; gate = next)
            {
                for (next = gate + 1; next < TCell.Activated && TCell.IsTanh(next) == TCell.IsTanh(gate);)
                {
                    next++;
                }

                if (TCell.IsTanh(gate))
                {
                    Activate<T, TanhCurve>(in step, gate * step.Hidden, (next - gate) * step.Hidden);
                }
                else
                {
                    Activate<T, SigmoidCurve>(in step, gate * step.Hidden, (next - gate) * step.Hidden);
                }
            }

            Combine<T>(in step);
        }

        // Not inlined, and with both loops in it: how much the compilers inline grows with the method that they begin with. (With the body of the
        // loop over rows in a method of its own, inlined here, tanh was a call and this pass 6 to 20 times slower.)
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Combine<T>(in StepBuffers<float> step) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (MaskedStep.Skips(in step, row))
                {
                    MaskedStep.Forward(in step, row);
                    continue;
                }

                int at = row * step.HiddenStride, product = row * step.ProductStride;
                ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), product);
                ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), product);
                ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), row * step.GateStride);
                ref float before = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Before), at);
                ref float after = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.After), at);
                ref float cellBefore = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellBefore), at);
                ref float cell = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Cell), at);
                ref float tanh = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.CellTanh), at);

                // Without a sequence to return, h is stored twice at one address.
                ref float output = ref step.Output.IsEmpty
                    ? ref after
                    : ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Output), row * step.OutputStride);
                for (nuint i = 0; i < hidden; i += (nuint)T.Count)
                {
                    // The results go elsewhere, so the last vector of a ragged row may overlap the one before it: it computes the same bits once
                    // more.
                    nuint j = nuint.Min(i, last);
                    UnitInput<T> u = default;
                    u.Gates = Load<T>(in gates, j, hidden, 0, TCell.Activated);
                    u.Input = Load<T>(in input, j, hidden, TCell.Activated, TCell.Gates);
                    u.Recurrent = Load<T>(in recurrent, j, hidden, TCell.Activated, TCell.Gates);
                    if (TCell.PassesHidden)
                    {
                        u.HiddenBefore = T.Load(in before, j);
                    }

                    if (TCell.HasCell)
                    {
                        u.CellBefore = T.Load(in cellBefore, j);
                    }

                    UnitState<T> state = TCell.Forward(in u);
                    Store(in state.Gates, ref gates, j, hidden, TCell.Activated, TCell.Kept);
                    T.Store(state.Hidden, ref after, j);
                    T.Store(state.Hidden, ref output, j);
                    if (TCell.HasCell)
                    {
                        T.Store(state.Cell, ref cell, j);
                        T.Store(state.CellTanh, ref tanh, j);
                    }
                }
            }
        }

        /// <summary>Gates[first + i] = f(Input[first + i] + Recurrent[first + i]) for a range of columns; it holds one vector at least.</summary>
        /// <remarks>
        /// One loop for each exp or tanh. With all gates of a vector of units in one loop, as in the definition, a step of 32 x 64 units took 1.17
        /// times as long (LSTM and GRU alike), and a prediction of 128 steps 1.04 (LSTM) and 1.05 times (GRU): medians of pairs run in turn, AVX-512.
        /// </remarks>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Activate<T, TCurve>(in StepBuffers<float> step, int first, int count)
            where T : struct, IFloatLanes<T>
            where TCurve : struct, IGateCurve
        {
            nuint columns = (nuint)count, last = columns - (nuint)T.Count, stride = (nuint)step.ProductStride;
            ref float input = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Input), first);
            ref float recurrent = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Recurrent), first);
            ref float gates = ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), first);
            for (int row = 0; row < step.Rows; row++)
            {
                for (nuint i = 0; i < columns; i += (nuint)T.Count)
                {
                    nuint at = nuint.Min(i, last);
                    T.Store(TCurve.Value(T.Load(in input, at) + T.Load(in recurrent, at)), ref gates, at);
                }

                input = ref Unsafe.Add(ref input, stride);
                recurrent = ref Unsafe.Add(ref recurrent, stride);
                gates = ref Unsafe.Add(ref gates, (nuint)step.GateStride);
            }
        }
    }

    private readonly struct BackwardKernel<TCell> : ILaneKernel<StepBuffers<float>> where TCell : struct, IRecurrentCell
    {
        public static void Run<T, TTail>(in StepBuffers<float> step)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            // The deltas overwrite the gates, so the last vector of a ragged row, which overlaps the one before it, is computed first and
            // stored last.
            nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count, ragged = hidden % (nuint)T.Count;
            for (int row = 0; row < step.Rows; row++)
            {
                if (MaskedStep.Skips(in step, row))
                {
                    MaskedStep.Backward(in step, row, TCell.Deltas);
                    continue;
                }

                UnitDeltas<T> end = ragged != 0 ? Compute<T>(in step, row, last) : default;
                for (nuint i = 0; i < hidden - ragged; i += (nuint)T.Count)
                {
                    Write(Compute<T>(in step, row, i), in step, row, i);
                }

                if (ragged != 0)
                {
                    Write(in end, in step, row, last);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static UnitDeltas<T> Compute<T>(in StepBuffers<float> step, int row, nuint j) where T : struct, IFloatLanes<T>
        {
            nuint hidden = (nuint)step.Hidden, at = ((nuint)row * (nuint)step.HiddenStride) + j;
            UnitMemory<T> u = default;
            u.Gates = Load<T>(
                in Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), (nuint)row * (nuint)step.GateStride),
                j,
                hidden,
                0,
                TCell.Kept);
            u.HiddenBefore = T.Load(in MemoryMarshal.GetReference(step.Before), at);
            u.Hidden = T.Load(in MemoryMarshal.GetReference(step.After), at);
            u.HiddenGradient = T.Load(in MemoryMarshal.GetReference(step.HiddenGradient), at);
            if (TCell.HasCell)
            {
                u.CellBefore = T.Load(in MemoryMarshal.GetReference(step.CellBefore), at);
                u.CellTanh = T.Load(in MemoryMarshal.GetReference(step.CellTanh), at);
                u.CellGradient = T.Load(in MemoryMarshal.GetReference(step.CellGradient), at);
            }

            UnitDeltas<T> deltas = TCell.Backward(in u);
            if (!step.Upstream.IsEmpty)
            {
                T upstream = T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j);
                deltas.HiddenBefore = TCell.PassesHidden ? upstream + deltas.HiddenBefore : upstream;
            }

            return deltas;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Write<T>(in UnitDeltas<T> deltas, in StepBuffers<float> step, int row, nuint j) where T : struct, IFloatLanes<T>
        {
            nuint at = ((nuint)row * (nuint)step.HiddenStride) + j;
            Store(
                in deltas.Gates,
                ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Gates), (nuint)row * (nuint)step.GateStride),
                j,
                (nuint)step.Hidden,
                0,
                TCell.Deltas);
            T.Store(deltas.HiddenBefore, ref MemoryMarshal.GetReference(step.HiddenGradient), at);
            if (TCell.HasCell)
            {
                T.Store(deltas.CellBefore, ref MemoryMarshal.GetReference(step.CellGradient), at);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static GateValues<T> Load<T>(ref readonly float row, nuint j, nuint hidden, int from, int to) where T : struct, IFloatLanes<T>
    {
        GateValues<T> gates = default;
        if (from == 0 && to > 0)
        {
            gates.First = T.Load(in row, j);
        }

        if (from <= 1 && 1 < to)
        {
            gates.Second = T.Load(in row, hidden + j);
        }

        if (from <= 2 && 2 < to)
        {
            gates.Third = T.Load(in row, (2 * hidden) + j);
        }

        if (from <= 3 && 3 < to)
        {
            gates.Fourth = T.Load(in row, (3 * hidden) + j);
        }

        return gates;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(in GateValues<T> gates, ref float row, nuint j, nuint hidden, int from, int to) where T : struct, IFloatLanes<T>
    {
        if (from == 0 && to > 0)
        {
            T.Store(gates.First, ref row, j);
        }

        if (from <= 1 && 1 < to)
        {
            T.Store(gates.Second, ref row, hidden + j);
        }

        if (from <= 2 && 2 < to)
        {
            T.Store(gates.Third, ref row, (2 * hidden) + j);
        }

        if (from <= 3 && 3 < to)
        {
            T.Store(gates.Fourth, ref row, (3 * hidden) + j);
        }
    }
}
