using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Fills in what was not said, so that it fits the data and what was said, and refuses what contradicts itself.</summary>
internal static class RecipeDefaults
{
    public const ulong Seed = 1;

    /// <summary>The recipe with every value that a network without data needs: classes as many as outputs, two for a single one.</summary>
    public static Recipe CompleteWithoutData(Recipe recipe)
    {
        if (recipe.Net is null)
        {
            return Complete(recipe, new Shape(recipe.Layers![0]), Math.Max(recipe.Layers[^1], 2), recipe.Layers[^1], int.MaxValue);
        }

        NetRecipe net = NetRecipe.Read(recipe.Net, null);
        Shape row = net.Inputs == net.Input.Length ? net.Input : new Shape(net.Inputs);
        return Complete(recipe, row, Math.Max(net.Outputs, 2), net.Outputs, int.MaxValue);
    }

    /// <summary>The recipe with the data named: everything that is needed to load them.</summary>
    public static Recipe WithData(Recipe recipe) => recipe with { Data = recipe.Data ?? "digits", Seed = recipe.Seed ?? Seed };

    /// <summary>The recipe with every value that training needs.</summary>
    /// <param name="recipe">What was said.</param>
    /// <param name="input">What a sample is.</param>
    /// <param name="classes">Classes; 0 for a number to be predicted.</param>
    /// <param name="targets">Outputs that the data want.</param>
    /// <param name="samples">Training samples.</param>
    public static Recipe Complete(Recipe recipe, Shape input, int classes, int targets, int samples)
    {
        int inputs = input.Length;
        NetRecipe? net = recipe.Net is null ? null : NetRecipe.Read(recipe.Net, input);
        if (net is not null)
        {
            recipe = recipe with { Layers = [net.Inputs, net.Outputs], OutputActivation = recipe.OutputActivation ?? net.Activation };
        }

        int[] layers = recipe.Layers ?? [inputs, HiddenWidth(inputs), targets];
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
            throw ToolException.BadInput($"{recipe.Data![(recipe.Data!.IndexOf(':', StringComparison.Ordinal) + 1)..]}: all labels are the same: there is nothing to learn");
        }

        (string output, string loss) = OutputAndLoss(recipe, classes, layers[^1]);
        string activation = recipe.Activation ?? "relu";
        (string optimizer, float momentum) = Optimizer(recipe, classes);
        int epochs = recipe.Epochs ?? Math.Clamp(400_000 / samples, 10, 200);
        recipe = Average(Schedule(recipe), epochs);
        (int batch, int accumulation) = Batch(recipe, optimizer, samples);
        if ((long)batch * accumulation > int.MaxValue)
        {
            throw ToolException.Usage($"--accumulate: {accumulation} batches of {batch} samples are more than an update can have ({int.MaxValue})");
        }

        if (accumulation > 1 && net?.WholeBatch.Except(recipe.FrozenLayers).FirstOrDefault() is { } layer)
        {
            throw ToolException.Usage(
                $"--accumulate {accumulation}: {layer} depends on the whole batch, which cannot be run in parts; --batch {Math.Min((long)batch * accumulation, samples)} takes as many samples at once");
        }

        if (recipe.InitializerGain is not null && recipe.Initializer != "orthogonal")
        {
            throw ToolException.Usage($"--init-gain: it belongs to --init orthogonal, got {recipe.Initializer ?? "none"}");
        }

        if (recipe.Patience is > 0 && !recipe.HoldsOut)
        {
            throw ToolException.Usage($"--patience {recipe.Patience}: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        if (recipe.Schedule == "plateau" && !recipe.HoldsOut)
        {
            throw ToolException.Usage("--schedule plateau: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        return recipe with
        {
            Net = net?.WithOutput(output),
            Layers = layers,
            Activation = net is null ? activation : null,
            OutputActivation = output,
            Loss = loss,
            Optimizer = optimizer,
            Momentum = optimizer is "momentum" or "nesterov" ? momentum : null,
            LearningRate = recipe.LearningRate ?? LearningRate(optimizer, loss, output),
            L2 = recipe.L2 ?? 0,
            WeightDecay = recipe.WeightDecay ?? (optimizer == "adamw" ? 0.01f : 0),
            L1 = recipe.L1 ?? 0,
            ClipValue = recipe.ClipValue ?? 0,
            ClipNorm = recipe.ClipNorm ?? 0,
            MaxNorm = recipe.MaxNorm ?? 0,
            Accumulation = accumulation,
            Patience = recipe.Patience ?? 0,
            Initializer = recipe.Initializer ?? (net is null ? Initializer(activation, layers.Length) : Initializer(net.Hidden ?? "identity", net.Layers + 1)),
            Batch = batch,
            Epochs = epochs,
            Seed = recipe.Seed ?? Seed,
            Arithmetic = recipe.Arithmetic ?? "fused",
        };
    }

    /// <summary>The rate that suits an optimiser; the quadratic loss behind a sigmoid has small gradients and takes Nielsen's 3.</summary>
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
        string output = recipe.OutputActivation ?? recipe.Loss switch
        {
            "cross-entropy" => "softmax",
            "binary-cross-entropy" => "sigmoid",
            null => classes == 0 ? "identity" : single ? "sigmoid" : "softmax",
            _ => classes == 0 ? "identity" : "sigmoid",
        };
        string loss = recipe.Loss ?? output switch
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

    /// <summary>Samples of a part and parts of an update. Rprop's signs want all samples: where nothing is said, an epoch is one update.</summary>
    private static (int Batch, int Accumulation) Batch(Recipe recipe, string optimizer, int samples)
    {
        const int Part = 256;
        if (optimizer == "rprop" && recipe.Batch is null && recipe.Accumulation is null && samples < int.MaxValue)
        {
            return (Math.Min(samples, Part), ((samples - 1) / Part) + 1);
        }

        return (recipe.Batch ?? (samples < 2_000 ? 10 : 32), recipe.Accumulation ?? 1);
    }

    private static (string Name, float Momentum) Optimizer(Recipe recipe, int classes)
    {
        // A number of unknown size is learned most safely by an optimiser that scales its steps.
        bool nothingSaid = recipe.LearningRate is null && recipe.Momentum is null;
        string optimizer = recipe.Optimizer ?? (recipe.Momentum is > 0 ? "momentum" : classes == 0 && nothingSaid ? "adam" : "sgd");
        if (recipe.Momentum is > 0 && optimizer is not ("momentum" or "nesterov"))
        {
            throw ToolException.Usage($"--momentum: it belongs to --optimizer momentum or nesterov, got {optimizer}");
        }

        return (optimizer, recipe.Momentum ?? 0.9f);
    }

    /// <summary>The schedule with its settings; those of another schedule are refused.</summary>
    private static Recipe Schedule(Recipe recipe)
    {
        string name = recipe.Schedule ?? "constant";
        Refuse(recipe.ScheduleEvery is not null && name is not ("step" or "plateau"), "schedule-every", "step or plateau");
        Refuse(recipe.ScheduleFactor is not null && name is not ("step" or "exponential" or "plateau"), "schedule-factor", "step, exponential or plateau");
        Refuse(recipe.ScheduleFloor is not null && name is not ("cosine" or "plateau"), "schedule-floor", "cosine or plateau");
        return recipe with
        {
            Schedule = name,
            ScheduleEvery = name is "step" or "plateau" ? recipe.ScheduleEvery ?? 10 : null,
            ScheduleFactor = name switch
            {
                "step" => recipe.ScheduleFactor ?? 0.1f,
                "exponential" => recipe.ScheduleFactor ?? 0.95f,
                "plateau" => recipe.ScheduleFactor ?? 0.5f,
                _ => null,
            },
            ScheduleFloor = name is "cosine" or "plateau" ? recipe.ScheduleFloor ?? 0 : null,
            WarmUpSteps = name == "warm-up" ? recipe.WarmUpSteps ?? 1000 : recipe.WarmUpSteps,
        };

        void Refuse(bool stray, string option, string owner)
        {
            if (stray)
            {
                throw ToolException.Usage($"--{option}: it belongs to --schedule {owner}, got {name}");
            }
        }
    }

    /// <summary>The average with its settings; those of another kind are refused.</summary>
    private static Recipe Average(Recipe recipe, int epochs)
    {
        string name = recipe.Average ?? "none";
        if (name != "ema" && recipe.AverageDecay is not null)
        {
            throw ToolException.Usage($"--average-decay: it belongs to --average ema, got {name}");
        }

        if (name == "none" && recipe.AverageFrom is not null)
        {
            throw ToolException.Usage("--average-from: it belongs to --average ema or swa, got none");
        }

        return recipe with
        {
            Average = name,
            AverageDecay = name == "ema" ? recipe.AverageDecay ?? 0.999f : null,
            AverageFrom = name == "none" ? null : recipe.AverageFrom ?? (name == "swa" ? epochs * 3 / 4 : 0),
        };
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
