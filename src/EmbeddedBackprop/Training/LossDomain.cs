using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Training;

/// <summary>A loss must be able to judge every value that its prediction can have: the logarithm of a tanh is none.</summary>
internal static class LossDomain
{
    /// <summary>Where activations are looked at: on both sides of 0, in their bends, and far out.</summary>
    private static readonly double[] Points = [-100, -10, -3, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 3, 10, 100];

    /// <exception cref="ArgumentException">The activation that a loss judges gives a value outside the loss's domain.</exception>
    public static void Require(ReadOnlySpan<Step> losses)
    {
        foreach (Step step in losses)
        {
            (double least, double most) = ((Loss)step.Op).Domain;
            if (double.IsInfinity(least) && double.IsInfinity(most))
            {
                continue;
            }

            // The step may read logits where the graph's loss reads probabilities.
            Node judged = step.InputNodes[0];
            if (judged.Op is not IActivated { Activation: { } activation })
            {
                continue;
            }

            foreach (double a in Values(activation))
            {
                if (!(a >= least && a <= most))
                {
                    TrainingErrors.OutOfDomain(step.Op.Kind, judged.Name, activation.Name, least, most, a);
                }
            }
        }
    }

    private static double[] Values(Activation activation)
    {
        double[] a = [.. Points];
        activation.ForwardScalar(1, a.Length, a.Length, Points, a);
        return a;
    }
}
