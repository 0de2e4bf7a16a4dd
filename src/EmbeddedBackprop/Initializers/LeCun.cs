using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>
/// Weights from N(0, 1/inputs), biases 0: w = (1 / sqrt(inputs)) * normal. Source: LeCun, Bottou, Orr, Mueller 1998, Efficient BackProp.
/// </summary>
public sealed class LeCun : Initializer
{
    /// <inheritdoc/>
    public override string Name => "lecun";

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        1f / MathF.Sqrt(fanIn) * random.Normal(stream, element);

    /// <inheritdoc/>
    internal override InitialDraw? WeightDraw(int fanIn, int fanOut) => InitialDraw.Normal(1f / MathF.Sqrt(fanIn));
}
