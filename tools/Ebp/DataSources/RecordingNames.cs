using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>A recording, or a part of one, with its label and the group that stays together.</summary>
internal sealed record LabelledRecording(Recording Recording, string Label, string Group);

/// <summary>
/// What --files says of recordings: a pattern on their names, a CSV table of them, or nothing where each class has its folder. Labels and groups are
/// fields of the pattern or columns of the table.
/// </summary>
internal sealed class RecordingNames
{
    /// <summary>The field of a label where --label names none.</summary>
    private const string DefaultLabel = "label";

    /// <summary>The field of a group that every recording has: its own name.</summary>
    public const string File = "file";

    private readonly NamePattern? pattern;
    private readonly CsvText? table;
    private readonly Dictionary<string, List<int>> rows = new(StringComparer.Ordinal);
    private readonly string label;
    private readonly string group;

    /// <param name="recipe">The given options.</param>
    /// <param name="withLabels">Whether names tell labels, too; strokes have theirs inside.</param>
    public RecordingNames(Recipe recipe, bool withLabels = true)
    {
        label = recipe.Get(TrainOptions.Label) ?? DefaultLabel;
        group = recipe.Get(TrainOptions.Group) ?? File;
        if (recipe.Get(TrainOptions.Files) is not { } files)
        {
            return;
        }

        if (!files.EndsWith(".csv", StringComparison.OrdinalIgnoreCase))
        {
            pattern = new NamePattern(files);
            Require(label, !withLabels || pattern.Fields.Contains(label), "label", pattern.Fields);
            Require(group, group == File || pattern.Fields.Contains(group), "group", pattern.Fields);
            return;
        }

        table = System.IO.File.Exists(files) ? CsvText.Read(files) : throw ToolException.BadInput($"{files}: there is no such file");
        Require(label, !withLabels || table.Find(label) > 0, "label", table.Columns.Skip(1));
        Require(group, group == File || table.Find(group) > 0, "group", table.Columns.Skip(1));
        for (int row = 0; row < table.Count; row++)
        {
            string name = table.Row(row)[0];
            if (!rows.TryGetValue(name, out List<int>? lines))
            {
                rows.Add(name, lines = []);
            }

            lines.Add(row);
        }
    }

    /// <summary>Whether a recording is asked for: all are, but where a table lists them.</summary>
    public bool IsWanted(string name) => table is null || rows.ContainsKey(name);

    /// <summary>The recordings with their labels and groups; of a table's rows with from and to those parts.</summary>
    /// <param name="recordings">The recordings that were read.</param>
    /// <param name="path">Where they lie, for messages.</param>
    /// <exception cref="ToolException">A name does not follow the pattern, a listed file is missing, or a part is outside its recording.</exception>
    public List<LabelledRecording> Label(IReadOnlyList<Recording> recordings, string path)
    {
        List<LabelledRecording> all = [];
        foreach (Recording recording in recordings)
        {
            if (table is not null)
            {
                Parts(recording, all);
                _ = rows.Remove(recording.Name);
                continue;
            }

            (string name, string own) = Fields(recording.Name, path);
            all.Add(new LabelledRecording(recording, name, own));
        }

        return rows.Count == 0
            ? all
            : throw ToolException.BadInput($"{path}: there is no '{rows.Keys.First()}', which --files lists ({rows.Count} of its files are missing)");
    }

    /// <summary>The group of a file.</summary>
    /// <param name="name">Its name inside the folder.</param>
    /// <param name="path">Where it lies, for messages.</param>
    /// <exception cref="ToolException">The name does not follow the pattern, or the table does not list it.</exception>
    public string GroupOf(string name, string path)
    {
        if (table is not null)
        {
            return group == File && table.Find(group) <= 0 ? name
                : rows.TryGetValue(name, out List<int>? lines) ? table.Row(lines[0])[table.Find(group)]
                : throw ToolException.BadInput($"{path}: '{name}' is not among the files that --files lists");
        }

        return pattern is not null ? GroupIn(Matched(name, path), name) : group == File ? name : throw NoField();
    }

    private (string Label, string Group) Fields(string name, string path)
    {
        if (pattern is null)
        {
            int slash = name.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0 || label != DefaultLabel)
            {
                throw ToolException.BadInput(
                    $"{path}: '{name}' lies in no folder of a class: --files says what names tell, as in {{label}}_*.wav, or names a CSV file");
            }

            return group is File or DefaultLabel
                ? (name[..slash], group == File ? name : name[..slash])
                : throw NoField();
        }

        Dictionary<string, string> values = Matched(name, path);
        return (values[label], GroupIn(values, name));
    }

    private Dictionary<string, string> Matched(string name, string path) =>
        pattern!.Match(name) ?? throw ToolException.BadInput($"{path}: '{name}' does not follow --files {pattern}");

    private string GroupIn(Dictionary<string, string> values, string name) => group == File && !values.ContainsKey(File) ? name : values[group];

    private ToolException NoField() => ToolException.Usage($"--group: names have no '{group}' without --files; known: {File}");

    private void Parts(Recording recording, List<LabelledRecording> all)
    {
        int from = table!.Find("from"), to = table.Find("to"), labelColumn = table.Find(label), groupColumn = table.Find(group);
        foreach (int row in rows[recording.Name])
        {
            IReadOnlyList<string> fields = table.Row(row);
            int begin = Position(fields, from, 0), end = Position(fields, to, recording.Samples.Length);
            if (begin >= end || end > recording.Samples.Length)
            {
                throw ToolException.BadInput(string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{recording.Name}': samples {begin} to {end} were asked for, it has {recording.Samples.Length}"));
            }

            if (fields[labelColumn].Length == 0)
            {
                throw ToolException.BadInput($"'{recording.Name}': its '{label}' in the table is empty");
            }

            all.Add(new LabelledRecording(
                recording.Slice(begin, end - begin), fields[labelColumn], groupColumn < 0 ? recording.Name : fields[groupColumn]));
        }

        int Position(IReadOnlyList<string> fields, int column, int otherwise)
        {
            if (column < 0 || fields[column].Length == 0)
            {
                return otherwise;
            }

            return int.TryParse(fields[column], NumberStyles.None, CultureInfo.InvariantCulture, out int position)
                ? position
                : throw ToolException.BadInput($"'{recording.Name}': '{fields[column]}' is no number of a sample");
        }
    }

    private static void Require(string name, bool isKnown, string option, IEnumerable<string> known)
    {
        if (!isKnown)
        {
            throw ToolException.Usage($"--{option}: --files has no '{name}'; it has {string.Join(", ", known)}");
        }
    }
}
