namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The operands of the forward step of one unit, or of a vector of units.</summary>
internal struct UnitInput<T> where T : struct, ILanes<T>
{
    /// <summary>The values of the activated gates; see <see cref="IRecurrentCell.Activated"/>.</summary>
    public GateValues<T> Gates;

    /// <summary>x W_ih + bias_ih of each gate.</summary>
    public GateValues<T> Input;

    /// <summary>h' W_hh + bias_hh of each gate.</summary>
    public GateValues<T> Recurrent;

    /// <summary>h', the hidden state before the step.</summary>
    public T HiddenBefore;

    /// <summary>c', the cell before the step.</summary>
    public T CellBefore;

    /// <summary>The activated gates from both products.</summary>
    public void Activate<TCell>() where TCell : struct, IRecurrentCell
    {
        for (int gate = 0; gate < TCell.Activated; gate++)
        {
            T z = Input[gate] + Recurrent[gate];
            Gates[gate] = T.Named(TCell.IsTanh(gate) ? TanhCurve.Value(z) : SigmoidCurve.Value(z), TCell.GateName(gate));
        }
    }
}
