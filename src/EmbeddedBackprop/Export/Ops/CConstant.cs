namespace EmbeddedBackprop.Export.Ops;

/// <summary>A constant table of an op that follows from its settings and sizes.</summary>
/// <param name="Name">What follows the op's name and a dot.</param>
/// <param name="What">What it holds, for a comment.</param>
/// <param name="Values">Its elements; empty for integers.</param>
/// <param name="Integers">Its elements from 0 to 65535; null for floats.</param>
internal sealed record CConstant(string Name, string What, float[] Values, int[]? Integers = null);
