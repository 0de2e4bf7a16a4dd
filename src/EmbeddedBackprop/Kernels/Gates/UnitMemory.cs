namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The operands of the backward step of one unit, or of a vector of units.</summary>
internal struct UnitMemory<T> where T : struct, ILanes<T>
{
    /// <summary>The gate values that the forward step kept.</summary>
    public GateValues<T> Gates;

    /// <summary>h', the hidden state before the step.</summary>
    public T HiddenBefore;

    /// <summary>h, the hidden state after the step.</summary>
    public T Hidden;

    /// <summary>c', the cell before the step.</summary>
    public T CellBefore;

    /// <summary>tanh c.</summary>
    public T CellTanh;

    /// <summary>dL/dh.</summary>
    public T HiddenGradient;

    /// <summary>The part of dL/dc that comes from later steps.</summary>
    public T CellGradient;
}
