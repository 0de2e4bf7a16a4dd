using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>The arguments of the functions of the exported C: a node has the same name in all of them.</summary>
internal sealed class CArguments
{
    /// <summary>Finds the inputs and outputs of the functions.</summary>
    /// <param name="prediction">An inference plan.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="training">The training plan; null for a network that only predicts.</param>
    public CArguments(Plan prediction, Node[] outputs, Plan? training)
    {
        Node[] predicted =
        [
            .. prediction.Graph.Nodes.Where(node =>
                prediction.Options.IsGiven(node) && (IsRead(prediction, node, asTarget: true) || outputs.Contains(node))),
        ];
        Node[] trained = training is null
            ? []
            : [.. prediction.Graph.Nodes.Where(node => node.Op is null && IsRead(training, node, asTarget: false))];
        Node[] targets = training is null ? [] : [.. training.Losses.Select(loss => loss.Inputs[1]).Distinct()];
        CArgument[] inputs = CArgument.All(
            [.. prediction.Graph.Nodes.Where(node => predicted.Contains(node) || trained.Contains(node))],
            "input",
            "in");
        Outputs = CArgument.All(outputs, "output", "out");
        PredictionInputs = [.. inputs.Where(input => predicted.Contains(input.Node))];
        TrainingInputs = [.. inputs.Where(input => trained.Contains(input.Node) || targets.Contains(input.Node))];
        Targets = CArgument.All([.. targets.Where(node => !predicted.Contains(node) && !trained.Contains(node))], "target", "target");
    }

    /// <summary>The inputs of NAME_predict, in the order of the graph.</summary>
    public CArgument[] PredictionInputs { get; }

    /// <summary>The outputs of NAME_predict, in the order in which the plan was asked for them.</summary>
    public CArgument[] Outputs { get; }

    /// <summary>The inputs that NAME_train_step reads, in the order of the graph; a target that is also an input is one of them.</summary>
    public CArgument[] TrainingInputs { get; }

    /// <summary>The targets of the losses that are no inputs.</summary>
    public CArgument[] Targets { get; }

    /// <summary>All that NAME_train_step reads.</summary>
    public IEnumerable<CArgument> Training => TrainingInputs.Concat(Targets);

    private static bool IsRead(Plan plan, Node node, bool asTarget)
    {
        foreach (Step step in plan.Steps)
        {
            int input = Array.IndexOf(step.InputNodes, node);
            if (input >= 0 && (asTarget || !step.Op.IsLoss || input == 0))
            {
                return true;
            }
        }

        return false;
    }
}
