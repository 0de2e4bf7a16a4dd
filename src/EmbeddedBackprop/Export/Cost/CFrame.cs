namespace EmbeddedBackprop.Export.Cost;

/// <summary>The variables of a call.</summary>
internal sealed class CFrame
{
    public CFrame(CFunction function, double[] units)
    {
        (Function, Units) = (function, units);
        Slots = new CHeld[function.Slots.Count];
        for (int i = 0; i < Slots.Length; i++)
        {
            Slots[i] = CHeld.Of(function.Slots[i]);
        }
    }

    public CFunction Function { get; }

    public double[] Units { get; }

    public CHeld[] Slots { get; }

    public CHeld Result { get; set; }
}
