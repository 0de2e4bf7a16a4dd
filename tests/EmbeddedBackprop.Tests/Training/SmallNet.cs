using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A net with odd sizes [5, 19, 3], and data for it.</summary>
internal static class SmallNet
{
    public const int Inputs = 5;
    public const int Outputs = 3;

    public static Network Make(NetworkOptions options) =>
        new Sequential(Inputs).Dense<Sigmoid>(19).Dense<Identity>(Outputs).Compile<Quadratic>(options);

    public static FloatDataset Classes(int count, int seed = 1)
    {
        int[] labels = new int[count];
        float[] x = Samples.Array(count * Inputs, seed);
        for (int i = 0; i < count; i++)
        {
            labels[i] = x[i * Inputs] > 0.3f ? 0 : x[(i * Inputs) + 1] > 0 ? 1 : 2;
        }

        return FloatDataset.Classified(x, Inputs, labels, Outputs);
    }

    /// <summary>Writes a batch of fixed values into the net and computes its gradients.</summary>
    public static void Backpropagate(Network net, int batch, int seed = 3)
    {
        Rows(net.TrainingInput(batch), net.InputStride, Inputs, batch, seed);
        Rows(net.TrainingTarget(batch), net.TargetStride, Outputs, batch, seed + 1);
        net.ComputeGradients(batch, out _);
    }

    /// <summary>All parameters in compact [out, in] order.</summary>
    public static float[] Parameters(Network net) => Compact(net, net.Parameters);

    /// <summary>A span in the layout of the parameters in compact [out, in] order.</summary>
    public static float[] Compact(Network net, ReadOnlySpan<float> span)
    {
        List<float> all = [];
        foreach (ParameterRange range in net.InferencePlan.Parameters)
        {
            float[] compact = new float[range.Count];
            range.CopyTo(span, compact);
            all.AddRange(compact);
        }

        return [.. all];
    }

    private static void Rows(Span<float> rows, int stride, int length, int count, int seed)
    {
        for (int i = 0; i < count; i++)
        {
            Samples.Array(length, seed + (i * 1000)).CopyTo(rows[(i * stride)..]);
        }
    }
}
