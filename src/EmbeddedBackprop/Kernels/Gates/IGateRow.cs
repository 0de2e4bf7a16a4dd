using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The last loop of a forward step, for one sample: <see cref="GatePass.Rows"/> calls it for those whose state is not held.</summary>
internal interface IGateRow
{
    static abstract void Run<T>(in GateStep<float> step, int row) where T : struct, IFloatLanes<T>;
}
