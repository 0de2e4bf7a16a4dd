using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Tools.DataSources;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Fills in missing options, so that they fit the data and the given options, and refuses contradictions.</summary>
internal static class RecipeDefaults
{
    /// <summary>The recipe with every value that a network without data needs: classes as many as outputs, two for a single one.</summary>
    public static Recipe CompleteWithoutData(Recipe recipe)
    {
        if (recipe.Get(Options.Net) is not { } text)
        {
            int[] layers = recipe.Get(Options.Layers)!;
            return Complete(recipe, new Shape(layers[0]), Math.Max(layers[^1], 2), layers[^1], int.MaxValue);
        }

        NetRecipe net = NetRecipe.Read(text, null);
        Shape row = net.Inputs == net.Input.Length ? net.Input : new Shape(net.Inputs);
        return Complete(recipe, row, Math.Max(net.Outputs, 2), net.Outputs, int.MaxValue);
    }

    /// <summary>The recipe with the data named: everything that is needed to load them.</summary>
    public static Recipe WithData(Recipe recipe) => recipe
        .With(Options.Data, recipe.Get(Options.Data) ?? DataName.Default)
        .With(Options.Seed, recipe.GetOrDefault(Options.Seed));

    /// <summary>The recipe with every value that training needs.</summary>
    /// <param name="recipe">The given options.</param>
    /// <param name="input">The shape of a sample.</param>
    /// <param name="classes">Classes; 0 for values to be predicted.</param>
    /// <param name="targets">Outputs that the data need.</param>
    /// <param name="samples">Training samples.</param>
    public static Recipe Complete(Recipe recipe, Shape input, int classes, int targets, int samples)
    {
        int inputs = input.Length;
        NetRecipe? net = recipe.Get(Options.Net) is { } text ? NetRecipe.Read(text, input) : null;
        if (net is not null)
        {
            recipe = recipe
                .With(Options.Layers, [net.Inputs, net.Outputs])
                .With(Options.OutputActivation, recipe.Get(Options.OutputActivation) ?? net.Activation);
        }

        int[] layers = recipe.Get(Options.Layers) ?? [inputs, HiddenWidth(inputs), targets];
        string option = net is null ? "layers" : "net";
        if (layers[0] != inputs)
        {
            throw ToolException.Usage($"--{option}: the first layer has {layers[0]} inputs, the data have {inputs}");
        }

        if (layers[^1] != targets && !(layers[^1] == 1 && classes == 2))
        {
            string wanted = classes == 2 ? "2 classes (2 outputs, or 1)" : classes > 0 ? $"{classes} classes" : $"{targets} number to be predicted";
            throw ToolException.Usage($"--{option}: the last layer has {layers[^1]} outputs, the data have {wanted}");
        }

        if (classes == 1)
        {
            throw ToolException.BadInput($"{recipe.Get(Options.Data)!.Path}: all labels are the same: there is nothing to learn");
        }

        (string output, string loss) = OutputAndLoss(recipe, classes, layers[^1]);
        string activation = recipe.Get(Options.Activation) ?? "relu";
        (string optimizer, float momentum) = Optimizer(recipe, classes);
        int epochs = recipe.Get(Options.Epochs) ?? Math.Clamp(400_000 / samples, 10, 200);
        recipe = Average(Schedule(recipe), epochs);
        (int batch, int accumulation) = Batch(recipe, optimizer, samples);
        if ((long)batch * accumulation > int.MaxValue)
        {
            throw ToolException.Usage($"--accumulate: {accumulation} batches of {batch} samples are more than an update can have ({int.MaxValue})");
        }

        if (accumulation > 1 && net?.WholeBatch.Except(recipe.Get(Options.Freeze) ?? []).FirstOrDefault() is { } layer)
        {
            throw ToolException.Usage(
                $"--accumulate {accumulation}: {layer} depends on the whole batch, which cannot be run in parts; --batch {Math.Min((long)batch * accumulation, samples)} takes as many samples at once");
        }

        if (recipe.Says(Options.InitializerGain) && recipe.Get(Options.Initializer) != "orthogonal")
        {
            throw ToolException.Usage($"--init-gain: it belongs to --init orthogonal, got {recipe.Get(Options.Initializer) ?? "none"}");
        }

        if (recipe.Get(Options.Patience) is > 0 && !recipe.HoldsOut)
        {
            throw ToolException.Usage($"--patience {recipe.Get(Options.Patience)}: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        if (recipe.Get(Options.Schedule) == "plateau" && !recipe.HoldsOut)
        {
            throw ToolException.Usage("--schedule plateau: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        return recipe
            .With(Options.Net, net?.WithOutput(output))
            .With(Options.Layers, layers)
            .With(Options.Activation, net is null ? activation : null)
            .With(Options.OutputActivation, output)
            .With(Options.Loss, loss)
            .With(Options.Optimizer, optimizer)
            .With(Options.Momentum, optimizer is "momentum" or "nesterov" ? momentum : null)
            .With(Options.LearningRate, recipe.Get(Options.LearningRate) ?? LearningRate(optimizer, loss, output))
            .With(Options.WeightDecay, recipe.Get(Options.WeightDecay) ?? (optimizer == "adamw" ? 0.01f : 0))
            .With(Options.Accumulation, accumulation)
            .With(Options.Initializer, recipe.Get(Options.Initializer) ?? (net is null ? Initializer(activation, layers.Length) : Initializer(net.Hidden ?? "identity", net.Layers + 1)))
            .With(Options.Batch, batch)
            .With(Options.Epochs, epochs)
            .WithDefaults();
    }

    /// <summary>The rate that suits an optimiser; the quadratic loss after a sigmoid has small gradients and takes Nielsen's 3.</summary>
    public static float LearningRate(string optimizer, string loss, string output)
    {
        bool flat = output == "sigmoid" && loss is "quadratic" or "mse" or "mae" or "huber";
        return optimizer switch
        {
            "sgd" => flat ? 3f : output == "identity" ? 0.01f : 0.1f,
            "momentum" or "nesterov" => flat ? 0.3f : output == "identity" ? 0.001f : 0.02f,
            "adagrad" or "rprop" => 0.01f,
            _ => 0.001f,
        };
    }

    /// <summary>Output activation and loss belong together: each follows the other, and both follow the data.</summary>
    private static (string Output, string Loss) OutputAndLoss(Recipe recipe, int classes, int outputs)
    {
        bool single = classes == 2 && outputs == 1;
        string output = recipe.Get(Options.OutputActivation) ?? recipe.Get(Options.Loss) switch
        {
            "cross-entropy" => "softmax",
            "binary-cross-entropy" => "sigmoid",
            null => classes == 0 ? "identity" : single ? "sigmoid" : "softmax",
            _ => classes == 0 ? "identity" : "sigmoid",
        };
        string loss = recipe.Get(Options.Loss) ?? output switch
        {
            "softmax" => "cross-entropy",
            "sigmoid" when classes > 0 => "binary-cross-entropy",
            _ => classes > 0 ? "quadratic" : "mse",
        };

        if (loss == "cross-entropy" && output != "softmax")
        {
            string offer = output == "sigmoid" ? "; sigmoid outputs take --loss binary-cross-entropy" : "";
            throw ToolException.Usage($"--loss cross-entropy wants --output-activation softmax, got {output}{offer}");
        }

        if (loss == "binary-cross-entropy" && output != "sigmoid")
        {
            string offer = output == "softmax" ? "; softmax outputs take --loss cross-entropy" : "";
            throw ToolException.Usage($"--loss binary-cross-entropy wants --output-activation sigmoid, got {output}{offer}");
        }

        if (output == "softmax" && outputs == 1)
        {
            throw ToolException.Usage("--output-activation softmax wants at least 2 outputs: one alone is always 1");
        }

        if (classes == 0 && loss is "cross-entropy" or "binary-cross-entropy")
        {
            throw ToolException.Usage($"--loss {loss} wants classes, the label of these data is a number to be predicted (quadratic, mse, mae or huber)");
        }

        return (output, loss);
    }

    /// <summary>Samples of a part and parts of an update. Rprop's signs need all samples: by default an epoch is one update.</summary>
    private static (int Batch, int Accumulation) Batch(Recipe recipe, string optimizer, int samples)
    {
        const int Part = 256;
        if (optimizer == "rprop" && !recipe.Says(Options.Batch) && !recipe.Says(Options.Accumulation) && samples < int.MaxValue)
        {
            return (Math.Min(samples, Part), ((samples - 1) / Part) + 1);
        }

        return (recipe.Get(Options.Batch) ?? (samples < 2_000 ? 10 : 32), recipe.Get(Options.Accumulation) ?? 1);
    }

    private static (string Name, float Momentum) Optimizer(Recipe recipe, int classes)
    {
        // A value of unknown size is learned most safely by an optimiser that scales its steps.
        bool nothingSaid = !recipe.Says(Options.LearningRate) && !recipe.Says(Options.Momentum);
        string optimizer = recipe.Get(Options.Optimizer) ?? (recipe.Get(Options.Momentum) is > 0 ? "momentum" : classes == 0 && nothingSaid ? "adam" : "sgd");
        if (recipe.Get(Options.Momentum) is > 0 && optimizer is not ("momentum" or "nesterov"))
        {
            throw ToolException.Usage($"--momentum: it belongs to --optimizer momentum or nesterov, got {optimizer}");
        }

        return (optimizer, recipe.Get(Options.Momentum) ?? 0.9f);
    }

    /// <summary>The schedule with its settings; those of another schedule are refused.</summary>
    private static Recipe Schedule(Recipe recipe)
    {
        string name = recipe.Get(Options.Schedule) ?? "constant";
        Refuse(Options.ScheduleEvery, name is not ("step" or "plateau"), "step or plateau");
        Refuse(Options.ScheduleFactor, name is not ("step" or "exponential" or "plateau"), "step, exponential or plateau");
        Refuse(Options.ScheduleFloor, name is not ("cosine" or "plateau"), "cosine or plateau");
        return recipe
            .With(Options.Schedule, name)
            .With(Options.ScheduleEvery, name is "step" or "plateau" ? recipe.Get(Options.ScheduleEvery) ?? 10 : null)
            .With(Options.ScheduleFactor, name switch
            {
                "step" => recipe.Get(Options.ScheduleFactor) ?? 0.1f,
                "exponential" => recipe.Get(Options.ScheduleFactor) ?? 0.95f,
                "plateau" => recipe.Get(Options.ScheduleFactor) ?? 0.5f,
                _ => null,
            })
            .With(Options.ScheduleFloor, name is "cosine" or "plateau" ? recipe.Get(Options.ScheduleFloor) ?? 0 : null)
            .With(Options.WarmUpSteps, name == "warm-up" ? recipe.Get(Options.WarmUpSteps) ?? 1000 : recipe.Get(Options.WarmUpSteps));

        void Refuse(RecipeOption option, bool stray, string owner)
        {
            if (stray && recipe.Says(option))
            {
                throw ToolException.Usage($"--{option.Name}: it belongs to --schedule {owner}, got {name}");
            }
        }
    }

    /// <summary>The average with its settings; those of another kind are refused.</summary>
    private static Recipe Average(Recipe recipe, int epochs)
    {
        string name = recipe.Get(Options.Average) ?? "none";
        if (name != "ema" && recipe.Says(Options.AverageDecay))
        {
            throw ToolException.Usage($"--average-decay: it belongs to --average ema, got {name}");
        }

        if (name == "none" && recipe.Says(Options.AverageFrom))
        {
            throw ToolException.Usage("--average-from: it belongs to --average ema or swa, got none");
        }

        return recipe
            .With(Options.Average, name)
            .With(Options.AverageDecay, name == "ema" ? recipe.Get(Options.AverageDecay) ?? 0.999f : null)
            .With(Options.AverageFrom, name == "none" ? null : recipe.Get(Options.AverageFrom) ?? (name == "swa" ? epochs * 3 / 4 : 0));
    }

    private static string Initializer(string activation, int layers) =>
        layers == 2 ? "glorot"
        : activation switch
        {
            "relu" or "leaky-relu" or "relu6" or "elu" or "gelu" or "softplus" or "silu" or "mish" or "hard-swish" => "he",
            "selu" or "lecun-tanh" => "lecun",
            _ => "glorot",
        };

    private static int HiddenWidth(int inputs) => inputs >= 256 ? 64 : 30;
}
