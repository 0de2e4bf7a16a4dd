using System.Numerics;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>What happens between the products of one recurrent time step: the only part in which a simple layer, a GRU and an LSTM differ.</summary>
internal interface IRecurrentGates
{
    /// <summary>Gates: the weights have so many times H columns.</summary>
    static abstract int Gates { get; }

    /// <summary>Blocks of H numbers that a sample keeps for the backward pass, and into which the deltas go: the gates in the order of the weights.</summary>
    static abstract int Kept { get; }

    /// <summary>Whether there is a cell beside the hidden state.</summary>
    static abstract bool HasCell { get; }

    /// <summary>Whether the last gate's hidden product has a delta of its own (a GRU's new gate): it stands behind the others.</summary>
    static abstract bool SplitsLastGate { get; }

    /// <summary>Gates, cell and hidden state from the two products.</summary>
    static abstract void Forward(Arithmetic arithmetic, in GateStep<float> step);

    /// <summary>Deltas of the gates from dL/dh, in place of the gates.</summary>
    static abstract void Backward(Arithmetic arithmetic, in GateStep<float> step);

    /// <summary>The definition of <see cref="Forward"/>.</summary>
    static abstract void ForwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The definition of <see cref="Backward"/>.</summary>
    static abstract void BackwardScalar<T>(Arithmetic arithmetic, in GateStep<T> step) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}
