namespace EmbeddedBackprop.Ops.Integer;

/// <summary>How a file holds a parameter of an integer op: as integers q that mean scale q, with a scale for each output.</summary>
/// <param name="Bits">8 for weights, -127 to 127; 32 for biases, -2^30 to 2^30.</param>
/// <param name="Axis">Which output an element belongs to, in compact layout.</param>
/// <param name="Scales">The index of the outputs' scales among the op's state.</param>
/// <param name="Input">The input whose scale the outputs' scales are multiplied by; -1 for none.</param>
/// <param name="Factor">Without an input, what the outputs' scales are multiplied by.</param>
internal readonly record struct StoredIntegers(int Bits, WeightAxis Axis, int Scales, int Input = -1, float Factor = 1f);
