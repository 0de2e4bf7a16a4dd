using System.Globalization;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>One golden case of integer arithmetic: integers, floats and types by name. A field that nothing has read is an error.</summary>
internal sealed class IntegerCase
{
    private readonly JsonElement element;
    private readonly HashSet<string> read = ["name"];

    private IntegerCase(string file, JsonElement element)
    {
        this.element = element;
        Name = element.GetProperty("name").GetString()!;
        Where = $"{file}: {Name}";
    }

    /// <summary>The case's name.</summary>
    public string Name { get; }

    /// <summary>File and name.</summary>
    public string Where { get; }

    /// <summary>The cases of a file; a file without any fails, so that nothing passes by being absent.</summary>
    public static IReadOnlyList<IntegerCase> Of(string file)
    {
        string path = Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "integers", file + ".json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        GoldenJson.OnlyFields(document.RootElement, file, "about", "cases");
        IntegerCase[] cases = [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(part => new IntegerCase(file, part.Clone()))];
        Assert.That(cases, Is.Not.Empty, $"{file}: no case");
        return cases;
    }

    public bool Has(string name) => element.TryGetProperty(name, out _);

    public string Text(string name) => Field(name).GetString()!;

    public int Int(string name) => Field(name).GetInt32();

    public float Float(string name) => (float)Field(name).GetDouble();

    public bool Flag(string name) => Field(name).GetBoolean();

    /// <summary>The integers of a list or of an array with a shape.</summary>
    public int[] Ints(string name) => [.. List(name).Select(x => x.GetInt32())];

    public double[] Doubles(string name) => [.. List(name).Select(Double)];

    public float[] Floats(string name) => [.. Doubles(name).Select(x => (float)x)];

    public int[] Shape(string name) => [.. Field(name).GetProperty("shape").EnumerateArray().Select(x => x.GetInt32())];

    /// <summary>The shape without its first axis, the batch.</summary>
    public Shape SampleShape(string name) => Shape(name) switch
    {
        [_, int length] => new Shape(length),
        [_, int outer, int inner] => new Shape(outer, inner),
        [_, int channels, int height, int width] => new Shape(channels, height, width),
        _ => throw new AssertionException($"{Where}: the shape of {name} is not understood"),
    };

    public IntegerType Type(string name) => TypeOf(Field(name));

    public IntegerType[] Types(string name) => [.. Field(name).EnumerateArray().Select(TypeOf)];

    /// <summary>Fails where a field was not read: the case says something that its test does not check.</summary>
    public void AssertAllRead() =>
        Assert.That(element.EnumerateObject().Select(field => field.Name).Except(read), Is.Empty, $"{Where}: fields that were not understood");

    private static IntegerType TypeOf(JsonElement type) =>
        new(type.GetProperty("bits").GetInt32(), (float)type.GetProperty("scale").GetDouble(), type.GetProperty("zero_point").GetInt32());

    // NaN and the infinities are words: JSON has no numbers for them.
    private static double Double(JsonElement x) =>
        x.ValueKind == JsonValueKind.String ? double.Parse(x.GetString()!, CultureInfo.InvariantCulture) : x.GetDouble();

    private JsonElement.ArrayEnumerator List(string name)
    {
        JsonElement field = Field(name);
        if (field.ValueKind == JsonValueKind.Array)
        {
            return field.EnumerateArray();
        }

        JsonElement data = field.GetProperty("data");
        Assert.That(data.GetArrayLength(), Is.EqualTo(Shape(name).Aggregate(1, (x, y) => x * y)), $"{Where}: {name} does not fill its shape");
        return data.EnumerateArray();
    }

    private JsonElement Field(string name)
    {
        _ = read.Add(name);
        return GoldenJson.Field(element, Where, name);
    }
}
