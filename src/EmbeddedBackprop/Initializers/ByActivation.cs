using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>
/// The initialiser that suits a network's activations, chosen when the network is built: <see cref="He"/> for ReLU and its kin,
/// <see cref="LeCun"/> for SELU and LeCun's tanh, <see cref="Glorot"/> otherwise. The first activation that is not the identity decides; a network
/// of one op has no hidden layer and begins as <see cref="Glorot"/>. By itself, without a network, it is <see cref="Glorot"/>.
/// </summary>
public sealed class ByActivation : Initializer
{
    /// <inheritdoc/>
    public override string Name => "by-activation";

    /// <summary>The choice for a network of these ops, which are in the order of the graph and without losses.</summary>
    public static Initializer For(IReadOnlyList<Op> ops)
    {
        ArgumentNullException.ThrowIfNull(ops);
        return For(Array.Find(ops.Items(), op => op.Detail is not ("" or "identity"))?.Detail, ops.Count);
    }

    /// <summary>The choice for so many layers whose first activation has this name; null for none.</summary>
    public static Initializer For(string? activation, int layers) => layers == 1 ? new Glorot() : activation switch
    {
        "relu" or "leaky-relu" or "relu6" or "elu" or "gelu" or "softplus" or "silu" or "mish" or "hard-swish" => new He(),
        "selu" or "lecun-tanh" => new LeCun(),
        _ => new Glorot(),
    };

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) =>
        Glorot.Draw(random, stream, element, fanIn, fanOut);
}
