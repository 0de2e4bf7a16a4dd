using EmbeddedBackprop.Activations;

namespace EmbeddedBackprop.Graphs;

/// <summary>What an op is told when its integer form is asked for (<see cref="Op.Quantized"/>).</summary>
/// <param name="Inputs">The integer values that it will read, in its order.</param>
/// <param name="Bits">Bits of the output: 8 or 16.</param>
/// <param name="Activation">The activation that alone reads the output, and that a layer takes over; null for none.</param>
/// <param name="Tied">The value whose scale and zero point the output has to share; null where it has its own.</param>
internal readonly record struct QuantizeContext(
    IReadOnlyList<IntegerValue> Inputs, int Bits, Activation? Activation = null, IntegerValue? Tied = null);
