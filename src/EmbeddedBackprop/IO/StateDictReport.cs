namespace EmbeddedBackprop.IO;

/// <summary>Which tensor of a network went with which of a state dict.</summary>
/// <param name="Tensors">All tensors of the network, in its order.</param>
/// <param name="SameShapes">
/// Layers that the order alone told from another layer of the same shapes: check these, or name their modules.
/// </param>
/// <param name="Ignored">Modules of the file that no layer took. There are some only where every layer's module was named.</param>
public sealed record StateDictReport(
    IReadOnlyList<StateDictEntry> Tensors, IReadOnlyList<string> SameShapes, IReadOnlyList<string> Ignored);
