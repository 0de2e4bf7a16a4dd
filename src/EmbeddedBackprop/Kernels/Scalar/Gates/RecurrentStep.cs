using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// The definition of <see cref="Kernels.Gates.RecurrentStep"/>: the formulas of a cell for one sample and one unit after the other, in float or
/// double.
/// </summary>
internal static class RecurrentStep
{
    /// <summary>Gates, cell and hidden state from the two products.</summary>
    public static void Forward<TCell, T>(Arithmetic arithmetic, in StepBuffers<T> step)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(double))
        {
            Forward<TCell, T, LaneDouble>(in step);
        }
        else if (arithmetic == Arithmetic.Fused)
        {
            Forward<TCell, T, Lane<Fused>>(in step);
        }
        else
        {
            Forward<TCell, T, Lane<Separate>>(in step);
        }
    }

    /// <summary>The deltas of the gates from dL/dh, in place; dL/dc'; and the beginning of the chain of dL/dh'.</summary>
    public static void Backward<TCell, T>(Arithmetic arithmetic, in StepBuffers<T> step)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(double))
        {
            Backward<TCell, T, LaneDouble>(in step);
        }
        else if (arithmetic == Arithmetic.Fused)
        {
            Backward<TCell, T, Lane<Fused>>(in step);
        }
        else
        {
            Backward<TCell, T, Lane<Separate>>(in step);
        }
    }

    private static void Forward<TCell, T, TLane>(in StepBuffers<T> step)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : struct, ILanes<TLane>
    {
        for (int row = 0; row < step.Rows; row++)
        {
            if (MaskedStep.Skips(in step, row))
            {
                MaskedStep.Forward(in step, row);
                continue;
            }

            for (int j = 0; j < step.Hidden; j++)
            {
                int at = (row * step.HiddenStride) + j, product = (row * step.ProductStride) + j;
                UnitInput<TLane> u = new()
                {
                    Input = Gates<T, TLane>(step.Input, product, step.Hidden, TCell.Gates),
                    Recurrent = Gates<T, TLane>(step.Recurrent, product, step.Hidden, TCell.Gates),
                    HiddenBefore = Read<T, TLane>(step.Before, at),
                    CellBefore = Read<T, TLane>(step.CellBefore, at),
                };
                u.Activate<TCell>();
                UnitState<TLane> unit = TCell.Forward(in u);
                Write(unit.Gates, step.Gates, (row * step.GateStride) + j, step.Hidden, TCell.Kept);
                Write(unit.Hidden, step.After, at);
                Write(unit.Hidden, step.Output, (row * step.OutputStride) + j);
                Write(unit.Cell, step.Cell, at);
                Write(unit.CellTanh, step.CellTanh, at);
            }
        }
    }

    private static void Backward<TCell, T, TLane>(in StepBuffers<T> step)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : struct, ILanes<TLane>
    {
        for (int row = 0; row < step.Rows; row++)
        {
            if (MaskedStep.Skips(in step, row))
            {
                MaskedStep.Backward(in step, row, TCell.Deltas);
                continue;
            }

            for (int j = 0; j < step.Hidden; j++)
            {
                int at = (row * step.HiddenStride) + j, gates = (row * step.GateStride) + j;
                UnitDeltas<TLane> unit = TCell.Backward(new UnitMemory<TLane>
                {
                    Gates = Gates<T, TLane>(step.Gates, gates, step.Hidden, TCell.Kept),
                    HiddenBefore = Read<T, TLane>(step.Before, at),
                    Hidden = Read<T, TLane>(step.After, at),
                    CellBefore = Read<T, TLane>(step.CellBefore, at),
                    CellTanh = Read<T, TLane>(step.CellTanh, at),
                    HiddenGradient = Read<T, TLane>(step.HiddenGradient, at),
                    CellGradient = Read<T, TLane>(step.CellGradient, at),
                });
                Write(unit.Gates, step.Gates, gates, step.Hidden, TCell.Deltas);
                Write(unit.CellBefore, step.CellGradient, at);
                TLane upstream = Read<T, TLane>(step.Upstream, (row * step.OutputStride) + j), passed = unit.HiddenBefore;
                Write(step.Upstream.IsEmpty ? passed : TCell.PassesHidden ? upstream + passed : upstream, step.HiddenGradient, at);
            }
        }
    }

    /// <summary>A value of a buffer; 0 where a cell has no such buffer.</summary>
    private static TLane Read<T, TLane>(ReadOnlySpan<T> buffer, int at) where T : unmanaged where TLane : struct, ILanes<TLane> =>
        buffer.IsEmpty ? TLane.Zero : Unsafe.BitCast<T, TLane>(buffer[at]);

    private static void Write<T, TLane>(TLane value, Span<T> buffer, int at) where T : unmanaged where TLane : struct, ILanes<TLane>
    {
        if (!buffer.IsEmpty)
        {
            buffer[at] = Unsafe.BitCast<TLane, T>(value);
        }
    }

    private static GateValues<TLane> Gates<T, TLane>(ReadOnlySpan<T> row, int at, int hidden, int count)
        where T : unmanaged
        where TLane : struct, ILanes<TLane>
    {
        GateValues<TLane> gates = default;
        for (int gate = 0; gate < count; gate++)
        {
            gates[gate] = Read<T, TLane>(row, at + (gate * hidden));
        }

        return gates;
    }

    private static void Write<T, TLane>(GateValues<TLane> gates, Span<T> row, int at, int hidden, int count)
        where T : unmanaged
        where TLane : struct, ILanes<TLane>
    {
        for (int gate = 0; gate < count; gate++)
        {
            Write(gates[gate], row, at + (gate * hidden));
        }
    }
}
