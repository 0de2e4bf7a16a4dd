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

    /// <summary>Whether it is the only call, from functions that are called once: the compiler knows its constants.</summary>
    public bool IsOnly { get; init; }

    public CHeld Result { get; set; }

    /// <summary>The elements that are loaded: the slot of the pointer and a constant index.</summary>
    public HashSet<(int Slot, long Index)> Loaded { get; } = [];

    /// <summary>A pointer moves: it shows other elements.</summary>
    public void Moved(int slot)
    {
        if (slot >= 0)
        {
            Slots[slot] = Slots[slot].Elsewhere;
        }

        if (Loaded.Count > 0)
        {
            _ = Loaded.RemoveWhere(each => each.Slot == slot);
        }
    }
}
