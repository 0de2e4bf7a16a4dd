using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>
/// Weights uniform in [-r, r), r = sqrt(6 / (inputs + outputs)), biases 0: w = r * (2 * uniform - 1). Source: Glorot and Bengio 2010.
/// </summary>
public sealed class Glorot : Initializer
{
    /// <inheritdoc/>
    public override string Name => "glorot";

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        Draw(random, stream, element, fanIn, fanOut);

    /// <summary>One weight.</summary>
    internal static float Draw(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        MathF.Sqrt(6f / (fanIn + fanOut)) * ((2f * random.Uniform(stream, element)) - 1f);

    /// <inheritdoc/>
    internal override InitialDraw? WeightDraw(int fanIn, int fanOut) => InitialDraw.Uniform(MathF.Sqrt(6f / (fanIn + fanOut)));
}
