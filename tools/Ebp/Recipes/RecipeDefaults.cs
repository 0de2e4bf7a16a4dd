using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Fills in missing options, so that they fit the data and the given options, and refuses contradictions.</summary>
internal static class RecipeDefaults
{
    /// <summary>The recipe with every value that a network without data needs: classes as many as outputs, two for a single one.</summary>
    public static Recipe CompleteWithoutData(Recipe recipe)
    {
        if (recipe.Get(TrainOptions.Net) is not { } text)
        {
            int[] layers = recipe.Get(TrainOptions.Layers)!;
            return Complete(recipe, new Shape(layers[0]), Math.Max(layers[^1], 2), layers[^1], int.MaxValue);
        }

        NetRecipe net = NetRecipe.Read(text, null);
        Shape row = net.Inputs == net.Input.Length ? net.Input : new Shape(net.Inputs);
        return Complete(recipe, row, Math.Max(net.Outputs, 2), net.Outputs, int.MaxValue);
    }

    /// <summary>The recipe with the data named: everything that is needed to load them.</summary>
    public static Recipe WithData(Recipe recipe) => recipe
        .With(TrainOptions.Data, recipe.Get(TrainOptions.Data) ?? DataName.Default)
        .With(TrainOptions.Seed, recipe.GetOrDefault(TrainOptions.Seed));

    /// <summary>The recipe with every value that training needs.</summary>
    /// <param name="recipe">The given options.</param>
    /// <param name="input">The shape of a sample.</param>
    /// <param name="classes">Classes; 0 for values to be predicted.</param>
    /// <param name="targets">Outputs that the data need.</param>
    /// <param name="samples">Training samples.</param>
    public static Recipe Complete(Recipe recipe, Shape input, int classes, int targets, int samples)
    {
        int inputs = input.Length;
        NetRecipe? net = recipe.Get(TrainOptions.Net) is { } text ? NetRecipe.Read(text, input) : null;
        if (net is not null)
        {
            recipe = recipe
                .With(TrainOptions.Layers, [net.Inputs, net.Outputs])
                .With(TrainOptions.OutputActivation, recipe.Get(TrainOptions.OutputActivation) ?? net.Activation);
        }

        int[] layers = recipe.Get(TrainOptions.Layers) ?? [inputs, HiddenWidth(inputs), targets];
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
            throw ToolException.BadInput($"{recipe.Get(TrainOptions.Data)!.Path}: all labels are the same: there is nothing to learn");
        }

        (string output, string loss) = OutputAndLoss(recipe, classes, layers[^1]);
        string activation = recipe.Get(TrainOptions.Activation) ?? "relu";
        (string optimizer, float momentum) = Optimizer(recipe, classes);
        int epochs = recipe.Get(TrainOptions.Epochs) ?? Math.Clamp(400_000 / samples, 10, 200);
        recipe = Quantize(Average(Schedule(recipe), epochs), epochs);
        (int batch, int accumulation) = Batch(recipe, optimizer, samples);
        if ((long)batch * accumulation > int.MaxValue)
        {
            throw ToolException.Usage($"--accumulate: {accumulation} batches of {batch} samples are more than an update can have ({int.MaxValue})");
        }

        if (accumulation > 1 && net?.WholeBatch.Except(recipe.Get(TrainOptions.Freeze) ?? []).FirstOrDefault() is { } layer)
        {
            throw ToolException.Usage(
                $"--accumulate {accumulation}: {layer} depends on the whole batch, which cannot be run in parts; --batch {Math.Min((long)batch * accumulation, samples)} takes as many samples at once"
            );
        }

        if (recipe.Says(TrainOptions.InitializerGain) && recipe.Get(TrainOptions.Initializer) != "orthogonal")
        {
            throw ToolException.Usage($"--init-gain: it belongs to --init orthogonal, got {recipe.Get(TrainOptions.Initializer) ?? "none"}");
        }

        if (recipe.Get(TrainOptions.Patience) is > 0 && !recipe.HoldsOut)
        {
            throw ToolException.Usage(
                $"--patience {recipe.Get(TrainOptions.Patience)}: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        if (recipe.Get(TrainOptions.Schedule) == "plateau" && !recipe.HoldsOut)
        {
            throw ToolException.Usage("--schedule plateau: it is judged by held-out samples, and there are none; --validation N holds out N");
        }

        return recipe
            .With(TrainOptions.Net, net?.WithOutput(output))
            .With(TrainOptions.Layers, layers)
            .With(TrainOptions.Activation, net is null ? activation : null)
            .With(TrainOptions.OutputActivation, output)
            .With(TrainOptions.Loss, loss)
            .With(TrainOptions.Optimizer, optimizer)
            .With(TrainOptions.Momentum, optimizer is "momentum" or "nesterov" ? momentum : null)
            .With(TrainOptions.LearningRate, recipe.Get(TrainOptions.LearningRate) ?? LearningRates.For(optimizer, loss, output))
            .With(TrainOptions.WeightDecay, recipe.Get(TrainOptions.WeightDecay) ?? WeightDecay(optimizer))
            .With(TrainOptions.Accumulation, accumulation)
            .With(
                TrainOptions.Initializer,
                recipe.Get(TrainOptions.Initializer)
                    ?? net?.Initializer
                    ?? ByActivation.For(activation, layers.Length - 1).Name)
            .With(TrainOptions.Batch, batch)
            .With(TrainOptions.Epochs, epochs)
            .WithDefaults();
    }

    /// <summary>The weight decay that an optimiser has where none is given.</summary>
    public static float WeightDecay(string optimizer) => optimizer == "adamw" ? 0.01f : 0f;

    /// <summary>Output activation and loss belong together: each follows the other, and both follow the data.</summary>
    private static (string Output, string Loss) OutputAndLoss(Recipe recipe, int classes, int outputs)
    {
        bool single = classes == 2 && outputs == 1;
        string output = recipe.Get(TrainOptions.OutputActivation) ?? recipe.Get(TrainOptions.Loss) switch
        {
            "cross-entropy" => "softmax",
            "binary-cross-entropy" => "sigmoid",
            null => classes == 0 ? "identity" : single ? "sigmoid" : "softmax",
            _ => classes == 0 ? "identity" : "sigmoid",
        };
        string loss = recipe.Get(TrainOptions.Loss) ?? output switch
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
            throw ToolException.Usage(
                $"--loss {loss} wants classes, the label of these data is a number to be predicted (quadratic, mse, mae or huber)");
        }

        return (output, loss);
    }

    /// <summary>Samples of a part and parts of an update. Rprop's signs need all samples: by default an epoch is one update.</summary>
    private static (int Batch, int Accumulation) Batch(Recipe recipe, string optimizer, int samples)
    {
        const int Part = 256;
        if (optimizer == "rprop" && !recipe.Says(TrainOptions.Batch) && !recipe.Says(TrainOptions.Accumulation) && samples < int.MaxValue)
        {
            return (Math.Min(samples, Part), ((samples - 1) / Part) + 1);
        }

        return (recipe.Get(TrainOptions.Batch) ?? (samples < 2_000 ? 10 : 32), recipe.Get(TrainOptions.Accumulation) ?? 1);
    }

    private static (string Name, float Momentum) Optimizer(Recipe recipe, int classes)
    {
        // A value of unknown size is learned most safely by an optimiser that scales its steps.
        bool nothingSaid = !recipe.Says(TrainOptions.LearningRate) && !recipe.Says(TrainOptions.Momentum);
        string optimizer =
            recipe.Get(TrainOptions.Optimizer)
            ?? (
                recipe.Get(TrainOptions.Momentum) is > 0 ? "momentum"
                : classes == 0 && nothingSaid ? "adam"
                : "sgd");
        RequireMomentum(recipe, optimizer);
        return (optimizer, recipe.Get(TrainOptions.Momentum) ?? 0.9f);
    }

    /// <summary>Refuses a momentum for an optimiser that has none.</summary>
    private static void RequireMomentum(Recipe recipe, string optimizer)
    {
        if (recipe.Get(TrainOptions.Momentum) is > 0 && optimizer is not ("momentum" or "nesterov"))
        {
            throw ToolException.Usage($"--momentum: it belongs to --optimizer momentum or nesterov, got {optimizer}");
        }
    }

    /// <summary>The optimiser that takes over from that of a training, as options say it: without a name, momentum turns sgd into momentum.</summary>
    public static string OptimizerAfter(string before, Recipe recipe)
    {
        string optimizer = recipe.Get(TrainOptions.Optimizer) ?? (before == "sgd" && recipe.Get(TrainOptions.Momentum) is > 0 ? "momentum" : before);
        RequireMomentum(recipe, optimizer);
        return optimizer;
    }

    /// <summary>The schedule with its settings; those of another schedule are refused.</summary>
    private static Recipe Schedule(Recipe recipe)
    {
        string name = recipe.Get(TrainOptions.Schedule) ?? "constant";
        Refuse(TrainOptions.ScheduleEvery, name is not ("step" or "plateau"), "step or plateau");
        Refuse(TrainOptions.ScheduleFactor, name is not ("step" or "exponential" or "plateau"), "step, exponential or plateau");
        Refuse(TrainOptions.ScheduleFloor, name is not ("cosine" or "plateau"), "cosine or plateau");
        return recipe
            .With(TrainOptions.Schedule, name)
            .With(TrainOptions.ScheduleEvery, name is "step" or "plateau" ? recipe.Get(TrainOptions.ScheduleEvery) ?? 10 : null)
            .With(TrainOptions.ScheduleFactor, name switch
            {
                "step" => recipe.Get(TrainOptions.ScheduleFactor) ?? 0.1f,
                "exponential" => recipe.Get(TrainOptions.ScheduleFactor) ?? 0.95f,
                "plateau" => recipe.Get(TrainOptions.ScheduleFactor) ?? 0.5f,
                _ => null,
            })
            .With(TrainOptions.ScheduleFloor, name is "cosine" or "plateau" ? recipe.Get(TrainOptions.ScheduleFloor) ?? 0 : null)
            .With(TrainOptions.WarmUpSteps, name == "warm-up" ? recipe.Get(TrainOptions.WarmUpSteps) ?? 1000 : recipe.Get(TrainOptions.WarmUpSteps));

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
        string name = recipe.Get(TrainOptions.Average) ?? "none";
        if (name != "ema" && recipe.Says(TrainOptions.AverageDecay))
        {
            throw ToolException.Usage($"--average-decay: it belongs to --average ema, got {name}");
        }

        if (name == "none" && recipe.Says(TrainOptions.AverageFrom))
        {
            throw ToolException.Usage("--average-from: it belongs to --average ema or swa, got none");
        }

        return recipe
            .With(TrainOptions.Average, name)
            .With(TrainOptions.AverageDecay, name == "ema" ? recipe.Get(TrainOptions.AverageDecay) ?? 0.999f : null)
            .With(TrainOptions.AverageFrom, name == "none" ? null : recipe.Get(TrainOptions.AverageFrom) ?? (name == "swa" ? epochs * 3 / 4 : 0));
    }

    /// <summary>The epochs in floats before those on integers.</summary>
    private static Recipe Quantize(Recipe recipe, int epochs)
    {
        bool quantizes = recipe.Says(TrainOptions.Quantize);
        if (!quantizes && recipe.Says(TrainOptions.QuantizeAfter))
        {
            throw ToolException.Usage("--quantize-after: it belongs to --quantize");
        }

        if (quantizes && (recipe.Get(TrainOptions.Patience) > 0 || recipe.Get(TrainOptions.Average) is not (null or "none")))
        {
            string other = recipe.Get(TrainOptions.Patience) > 0 ? "patience" : "average";
            throw ToolException.Usage($"--quantize: the last weights predict, so there is no --{other} beside it");
        }

        return quantizes ? recipe.With(TrainOptions.QuantizeAfter, recipe.Get(TrainOptions.QuantizeAfter) ?? (int)(0.7 * epochs)) : recipe;
    }

    private static int HiddenWidth(int inputs) => inputs >= 256 ? 64 : 30;
}
