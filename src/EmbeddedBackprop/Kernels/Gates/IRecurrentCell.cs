namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>
/// The formulas of a recurrent cell: one time step of one hidden unit of one sample, forward and backward. They are written once over lanes and read
/// as vectors of units (<see cref="RecurrentStep"/>), as scalar float and double (<see cref="Scalar.RecurrentStep"/>), and as C (Export).
/// </summary>
internal interface IRecurrentCell
{
    /// <summary>Gates: the weights have so many times H columns.</summary>
    static abstract int Gates { get; }

    /// <summary>The first so many gates are sigmoid z or tanh z, z = Input + Recurrent; <see cref="Forward"/> computes the others.</summary>
    static abstract int Activated { get; }

    /// <summary>Gate values that the forward step keeps for the backward step.</summary>
    static abstract int Kept { get; }

    /// <summary>
    /// Deltas that the backward step gives: one for each gate in the order of the weights, then one more if the last gate's hidden product has a
    /// delta of its own (a GRU's new gate).
    /// </summary>
    static abstract int Deltas { get; }

    /// <summary>Whether there is a cell c besides the hidden state h.</summary>
    static abstract bool HasCell { get; }

    /// <summary>Whether a part of dL/dh reaches h' directly, not through the products (a GRU's z).</summary>
    static abstract bool PassesHidden { get; }

    /// <summary>The letter of a kept gate value in the equations.</summary>
    static abstract string GateName(int gate);

    /// <summary>Whether an activated gate is tanh z; if not, it is sigmoid z.</summary>
    static abstract bool IsTanh(int gate);

    /// <summary>Cell and hidden state after the step, and the gates to keep, from the activated gates and the products of the others.</summary>
    static abstract UnitState<T> Forward<T>(in UnitInput<T> u) where T : struct, ILanes<T>;

    /// <summary>The deltas of the gates from dL/dh and dL/dc.</summary>
    static abstract UnitDeltas<T> Backward<T>(in UnitMemory<T> u) where T : struct, ILanes<T>;
}
