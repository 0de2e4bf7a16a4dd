using EmbeddedBackprop.Activations;

namespace EmbeddedBackprop.Graphs;

/// <summary>An op that ends in an activation: its weighted input z can be computed on its own.</summary>
internal interface IActivated
{
    /// <summary>f.</summary>
    Activation Activation { get; }

    /// <summary>An op of the same parameters whose output is z; null where z is the op's input.</summary>
    Op? WithoutActivation();
}
