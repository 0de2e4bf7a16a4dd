namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>tanh of a cell by itself, Q(15 - k) before.</summary>
internal readonly struct CellTanhs : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            GateArguments.Store(GateCurves.TanhOfCell(g.StateBefore<T>(at), g.CellShift), g.After, at, unit - at);
        }
    }
}
