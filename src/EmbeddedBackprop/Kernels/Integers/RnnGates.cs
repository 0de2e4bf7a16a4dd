namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A step of a simple recurrent layer with tanh.</summary>
internal readonly struct RnnGates : IIntegerKernel<GateArguments>
{
    public static void Run<T>(in GateArguments g) where T : struct, IIntegerLanes<T>
    {
        int units = g.After.Length, last = units - T.Count;
        for (int unit = 0; unit < units; unit += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it, whose results it keeps.
            int at = Math.Min(unit, last);
            GateArguments.Store(GateCurves.Tanh(g.Sum<T>(0, at)), g.After, at, unit - at);
        }
    }
}
