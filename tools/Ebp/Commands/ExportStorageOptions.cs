using System.CommandLine;
using System.Globalization;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>The options of the C export for the storage of weights in flash, and the cost of each.</summary>
internal sealed class ExportStorageOptions
{
    private readonly Option<string> all = new("--storage")
    {
        HelpName = "float32|float16|int8",
        Description = "How weights stand in flash; the arithmetic is float with all of them (default: float32).",
    };

    private readonly Option<string[]> single = new("--storage-of")
    {
        HelpName = "LAYER=STORAGE",
        Description = "Another storage for one layer; may be given several times.",
    };

    private readonly Option<bool> judge = new("--evaluate")
    {
        Description = "Judges the stored weights beside the network's own, on the test part of the data it was trained on, or on --data.",
    };

    private readonly OptionReader? data;

    /// <summary>The data to judge on; the shape of a sample is the model's.</summary>
    private static readonly RecipeOption[] DataOptions =
    [
        TrainOptions.Data, TrainOptions.DataDir, TrainOptions.Label, TrainOptions.Ignore, TrainOptions.Test, TrainOptions.TestFraction,
        TrainOptions.Fold,
    ];

    public ExportStorageOptions(Command command, bool judges = true)
    {
        command.Options.Add(all);
        command.Options.Add(single);
        if (judges)
        {
            command.Options.Add(judge);
            data = new OptionReader(command, DataOptions);
        }
    }

    /// <summary>Loss and accuracy with the network's own weights, which it has again afterwards, and with the stored ones.</summary>
    public static Judgement Judge(SavedModel model, CExportOptions options, Recipe asked)
    {
        Network network = model.Network;
        IBatchSource data = ModelData.Load(model, asked);
        float[] stored = CExporter.StoredParameters(network.InferencePlan, network.Parameters, options), own = network.Parameters.ToArray();
        Evaluation before = Recipes.Judge.Evaluate(network, data);
        stored.CopyTo(network.Parameters);
        Evaluation after = Recipes.Judge.Evaluate(network, data);
        own.CopyTo(network.Parameters);
        return new Judgement(before, after, data.ClassCount > 0);
    }

    public CExportOptions Read(ParseResult parsed, CExportOptions options)
    {
        Dictionary<string, CStorage> layers = new(StringComparer.Ordinal);
        foreach (string text in parsed.GetValue(single) ?? [])
        {
            int at = text.LastIndexOf('=');
            if (at <= 0)
            {
                throw ToolException.Usage($"--storage-of {text}: expected LAYER=STORAGE, as in dense2=float32");
            }

            layers[text[..at]] = Parse("--storage-of " + text, text[(at + 1)..]);
        }

        return options with { Storage = parsed.GetValue(all) is { } name ? Parse("--storage " + name, name) : CStorage.Float32, StorageOf = layers };
    }

    /// <summary>The data to judge on; null where nothing is to be judged.</summary>
    /// <exception cref="ToolException">There are data, and nothing is to be judged.</exception>
    public Recipe? Judges(ParseResult parsed)
    {
        Recipe asked = data!.Read(parsed);
        return parsed.GetValue(judge) ? asked
            : Array.Find(DataOptions, asked.Says) is not { } stray ? null
            : throw ToolException.Usage($"--{stray.Name}: it belongs to --evaluate");
    }

    private static CStorage Parse(string option, string name) => name switch
    {
        "float32" => CStorage.Float32,
        "float16" => CStorage.Float16,
        "int8" => CStorage.Int8,
        _ => throw ToolException.Usage($"{option}: there are float32, float16, int8"),
    };

    /// <summary>The cost of storage.</summary>
    internal sealed record Judgement(Evaluation Own, Evaluation Stored, bool Classes)
    {
        public string Text => string.Create(
            CultureInfo.InvariantCulture,
            $"{Own.Count:N0} test samples: loss {Own.Loss:G6} with the network's own weights, {Stored.Loss:G6} with the stored ones")
            + (Classes ? string.Create(CultureInfo.InvariantCulture, $"; accuracy {Own.Accuracy:P2} and {Stored.Accuracy:P2}") : "");
    }
}
