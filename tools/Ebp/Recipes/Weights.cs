using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>A network's parameters as files hold them.</summary>
internal static class Weights
{
    /// <summary>SHA-256 over every layer's weights [out, in] and then its bias, without padding, little-endian.</summary>
    public static string Hash(Network network)
    {
        float[] compact = new float[checked((int)network.ParameterCount)];
        int next = 0;
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            range.CopyTo(network.Parameters, compact.AsSpan(next, range.Count));
            next += range.Count;
        }

        return WeightsHash.Of(compact);
    }
}
