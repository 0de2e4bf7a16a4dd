using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The samples that a quantisation takes its ranges from, and those that judge it.</summary>
/// <param name="Calibration">Training samples.</param>
/// <param name="Judging">Samples that judge.</param>
/// <param name="JudgedBy">validation, training, test or data: what they are.</param>
internal sealed record QuantizationData(IBatchSource Calibration, IBatchSource Judging, string JudgedBy)
{
    /// <summary>The parts of a training's data that a user may name; without a name, those held out, or else all that it was trained on.</summary>
    public static readonly string[] Parts = ["validation", "training", "test"];

    /// <summary>The data of the training, wherever they lie now; or those named on the command line, all of them for both.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="given">The options of the command line.</param>
    /// <param name="part">The part to judge by; null for the default.</param>
    public static QuantizationData Load(SavedModel model, string path, Recipe given, string? part)
    {
        Recipe trained = model.Recipe;
        bool named = given.Says(TrainOptions.Data);
        if (!named && !trained.Says(TrainOptions.Data))
        {
            throw ToolException.Usage("--data: the model file does not say what it was trained on");
        }

        if (trained.Get(TrainOptions.Data) is { } data && (!named || given.Get(TrainOptions.Data)!.Source == data.Source))
        {
            TaskData samples = DataLoader.Load(trained.With(given, [.. TrainOptions.Of(OptionGroup.Data)]));
            if (samples.Fingerprint == model.Fingerprint)
            {
                return Of(samples.ForOutputs(model.Network.Output.Shape.Length), path, part);
            }

            if (!named)
            {
                throw ToolException.Usage($"--data: these are not the samples that {path} was trained on");
            }
        }

        if (part is not null)
        {
            throw ToolException.Usage($"--judge {part}: it names a part of the training's data, and --data names others; all of them judge");
        }

        IBatchSource all = ModelData.Load(model, given);
        return new(all, all, "data");
    }

    private static QuantizationData Of(TaskData data, string path, string? part)
    {
        part ??= data.Validation is null ? "training" : "validation";
        IBatchSource? judging = part switch { "validation" => data.Validation, "test" => data.Test, _ => data.Training };
        return judging is null
            ? throw ToolException.Usage($"--judge validation: {path} was trained without held-out samples (--validation N)")
            : new(data.Training, judging, part);
    }
}
