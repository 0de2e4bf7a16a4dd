namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The new gate of a GRU by itself: after = tanh(p + r q), r before.</summary>
internal readonly struct NewGates : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            T n = GateCurves.Tanh(g.OfInput<T>(0, at) + GateCurves.Product(g.StateBefore<T>(at), g.OfState<T>(0, at)));
            GateArguments.Store(n, g.After, at, unit - at);
        }
    }
}
