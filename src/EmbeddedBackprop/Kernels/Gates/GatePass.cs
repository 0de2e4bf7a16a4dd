using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>What the gates of all recurrent layers share.</summary>
/// <remarks>
/// The forward passes write elsewhere than they read, so the last vector of a ragged row overlaps its neighbour and computes the same bits once more; backward
/// passes, which put deltas in the place of gates, compute it first and write it last. A function of its own for each exp or tanh keeps every loop small
/// enough for the compilers to inline all of it.
/// </remarks>
internal static class GatePass
{
    /// <summary>Gates[first + i] = f(Input[first + i] + Recurrent[first + i]) for a range of columns; it holds one vector at least.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Activate<T, TCurve>(in GateStep<float> step, int first, int count)
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

    /// <summary>The last loop of a forward step over all samples.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Rows<T, TRow>(in GateStep<float> step)
        where T : struct, IFloatLanes<T>
        where TRow : struct, IGateRow
    {
        for (int row = 0; row < step.Rows; row++)
        {
            if (Holds(in step, row))
                Hold(in step, row);
            else
                TRow.Run<T>(in step, row);
        }
    }

    /// <summary>Where h goes as well. Without a sequence to return, it is stored twice in one place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref float Output(in GateStep<float> step, int row, ref float after) =>
        ref step.Output.IsEmpty ? ref after : ref Unsafe.Add(ref MemoryMarshal.GetReference(step.Output), row * step.OutputStride);

    /// <summary>A backward step over all samples. A ragged row's last vector overlaps its neighbour: it is computed before the gates go, and written after.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Deltas<T, TDeltas>(in GateStep<float> step, int kept)
        where T : struct, IFloatLanes<T>
        where TDeltas : struct, IGateDeltas<TDeltas>
    {
        nuint hidden = (nuint)step.Hidden, last = hidden - (nuint)T.Count, ragged = hidden % (nuint)T.Count;
        for (int row = 0; row < step.Rows; row++)
        {
            if (Holds(in step, row))
            {
                HoldBackward(in step, row, kept);
                continue;
            }

            TDeltas end = ragged != 0 ? TDeltas.Compute(in step, row, last) : default;
            for (nuint i = 0; i < hidden - ragged; i += (nuint)T.Count)
                TDeltas.Compute(in step, row, i).Store(in step, row, i);
            if (ragged != 0)
                end.Store(in step, row, last);
        }
    }

    /// <summary>The gradient of the output at the step before, with which the chain of dL/dh' begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Upstream<T>(in GateStep<float> step, int row, nuint j) where T : struct, IFloatLanes<T> => step.Upstream.IsEmpty
        ? T.Zero
        : T.Load(in MemoryMarshal.GetReference(step.Upstream), ((nuint)row * (nuint)step.OutputStride) + j);

    /// <summary>Whether the step leaves a sample's state as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(in GateStep<float> step, int row) => !step.Mask.IsEmpty && !(step.Mask[row * step.MaskStride] > 0f);

    /// <summary>h = h' and c = c' for one sample.</summary>
    public static void Hold(in GateStep<float> step, int row)
    {
        int at = row * step.HiddenStride;
        step.Before.Slice(at, step.Hidden).CopyTo(step.After[at..]);
        if (!step.Cell.IsEmpty)
            step.CellBefore.Slice(at, step.Hidden).CopyTo(step.Cell[at..]);
        if (!step.Output.IsEmpty)
            step.Before.Slice(at, step.Hidden).CopyTo(step.Output[(row * step.OutputStride)..]);
    }

    /// <summary>The same backwards: the gates have no share in the loss, and dL/dh goes on to h' as it is.</summary>
    public static void HoldBackward(in GateStep<float> step, int row, int kept)
    {
        step.Gates.Slice(row * step.GateStride, kept * step.Hidden).Clear();
        if (!step.Upstream.IsEmpty)
        {
            Span<float> gradient = step.HiddenGradient.Slice(row * step.HiddenStride, step.Hidden);
            Elementwise.Add(step.Upstream.Slice(row * step.OutputStride, step.Hidden), gradient, gradient);
        }
    }
}
