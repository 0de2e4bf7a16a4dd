namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The results of the forward step of one unit, or of a vector of units.</summary>
internal struct UnitState<T> where T : struct, ILanes<T>
{
    /// <summary>The gate values that the backward step reads.</summary>
    public GateValues<T> Gates;

    /// <summary>h, the hidden state after the step.</summary>
    public T Hidden;

    /// <summary>c, the cell after the step.</summary>
    public T Cell;

    /// <summary>tanh c.</summary>
    public T CellTanh;
}
