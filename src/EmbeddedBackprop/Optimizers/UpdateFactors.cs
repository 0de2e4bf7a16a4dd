using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>Up to three factors that all parameters of a tensor share in a step of an optimiser, such as the negative rate.</summary>
/// <typeparam name="T">The lanes that a formula runs over.</typeparam>
/// <param name="first">The first factor.</param>
/// <param name="second">The second factor.</param>
/// <param name="third">The third factor.</param>
public readonly struct UpdateFactors<T>(T first, T second = default, T third = default) where T : struct, ILanes<T>
{
    /// <summary>The first factor.</summary>
    public T First { get; } = first;

    /// <summary>The second factor.</summary>
    public T Second { get; } = second;

    /// <summary>The third factor.</summary>
    public T Third { get; } = third;
}
