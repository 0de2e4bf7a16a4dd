namespace EmbeddedBackprop.IO;

/// <summary>One tensor of a network and its counterpart in a state dict.</summary>
/// <param name="Tensor">The network's name, as in dense1.weight.</param>
/// <param name="StateDictName">The state dict's name, as in features.0.weight; null where the module has no such tensor, as with bias=False.</param>
/// <param name="Shape">The dimensions in the network's file order, outermost first.</param>
public readonly record struct StateDictEntry(string Tensor, string? StateDictName, IReadOnlyList<int> Shape);
