using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <summary>What the caller hands in for a prediction must fit, before anything is written.</summary>
internal static class PredictionChecks
{
    /// <summary>Rows and results have as many elements as so many samples.</summary>
    public static void Rows(ReadOnlySpan<float> rows, int count, int inputLength, ReadOnlySpan<float> results, int outputLength)
    {
        if (count < 0)
        {
            Errors.Negative(nameof(count), count);
        }

        Length("rows", count, inputLength, rows.Length);
        Length("results", count, outputLength, results.Length);
    }

    /// <summary>A span has as many elements as so many rows of a length.</summary>
    public static void Length(string what, int count, int length, int given)
    {
        if ((long)count * length != given)
        {
            TrainingErrors.RowsDiffer(what, count, length, given);
        }
    }

    /// <summary>Nothing that is written is read as something else.</summary>
    public static void Apart(ReadOnlySpan<float> rows, ReadOnlySpan<float> results, ReadOnlySpan<float> workspace, ReadOnlySpan<float> parameters)
    {
        if (rows.Overlaps(results))
        {
            TrainingErrors.SharesMemory("results", "rows");
        }

        if (rows.Overlaps(workspace))
        {
            TrainingErrors.SharesMemory("rows", "the network's workspace");
        }

        if (results.Overlaps(workspace))
        {
            TrainingErrors.SharesMemory("results", "the network's workspace");
        }

        if (results.Overlaps(parameters))
        {
            TrainingErrors.SharesMemory("results", "the network's parameters");
        }
    }

    /// <summary>The node of a name.</summary>
    /// <param name="nodes">The inputs or the outputs.</param>
    /// <param name="kind">Which of them, for the message.</param>
    /// <param name="name">The name.</param>
    public static Node Find(ReadOnlySpan<Node> nodes, string kind, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (Node node in nodes)
        {
            if (node.Name == name)
            {
                return node;
            }
        }

        TrainingErrors.NoSuchName(kind, name, Array.ConvertAll(nodes.ToArray(), node => node.Name));
        return null!;
    }
}
