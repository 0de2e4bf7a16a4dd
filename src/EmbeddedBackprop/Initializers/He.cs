using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>Weights from N(0, 2/inputs), biases 0, for ReLU and its kin: w = sqrt(2 / inputs) * normal. Source: He, Zhang, Ren, Sun 2015.</summary>
public sealed class He : Initializer
{
    /// <inheritdoc/>
    public override string Name => "he";

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        MathF.Sqrt(2f / fanIn) * random.Normal(stream, element);

    /// <inheritdoc/>
    internal override InitialDraw? WeightDraw(int fanIn, int fanOut) => InitialDraw.Normal(MathF.Sqrt(2f / fanIn));
}
