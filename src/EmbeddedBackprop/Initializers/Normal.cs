using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>Weights and biases from N(0, 1). Source: Nielsen, chapter 1 (network.py).</summary>
public sealed class Normal : Initializer
{
    /// <inheritdoc/>
    public override string Name => "normal";

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) => random.Normal(stream, element);

    /// <inheritdoc/>
    protected override float Bias(CounterRandom random, uint stream, ulong element) => random.Normal(stream, element);

    /// <inheritdoc/>
    internal override InitialDraw? WeightDraw(int fanIn, int fanOut) => InitialDraw.Normal(1f);

    /// <inheritdoc/>
    internal override InitialDraw BiasDraw => InitialDraw.Normal(1f);
}
