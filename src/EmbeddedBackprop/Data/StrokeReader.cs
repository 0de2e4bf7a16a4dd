using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Reads labelled strokes (motion gestures) from JSON: {"strokes": [{"strokePoints": [{"x": 0.1, "y": -0.2}, ...], "label": "0"}, ...]}, other
/// members are passed over. A stroke becomes a sequence with the features x and y.
/// </summary>
/// <remarks>
/// Labels that are whole numbers become classes in ascending order, others in order of first appearance. The reader is strict: a value that
/// is missing, not a number, not finite or given twice is a <see cref="DataFormatException"/> that names the byte.
/// </remarks>
public static class StrokeReader
{
    /// <summary>The most bytes of a file.</summary>
    internal const long Limit = 1 << 30;

    private static readonly string[] FeatureNames = ["x", "y"];

    /// <summary>Reads a file, or all .json files of a folder in the order of their names.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="classes">The classes' names, if they are known from elsewhere; null for those that occur.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, or has a label that is no class.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SequenceDataset Read(string path, IReadOnlyList<string>? classes = null) =>
        Read(path, classes, progress: null, cancellation: default);

    /// <summary>The same for files that take long.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="classes">The classes' names, if they are known from elsewhere; null for those that occur.</param>
    /// <param name="progress">Called after each stroke, with the strokes so far; null for none.</param>
    /// <param name="cancellation">Ends the reading after the current stroke.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, or has a label that is no class.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static SequenceDataset Read(string path, IReadOnlyList<string>? classes, Action<long>? progress, CancellationToken cancellation) =>
        Read(path, classes, progress, out _, cancellation);

    /// <summary>The same with the name of the file that each stroke comes from, so that no file need be on two sides of a split.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="classes">The classes' names, if they are known from elsewhere; null for those that occur.</param>
    /// <param name="files">The name, without its folder, of each stroke's file.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, or has a label that is no class.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SequenceDataset Read(string path, IReadOnlyList<string>? classes, out IReadOnlyList<string> files) =>
        Read(path, classes, progress: null, out files, cancellation: default);

    private static SequenceDataset Read(
        string path, IReadOnlyList<string>? classes, Action<long>? progress, out IReadOnlyList<string> fileOf, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(path);
        List<string> names = [];
        fileOf = names;
        string[] files = [path];
        if (Directory.Exists(path))
        {
            files = Directory.GetFiles(path, "*.json");
            Array.Sort(files, StringComparer.Ordinal);
            if (files.Length == 0)
            {
                throw new FileNotFoundException($"'{path}' holds no .json file.", path);
            }
        }

        Strokes strokes = new();
        foreach (string file in files)
        {
            Read(WholeFile.Read(file, Limit), file, strokes, progress, cancellation);
            while (names.Count < strokes.Count)
            {
                names.Add(Path.GetFileName(file));
            }
        }

        return strokes.ToDataset(path, classes);
    }

    /// <summary>Reads one file's bytes.</summary>
    /// <param name="text">The bytes.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="classes">The classes' names, if they are known from elsewhere; null for those that occur.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or has a label that is no class.</exception>
    public static SequenceDataset Parse(ReadOnlySpan<byte> text, string name, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        Strokes strokes = new();
        Read(text, name, strokes, progress: null, cancellation: default);
        return strokes.ToDataset(name, classes);
    }

    private static void Read(ReadOnlySpan<byte> text, string name, Strokes strokes, Action<long>? progress, CancellationToken cancellation)
    {
        if (!Utf8.IsValid(text))
        {
            throw new DataFormatException(name, FirstInvalid(text), "not valid UTF-8");
        }

        if (text.StartsWith("\uFEFF"u8))
        {
            throw new DataFormatException(name, 0, "a byte order mark: expected '{'");
        }

        Utf8JsonReader reader = new(text);
        try
        {
            Next(ref reader, name, JsonTokenType.StartObject, "'{'");
            bool found = false;
            while (NextMember(ref reader))
            {
                if (!reader.ValueTextEquals("strokes"u8))
                {
                    Pass(ref reader);
                    continue;
                }

                if (found)
                {
                    throw Error(in reader, name, "\"strokes\" twice");
                }

                found = true;
                Next(ref reader, name, JsonTokenType.StartArray, "'['");
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    cancellation.ThrowIfCancellationRequested();
                    ReadStroke(ref reader, name, strokes);
                    progress?.Invoke(strokes.Count);
                }
            }

            if (!found)
            {
                throw Error(in reader, name, "there is no \"strokes\"");
            }

            // Throws where something follows the last '}'.
            _ = reader.Read();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter: an escape that is half of a surrogate pair.
            throw new DataFormatException(name, reader.BytesConsumed, exception.Message, exception);
        }
    }

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int valid = 0;
        while (Rune.DecodeFromUtf8(text[valid..], out _, out int length) == OperationStatus.Done)
        {
            valid += length;
        }

        return valid;
    }

    private static void ReadStroke(ref Utf8JsonReader reader, string name, Strokes strokes)
    {
        long begin = reader.TokenStartIndex;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error(in reader, name, "expected a stroke: '{'");
        }

        int points = -1;
        string? label = null;
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("strokePoints"u8))
            {
                if (points >= 0)
                {
                    throw Error(in reader, name, "\"strokePoints\" twice");
                }

                points = 0;
                Next(ref reader, name, JsonTokenType.StartArray, "'['");
                for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; points++)
                {
                    ReadPoint(ref reader, name, strokes);
                }
            }
            else if (reader.ValueTextEquals("label"u8))
            {
                if (label is not null)
                {
                    throw Error(in reader, name, "\"label\" twice");
                }

                Next(ref reader, name, JsonTokenType.String, "a label in quotes");
                label = reader.GetString()!;
                if (label.Length == 0)
                {
                    throw Error(in reader, name, "the label is empty");
                }
            }
            else
            {
                Pass(ref reader);
            }
        }

        if (points < 1)
        {
            throw new DataFormatException(name, begin, points < 0 ? "a stroke without \"strokePoints\"" : "a stroke without points");
        }

        if (label is null)
        {
            throw new DataFormatException(name, begin, "a stroke without \"label\"");
        }

        strokes.Add(points, label);
    }

    private static void ReadPoint(ref Utf8JsonReader reader, string name, Strokes strokes)
    {
        long begin = reader.TokenStartIndex;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error(in reader, name, "expected a point: '{'");
        }

        float? x = null, y = null;
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("x"u8))
            {
                if (x is not null)
                {
                    throw Error(in reader, name, "\"x\" twice");
                }

                x = Number(ref reader, name);
            }
            else if (reader.ValueTextEquals("y"u8))
            {
                if (y is not null)
                {
                    throw Error(in reader, name, "\"y\" twice");
                }

                y = Number(ref reader, name);
            }
            else
            {
                Pass(ref reader);
            }
        }

        if (x is null || y is null)
        {
            throw new DataFormatException(name, begin, $"a point without \"{(x is null ? "x" : "y")}\"");
        }

        strokes.Values.Add(x.Value);
        strokes.Values.Add(y.Value);
    }

    private static float Number(ref Utf8JsonReader reader, string name)
    {
        Next(ref reader, name, JsonTokenType.Number, "a number");
        return reader.TryGetSingle(out float value) && float.IsFinite(value)
            ? value
            : throw Error(in reader, name, "the number is too large for a float");
    }

    private static bool NextMember(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static void Pass(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    private static void Next(ref Utf8JsonReader reader, string name, JsonTokenType wanted, string shown)
    {
        if (!reader.Read() || reader.TokenType != wanted)
        {
            throw Error(in reader, name, $"expected {shown}");
        }
    }

    private static DataFormatException Error(in Utf8JsonReader reader, string name, string problem) => new(name, reader.TokenStartIndex, problem);

    /// <summary>The samples read so far.</summary>
    private sealed class Strokes
    {
        private readonly List<int> lengths = [];
        private readonly List<int> labels = [];
        private readonly List<string> names = [];
        private readonly Dictionary<string, int> known = new(StringComparer.Ordinal);

        public List<float> Values { get; } = [];

        public int Count => lengths.Count;

        public void Add(int points, string label)
        {
            if (!known.TryGetValue(label, out int index))
            {
                index = names.Count;
                known.Add(label, index);
                names.Add(label);
            }

            lengths.Add(points);
            labels.Add(index);
        }

        public SequenceDataset ToDataset(string path, IReadOnlyList<string>? classes)
        {
            if (lengths.Count == 0)
            {
                throw new DataFormatException(path, 0, "there are no strokes");
            }

            classes ??= Ordered();
            int[] classOf = new int[names.Count];
            for (int i = 0; i < names.Count; i++)
            {
                classOf[i] = -1;
                for (int c = 0; c < classes.Count && classOf[i] < 0; c++)
                {
                    if (classes[c] == names[i])
                    {
                        classOf[i] = c;
                    }
                }

                if (classOf[i] < 0)
                {
                    throw new DataFormatException(path, 0, $"label '{names[i]}' is not among the {classes.Count} classes");
                }
            }

            int[] mapped = new int[labels.Count];
            for (int i = 0; i < mapped.Length; i++)
            {
                mapped[i] = classOf[labels[i]];
            }

            return SequenceDataset.Create([.. Values], 2, [.. lengths], mapped, classes.Count, FeatureNames, classes);
        }

        private List<string> Ordered()
        {
            foreach (string label in names)
            {
                if (!long.TryParse(label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
                {
                    return names;
                }
            }

            List<string> ordered = [.. names];
            ordered.Sort((x, y) => long.Parse(x, CultureInfo.InvariantCulture).CompareTo(long.Parse(y, CultureInfo.InvariantCulture)));
            return ordered;
        }
    }
}
