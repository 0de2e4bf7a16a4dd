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
            Batch = batch ?? recipe.Get(TrainOptions.Batch)!.Value,
            Arithmetic = recipe.Get(TrainOptions.Arithmetic) == "separate" ? Arithmetic.Separate : Arithmetic.Fused,
            Layout = layout,
            Threads = threads,
            MemoryBudget = memoryBudget,
            KeepGradients = keepGradients,
            // Accumulated batches need memory for their gradient.
            FuseUpdate = memoryBudget == 0 || recipe.Get(TrainOptions.Accumulation) is null or 1,
            Initializer = Registry.Initializer(
                recipe.Get(TrainOptions.Initializer)!,
                new InitializerSettings { Gain = recipe.Get(TrainOptions.InitializerGain) }),
            Seed = recipe.Get(TrainOptions.Seed)!.Value,
            Optimizer = Registry.Optimizer(
                recipe.Get(TrainOptions.Optimizer)!,
                new OptimizerSettings { Momentum = recipe.Get(TrainOptions.Momentum) }),
            Regularization = new Regularization
            {
                L1 = recipe.Get(TrainOptions.L1)!.Value,
                L2 = recipe.Get(TrainOptions.L2)!.Value,
                WeightDecay = recipe.Get(TrainOptions.WeightDecay)!.Value,
                MaxNorm = recipe.Get(TrainOptions.MaxNorm)!.Value,
            },
            Frozen = recipe.Get(TrainOptions.Freeze) ?? [],
            Clipping = new Clipping { Value = recipe.Get(TrainOptions.ClipValue)!.Value, Norm = recipe.Get(TrainOptions.ClipNorm)!.Value },
        };
        Loss loss = Registry.Loss(
            recipe.Get(TrainOptions.Loss)!,
            new LossSettings { LabelSmoothing = recipe.Get(TrainOptions.LabelSmoothing), ClassWeights = recipe.WeightOfClass });
        return recipe.Get(TrainOptions.Net) is { } net ? NetCompiler.Compile(net, loss, options) : Layers(recipe).Compile(loss, options);
    }

    private static Sequential Layers(Recipe recipe)
    {
        int[] layers = recipe.Get(TrainOptions.Layers)!;
        Sequential net = new(layers[0]);
        for (int i = 1; i < layers.Length; i++)
        {
            net.Dense(
                layers[i],
                Registry.Activation(i == layers.Length - 1 ? recipe.Get(TrainOptions.OutputActivation)! : recipe.Get(TrainOptions.Activation)!));
        }

        return net;
    }

    public static TrainerOptions Training(Recipe recipe) => new()
    {
        Epochs = recipe.Get(TrainOptions.Epochs)!.Value,
        LearningRate = recipe.Get(TrainOptions.LearningRate)!.Value,
        Schedule = Schedule(recipe),
        Accumulation = recipe.Get(TrainOptions.Accumulation)!.Value,
        EarlyStopping = new EarlyStopping(recipe.Get(TrainOptions.Patience)!.Value),
        Averaging = recipe.Get(TrainOptions.Average) switch
        {
            "ema" => WeightAveraging.Exponential(recipe.Get(TrainOptions.AverageDecay)!.Value, recipe.Get(TrainOptions.AverageFrom)!.Value),
            "swa" => WeightAveraging.Stochastic(recipe.Get(TrainOptions.AverageFrom)!.Value),
            _ => WeightAveraging.None,
        },
    };

    private static Schedule Schedule(Recipe recipe)
    {
        ScheduleSettings settings = new()
        {
            Every = recipe.Get(TrainOptions.ScheduleEvery),
            Factor = recipe.Get(TrainOptions.ScheduleFactor),
            Floor = recipe.Get(TrainOptions.ScheduleFloor),
            WarmUpSteps = recipe.Get(TrainOptions.WarmUpSteps),
        };

        // A rise comes before any schedule, not only as one of its own.
        return recipe.Get(TrainOptions.Schedule) != "warm-up" && recipe.Says(TrainOptions.WarmUpSteps)
            ? Registry.Schedule("warm-up", settings with { Then = recipe.Get(TrainOptions.Schedule) })
            : Registry.Schedule(recipe.Get(TrainOptions.Schedule)!, settings);
    }
}
