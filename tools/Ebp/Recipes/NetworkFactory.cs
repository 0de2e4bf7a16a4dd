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
            Batch = batch ?? recipe.Get(Options.Batch)!.Value,
            Arithmetic = recipe.Get(Options.Arithmetic) == "separate" ? Arithmetic.Separate : Arithmetic.Fused,
            Layout = layout,
            Threads = threads,
            MemoryBudget = memoryBudget,
            KeepGradients = keepGradients,
            // Accumulated batches need memory for their gradient.
            FuseUpdate = memoryBudget == 0 || recipe.Get(Options.Accumulation) is null or 1,
            Initializer = Registry.Initializer(recipe.Get(Options.Initializer)!, new InitializerSettings { Gain = recipe.Get(Options.InitializerGain) }),
            Seed = recipe.Get(Options.Seed)!.Value,
            Optimizer = Registry.Optimizer(recipe.Get(Options.Optimizer)!, new OptimizerSettings { Momentum = recipe.Get(Options.Momentum) }),
            Regularization = new Regularization
            {
                L1 = recipe.Get(Options.L1)!.Value,
                L2 = recipe.Get(Options.L2)!.Value,
                WeightDecay = recipe.Get(Options.WeightDecay)!.Value,
                MaxNorm = recipe.Get(Options.MaxNorm)!.Value,
            },
            Frozen = recipe.Get(Options.Freeze) ?? [],
            Clipping = new Clipping { Value = recipe.Get(Options.ClipValue)!.Value, Norm = recipe.Get(Options.ClipNorm)!.Value },
        };
        Loss loss = Registry.Loss(recipe.Get(Options.Loss)!, new LossSettings { LabelSmoothing = recipe.Get(Options.LabelSmoothing), ClassWeights = recipe.WeightOfClass });
        return recipe.Get(Options.Net) is { } net ? NetCompiler.Compile(net, loss, options) : Layers(recipe).Compile(loss, options);
    }

    private static Sequential Layers(Recipe recipe)
    {
        int[] layers = recipe.Get(Options.Layers)!;
        Sequential net = new(layers[0]);
        for (int i = 1; i < layers.Length; i++)
        {
            net.Dense(layers[i], Registry.Activation(i == layers.Length - 1 ? recipe.Get(Options.OutputActivation)! : recipe.Get(Options.Activation)!));
        }

        return net;
    }

    public static TrainerOptions Training(Recipe recipe) => new()
    {
        Epochs = recipe.Get(Options.Epochs)!.Value,
        LearningRate = recipe.Get(Options.LearningRate)!.Value,
        Schedule = Schedule(recipe),
        Accumulation = recipe.Get(Options.Accumulation)!.Value,
        EarlyStopping = new EarlyStopping(recipe.Get(Options.Patience)!.Value),
        Averaging = recipe.Get(Options.Average) switch
        {
            "ema" => WeightAveraging.Exponential(recipe.Get(Options.AverageDecay)!.Value, recipe.Get(Options.AverageFrom)!.Value),
            "swa" => WeightAveraging.Stochastic(recipe.Get(Options.AverageFrom)!.Value),
            _ => WeightAveraging.None,
        },
    };

    private static Schedule Schedule(Recipe recipe)
    {
        ScheduleSettings settings = new()
        {
            Every = recipe.Get(Options.ScheduleEvery),
            Factor = recipe.Get(Options.ScheduleFactor),
            Floor = recipe.Get(Options.ScheduleFloor),
            WarmUpSteps = recipe.Get(Options.WarmUpSteps),
        };

        // A rise comes before any schedule, not only as one of its own.
        return recipe.Get(Options.Schedule) != "warm-up" && recipe.Says(Options.WarmUpSteps)
            ? Registry.Schedule("warm-up", settings with { Then = recipe.Get(Options.Schedule) })
            : Registry.Schedule(recipe.Get(Options.Schedule)!, settings);
    }
}
