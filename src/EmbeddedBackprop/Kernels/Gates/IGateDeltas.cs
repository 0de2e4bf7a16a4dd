namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>What one vector of a backward step writes: computed before any of it is stored, because deltas go where the gates stand.</summary>
internal interface IGateDeltas<TSelf> where TSelf : struct, IGateDeltas<TSelf>
{
    /// <summary>From the gates of a row, units j and on.</summary>
    static abstract TSelf Compute(in GateStep<float> step, int row, nuint j);

    /// <summary>Into their place.</summary>
    void Store(in GateStep<float> step, int row, nuint j);
}
