using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>Which inputs of a graph the functions of the exported C take, and what they are called there: the same node has the same name everywhere.</summary>
internal sealed class CTrainingEnds
{
    /// <summary>Looks at a prediction and, if there is one, at a training step.</summary>
    public CTrainingEnds(Plan prediction, Node[] outputs, Plan? training)
    {
        Node[] predicted = [.. prediction.Graph.Nodes.Where(node => node.Op is null && (IsRead(prediction, node, targets: true) || outputs.Contains(node)))];
        Node[] trained = training is null ? [] : [.. prediction.Graph.Nodes.Where(node => node.Op is null && IsRead(training, node, targets: false))];
        Node[] compared = training is null ? [] : [.. training.Losses.Select(loss => loss.Inputs[1]).Distinct().Where(node => !predicted.Contains(node) && !trained.Contains(node))];
        CEnd[] all = CEnd.All([.. prediction.Graph.Nodes.Where(node => predicted.Contains(node) || trained.Contains(node))], "input", "in");
        Prediction = [.. all.Where(end => predicted.Contains(end.Node))];
        Inputs = [.. all.Where(end => trained.Contains(end.Node) || (training is not null && training.Losses.Any(loss => loss.Inputs[1] == end.Node)))];
        Targets = CEnd.All(compared, "target", "target");
    }

    /// <summary>What NAME_predict reads.</summary>
    public CEnd[] Prediction { get; }

    /// <summary>What NAME_train_step reads beside the targets.</summary>
    public CEnd[] Inputs { get; }

    /// <summary>What the losses compare with, where it is no input, too.</summary>
    public CEnd[] Targets { get; }

    private static bool IsRead(Plan plan, Node node, bool targets)
    {
        foreach (Step step in plan.Steps)
        {
            int place = Array.IndexOf(step.InputNodes, node);
            if (place >= 0 && (targets || !step.Op.IsLoss || place == 0))
            {
                return true;
            }
        }

        return false;
    }
}
