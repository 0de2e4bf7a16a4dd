using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Builds the network of a complete recipe.</summary>
internal static class NetworkFactory
{
    public static Network Create(Recipe recipe, Layout layout = Layout.Padded, int? batch = null)
    {
        int[] layers = recipe.Layers!;
        Sequential net = new(layers[0]);
        for (int i = 1; i < layers.Length; i++)
        {
            net.Dense(layers[i], Registry.Activation(i == layers.Length - 1 ? recipe.OutputActivation! : recipe.Activation!));
        }

        return net.Compile(Registry.Loss(recipe.Loss!), new NetworkOptions
        {
            Batch = batch ?? recipe.Batch!.Value,
            Arithmetic = recipe.Arithmetic == "separate" ? Arithmetic.Separate : Arithmetic.Fused,
            Layout = layout,
            Initializer = Registry.Initializer(recipe.Initializer!),
            Seed = recipe.Seed!.Value,
            Optimizer = Registry.Optimizer(recipe.Optimizer!, new OptimizerSettings { Momentum = recipe.Momentum }),
            Regularization = new Regularization { L2 = recipe.L2!.Value, WeightDecay = recipe.WeightDecay!.Value },
        });
    }

    public static TrainerOptions Training(Recipe recipe) => new() { Epochs = recipe.Epochs!.Value, LearningRate = recipe.LearningRate!.Value };
}
