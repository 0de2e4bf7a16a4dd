namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>What the forward step of one unit, or of a vector of units, gives.</summary>
internal struct UnitState<T> where T : struct, ILanes<T>
{
    /// <summary>What the backward step reads of the gates.</summary>
    public GateValues<T> Gates;

    /// <summary>h, the hidden state after the step.</summary>
    public T Hidden;

    /// <summary>c, the cell after the step.</summary>
    public T Cell;

    /// <summary>tanh c.</summary>
    public T CellTanh;
}
