using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Builds the network of a complete recipe.</summary>
internal static class NetworkFactory
{
    public static Network Create(
        Recipe recipe, Layout layout = Layout.Padded, int? batch = null, int threads = 1, long memoryBudget = 0, bool keepGradients = true)
    {
        NetworkOptions options = new()
        {
            Batch = batch ?? recipe.Batch!.Value,
            Arithmetic = recipe.Arithmetic == "separate" ? Arithmetic.Separate : Arithmetic.Fused,
            Layout = layout,
            Threads = threads,
            MemoryBudget = memoryBudget,
            KeepGradients = keepGradients,
            // Batches that are accumulated want a place for their gradient.
            FuseUpdate = memoryBudget == 0 || recipe.Accumulation is null or 1,
            Initializer = Registry.Initializer(recipe.Initializer!, new InitializerSettings { Gain = recipe.InitializerGain }),
            Seed = recipe.Seed!.Value,
            Optimizer = Registry.Optimizer(recipe.Optimizer!, new OptimizerSettings { Momentum = recipe.Momentum }),
            Regularization = new Regularization { L1 = recipe.L1!.Value, L2 = recipe.L2!.Value, WeightDecay = recipe.WeightDecay!.Value, MaxNorm = recipe.MaxNorm!.Value },
            Frozen = recipe.FrozenLayers,
            Clipping = new Clipping { Value = recipe.ClipValue!.Value, Norm = recipe.ClipNorm!.Value },
        };
        Loss loss = Registry.Loss(recipe.Loss!, new LossSettings { LabelSmoothing = recipe.LabelSmoothing, ClassWeights = recipe.WeightOfClass });
        return recipe.Net is null ? Layers(recipe).Compile(loss, options) : NetCompiler.Compile(recipe.Net, loss, options);
    }

    private static Sequential Layers(Recipe recipe)
    {
        int[] layers = recipe.Layers!;
        Sequential net = new(layers[0]);
        for (int i = 1; i < layers.Length; i++)
        {
            net.Dense(layers[i], Registry.Activation(i == layers.Length - 1 ? recipe.OutputActivation! : recipe.Activation!));
        }

        return net;
    }

    public static TrainerOptions Training(Recipe recipe) => new()
    {
        Epochs = recipe.Epochs!.Value,
        LearningRate = recipe.LearningRate!.Value,
        Schedule = Schedule(recipe),
        Accumulation = recipe.Accumulation!.Value,
        EarlyStopping = new EarlyStopping(recipe.Patience!.Value),
        Averaging = recipe.Average switch
        {
            "ema" => WeightAveraging.Exponential(recipe.AverageDecay!.Value, recipe.AverageFrom!.Value),
            "swa" => WeightAveraging.Stochastic(recipe.AverageFrom!.Value),
            _ => WeightAveraging.None,
        },
    };

    private static Schedule Schedule(Recipe recipe)
    {
        ScheduleSettings settings = new()
        {
            Every = recipe.ScheduleEvery, Factor = recipe.ScheduleFactor, Floor = recipe.ScheduleFloor, WarmUpSteps = recipe.WarmUpSteps,
        };

        // A rise comes before any schedule, not only as one of its own.
        return recipe.Schedule != "warm-up" && recipe.WarmUpSteps is not null
            ? Registry.Schedule("warm-up", settings with { Then = recipe.Schedule })
            : Registry.Schedule(recipe.Schedule!, settings);
    }
}
