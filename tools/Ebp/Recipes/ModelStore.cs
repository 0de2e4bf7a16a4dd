using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// Model files as this tool writes them: the library's, with the recipe, the preparation of inputs and the history as strings of its own.
/// </summary>
internal static class ModelStore
{
    private const string OptionPrefix = "option.";
    private const string History = "history";
    private const string Fingerprint = "data.sha256";
    private const string InputNames = "inputs.names";
    private const string ClassNames = "classes.names";
    private const string ClassCount = "classes";
    private const string Report = "quantization.report";

    public static void Save(string path, Network network, Trainer trainer, Recipe recipe, TaskData data, IReadOnlyList<EpochRecord> history) =>
        ModelFile.Save(path, network, trainer, Strings(recipe, data, history));

    /// <summary>The strings of a file: the recipe, the preparation of inputs, the history.</summary>
    public static Dictionary<string, string> Strings(Recipe recipe, TaskData data, IReadOnlyList<EpochRecord> history)
    {
        Dictionary<string, string> extra = Options(recipe);
        Preparation preparation = data.Preparation;
        extra.Add(ClassCount, preparation.Classes.ToString(CultureInfo.InvariantCulture));
        extra.Add(Fingerprint, data.Fingerprint);
        SetHistory(extra, history);
        foreach ((string key, string value) in preparation.Standardizer?.ToExtra() ?? new Dictionary<string, string>())
        {
            extra.Add(key, value);
        }

        AddNames(InputNames, preparation.InputNames);
        AddNames(ClassNames, preparation.ClassNames);
        return extra;

        void AddNames(string key, IReadOnlyList<string>? names)
        {
            if (names is not null)
            {
                extra.Add(key, Json(writer =>
                {
                    foreach (string name in names)
                    {
                        writer.WriteStringValue(name);
                    }
                }));
            }
        }
    }

    /// <summary>Puts the epochs so far into a file's strings.</summary>
    public static void SetHistory(Dictionary<string, string> extra, IReadOnlyList<EpochRecord> history) => extra[History] = Json(writer =>
    {
        foreach (EpochRecord record in history)
        {
            record.Write(writer);
        }
    });

    /// <summary>Writes a network that no data were shown to.</summary>
    public static void SaveUntrained(string path, Network network, Recipe recipe) => ModelFile.Save(path, network, extra: Options(recipe));

    /// <summary>What a model's file says of inputs and classes, which another format can keep as well.</summary>
    public static Dictionary<string, string> PreparationOf(SavedModel model)
    {
        Dictionary<string, string> inputs = model.Preparation.Standardizer?.ToExtra() ?? [];
        return model.File.Extra
            .Where(entry => entry.Key is InputNames or ClassNames or ClassCount || inputs.ContainsKey(entry.Key))
            .ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);
    }

    /// <summary>The bytes of a quantised model, with the strings of the float model that it was made of and the report of the quantisation.</summary>
    public static byte[] ToArray(Network quantized, SavedModel origin, QuantizationReport report)
    {
        Dictionary<string, string> extra = new(origin.File.Extra, StringComparer.Ordinal) { [Report] = QuantizationText.Format(report) };
        return ModelFile.ToArray(quantized, extra: extra);
    }

    /// <summary>The report of the quantisation; null where the file has none.</summary>
    /// <exception cref="ToolException">The report is not one of this tool.</exception>
    public static QuantizationReport? ReportOf(SavedModel model)
    {
        try
        {
            return model.File.Extra.TryGetValue(Report, out string? text) ? QuantizationText.Parse(text) : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw ToolException.BadInput($"{model.File.Name}: {Report}: {exception.Message}", exception);
        }
    }

    /// <exception cref="ToolException">There is no such file, or its strings are not those of this tool.</exception>
    /// <exception cref="DataFormatException">The file is damaged.</exception>
    public static SavedModel Load(string path)
    {
        if (!File.Exists(path))
        {
            throw ToolException.BadInput(Directory.Exists(path) ? $"{path}: it is a folder, not a model file" : $"{path}: there is no such file");
        }

        ModelFile file = ModelFile.Open(path);
        try
        {
            Recipe recipe = Recipe.Parse(name => file.Extra.GetValueOrDefault(OptionPrefix + name));
            int classes = file.Extra.TryGetValue(ClassCount, out string? count)
                ? int.Parse(count, NumberStyles.None, CultureInfo.InvariantCulture)
                : 0;
            Preparation preparation = new(Standardizer.From(file), Names(file, InputNames), Names(file, ClassNames), classes);
            return new SavedModel(file, recipe, preparation, Epochs(file), file.Extra.GetValueOrDefault(Fingerprint, ""));
        }
        catch (Exception exception) when (exception is ToolException or FormatException or OverflowException or JsonException or ArgumentException
            or InvalidOperationException or KeyNotFoundException)
        {
            throw ToolException.BadInput($"{path}: its metadata are not those of this tool: {exception.Message}", exception);
        }
    }

    private static Dictionary<string, string> Options(Recipe recipe)
    {
        Dictionary<string, string> extra = new(StringComparer.Ordinal);
        foreach ((string name, string value) in recipe.Texts())
        {
            extra.Add(OptionPrefix + name, value);
        }

        return extra;
    }

    private static List<EpochRecord> Epochs(ModelFile file)
    {
        List<EpochRecord> records = [];
        if (file.Extra.TryGetValue(History, out string? text))
        {
            using JsonDocument document = JsonDocument.Parse(text);
            foreach (JsonElement element in document.RootElement.EnumerateArray())
            {
                records.Add(EpochRecord.Read(element));
            }
        }

        return records;
    }

    private static List<string>? Names(ModelFile file, string key)
    {
        if (!file.Extra.TryGetValue(key, out string? text))
        {
            return null;
        }

        using JsonDocument document = JsonDocument.Parse(text);
        List<string> names = [];
        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            names.Add(element.GetString() ?? throw new FormatException($"{key} holds a null"));
        }

        return names;
    }

    private static string Json(Action<Utf8JsonWriter> elements)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartArray();
            elements(writer);
            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
