namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A step of an LSTM.</summary>
internal readonly struct LstmGates : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count, k = g.CellShift;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            T i = GateCurves.Gate(g.Sum<T>(0, at)), f = GateCurves.Gate(g.Sum<T>(1, at)), o = GateCurves.Gate(g.Sum<T>(3, at));
            T added = ((i * GateCurves.Tanh(g.Sum<T>(2, at))) + T.Broadcast(1 << (14 + k))) >> (15 + k);
            T c = GateCurves.Saturated(GateCurves.Product(f, g.StateBefore<T>(at)) + added);
            GateArguments.Store(c, g.Cell, at, unit - at);
            GateArguments.Store(GateCurves.Product(o, GateCurves.TanhOfCell(c, k)), g.After, at, unit - at);
        }
    }
}
