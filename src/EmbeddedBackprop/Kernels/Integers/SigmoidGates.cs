namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The gates that are a sigmoid, by themselves: after = min(S(p + q), 32767).</summary>
internal readonly struct SigmoidGates : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            GateArguments.Store(GateCurves.Gate(g.Sum<T>(0, at)), g.After, at, unit - at);
        }
    }
}
