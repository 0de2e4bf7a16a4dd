namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A step of a GRU.</summary>
internal readonly struct GruGates : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            T r = GateCurves.Gate(g.Sum<T>(0, at)), z = GateCurves.Gate(g.Sum<T>(1, at));
            T n = GateCurves.Tanh(g.OfInput<T>(2, at) + GateCurves.Product(r, g.OfState<T>(2, at)));
            T h = n + GateCurves.Product(z, g.StateBefore<T>(at) - n);
            GateArguments.Store(h, g.After, at, unit - at);
        }
    }
}
