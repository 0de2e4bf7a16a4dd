namespace EmbeddedBackprop.Training;

/// <summary>
/// The learning rates that training begins with where none is given: a first training with any optimiser should learn. They depend on the optimiser,
/// on the loss, and on the activation of the output.
/// </summary>
public static class LearningRates
{
    /// <summary>
    /// A rate for these names: 0.1 for <c>sgd</c>, 0.02 for <c>momentum</c> and <c>nesterov</c>, 0.01 for <c>adagrad</c> and <c>rprop</c>, 0.001 for
    /// every other optimiser. For sgd, momentum and nesterov it is less where errors have no bound (an <c>identity</c> output: 0.01, 0.001, 0.001),
    /// and more where gradients are small (a loss that is no cross-entropy after a <c>sigmoid</c>: 3, 0.3, 0.3). Source: Nielsen, chapter 1 (3), and
    /// the defaults of PyTorch.
    /// </summary>
    /// <param name="optimizer">The optimiser's name.</param>
    /// <param name="loss">The loss's name.</param>
    /// <param name="output">The name of the activation of the output; empty if there is none.</param>
    public static float For(string optimizer, string loss, string output)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(output);
        bool flat = output == "sigmoid" && loss is "quadratic" or "mse" or "mae" or "huber";
        bool unbounded = output == "identity" && !loss.Contains("cross-entropy", StringComparison.Ordinal);
        return optimizer switch
        {
            "sgd" => flat ? 3f : unbounded ? 0.01f : 0.1f,
            "momentum" or "nesterov" => flat ? 0.3f : unbounded ? 0.001f : 0.02f,
            "adagrad" or "rprop" => 0.01f,
            _ => 0.001f,
        };
    }

    /// <summary>The rate for a network's optimiser, its first loss and what that loss judges.</summary>
    /// <exception cref="ArgumentException">The network only predicts.</exception>
    public static float For(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network.TrainingPlan is not { Loss: { } loss })
        {
            throw new ArgumentException("the network has no loss: it only predicts", nameof(network));
        }

        return For(network.Options.Optimizer.Name, loss.Op!.Kind, loss.Inputs[0].Op?.ActivationName ?? "");
    }
}
