namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>One value for each gate of a unit, in the order of the weights. A cell with fewer gates does not use the last ones.</summary>
internal struct GateValues<T> where T : struct, ILanes<T>
{
    public T First, Second, Third, Fourth;

    /// <summary>By index, from 0.</summary>
    public T this[int gate]
    {
        readonly get => gate switch { 0 => First, 1 => Second, 2 => Third, _ => Fourth };
        set
        {
            switch (gate)
            {
                case 0:
                    First = value;
                    break;
                case 1:
                    Second = value;
                    break;
                case 2:
                    Third = value;
                    break;
                default:
                    Fourth = value;
                    break;
            }
        }
    }
}
