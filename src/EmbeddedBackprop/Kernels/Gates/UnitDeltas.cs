namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The results of the backward step of one unit, or of a vector of units.</summary>
internal struct UnitDeltas<T> where T : struct, ILanes<T>
{
    /// <summary>dL/dz of each gate; see <see cref="IRecurrentCell.Deltas"/>.</summary>
    public GateValues<T> Gates;

    /// <summary>The part of dL/dh' that does not come through the products; see <see cref="IRecurrentCell.PassesHidden"/>.</summary>
    public T HiddenBefore;

    /// <summary>dL/dc'.</summary>
    public T CellBefore;
}
