using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Model;

/// <summary>The classes that a network decides between.</summary>
/// <param name="Labels">Their names, in the order of the outputs.</param>
/// <param name="Threshold">The value above which a single output means class 1.</param>
internal sealed record CClasses(string[] Labels, float Threshold)
{
    /// <summary>The classes of the options; without them numbers, where the net ends in a softmax or has a cross-entropy for its loss.</summary>
    /// <param name="outputs">The outputs of the network.</param>
    /// <param name="options">The options.</param>
    /// <returns>Null for a network that does not classify.</returns>
    /// <exception cref="ArgumentException">There are as many labels as no class decision has.</exception>
    public static CClasses? Of(Node[] outputs, CExportOptions options)
    {
        Node output = outputs[0];
        bool single = outputs.Length == 1, logit = IsJudgedBy(output, loss => loss is Loss<BinaryCrossEntropyWithLogits>);
        int classes = Math.Max(2, output.Shape.Length);
        if (options.Labels is { } labels)
        {
            if (labels.Count > 0 && (!single || labels.Count != classes))
            {
                ExportErrors.WrongLabels(labels.Count, single ? output.Shape.Length : outputs.Sum(node => node.Shape.Length));
            }

            return labels.Count == 0 ? null : new CClasses([.. labels], logit ? 0f : 0.5f);
        }

        bool one = output.Shape.Length == 1;
        return single && output.Shape.Rank == 1 && (one ? logit || IsBinary(output) : IsOneOfMany(output))
            ? new CClasses([.. Enumerable.Range(0, classes).Select(i => i.ToString(CultureInfo.InvariantCulture))], logit ? 0f : 0.5f)
            : null;
    }

    private static bool IsOneOfMany(Node output) =>
        output.Op is SoftmaxOverLastAxis or IActivated { Activation: Softmax } || IsJudgedBy(output, loss => loss is SoftmaxCrossEntropy);

    /// <summary>A single output that a binary cross-entropy trains, on itself or on the logit before its sigmoid.</summary>
    private static bool IsBinary(Node output) =>
        IsJudgedBy(output, loss => loss is Loss<BinaryCrossEntropy>)
        || (output.Op is Activate && IsJudgedBy(output.Sources[0], loss => loss is Loss<BinaryCrossEntropyWithLogits>));

    private static bool IsJudgedBy(Node output, Predicate<Op> isLoss) =>
        output.Graph.Nodes.Any(node => node.Op is { IsLoss: true } loss && node.Sources[0] == output && isLoss(loss));
}
