using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>Weights from N(0, 1/inputs), biases from N(0, 1): w = (1 / sqrt(inputs)) * normal. Source: Nielsen, chapter 3 (network2.py).</summary>
public sealed class ScaledNormal : Initializer
{
    /// <inheritdoc/>
    public override string Name => "scaled-normal";

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        1f / MathF.Sqrt(fanIn) * random.Normal(stream, element);

    /// <inheritdoc/>
    protected override float Bias(CounterRandom random, uint stream, ulong element) => random.Normal(stream, element);

    /// <inheritdoc/>
    internal override InitialDraw? WeightDraw(int fanIn, int fanOut) => InitialDraw.Normal(1f / MathF.Sqrt(fanIn));

    /// <inheritdoc/>
    internal override InitialDraw BiasDraw => InitialDraw.Normal(1f);
}
