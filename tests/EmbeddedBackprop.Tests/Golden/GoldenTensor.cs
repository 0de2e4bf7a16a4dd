using System.Text.Json;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>A tensor of a golden case.</summary>
internal sealed record GoldenTensor(int[] Shape, double[] Data)
{
    public float[] Floats => [.. Data.Select(x => (float)x)];

    public static GoldenTensor Read(JsonElement element, string where)
    {
        GoldenJson.OnlyFields(element, where, "shape", "data");
        int[] shape = [.. element.GetProperty("shape").EnumerateArray().Select(x => x.GetInt32())];
        double[] data = [.. element.GetProperty("data").EnumerateArray().Select(x => x.GetDouble())];
        Assert.That(data, Has.Length.EqualTo(shape.Aggregate(1, (x, y) => x * y)), $"{where}: data do not fill the shape");
        return new GoldenTensor(shape, data);
    }

    /// <summary>|actual - expected| / |expected|; the plain norm of the difference where the reference is 0. NaN and a wrong length are infinitely wrong.</summary>
    public double ErrorOf(ReadOnlySpan<float> actual)
    {
        if (actual.Length != Data.Length)
            return double.PositiveInfinity;
        double difference = 0, norm = 0;
        for (int i = 0; i < Data.Length; i++)
        {
            difference += (actual[i] - Data[i]) * (actual[i] - Data[i]);
            norm += Data[i] * Data[i];
        }

        double error = norm > 0 ? Math.Sqrt(difference / norm) : Math.Sqrt(difference);
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    }
}

/// <summary>Strict reading: a field that a test does not understand is an error, not something to be passed over.</summary>
internal static class GoldenJson
{
    public static void OnlyFields(JsonElement element, string where, params string[] known)
    {
        foreach (JsonProperty property in element.EnumerateObject())
            Assert.That(known, Does.Contain(property.Name), $"{where}: the field {property.Name} is not understood");
    }

    public static JsonElement Field(JsonElement element, string where, string name)
    {
        Assert.That(element.TryGetProperty(name, out JsonElement value), Is.True, $"{where}: the field {name} is missing");
        return value;
    }

    public static GoldenTensor Tensor(JsonElement element, string where, string name) =>
        GoldenTensor.Read(Field(element, where, name), where + "." + name);

    public static Dictionary<string, GoldenTensor> Tensors(JsonElement element, string where, string name) =>
        Field(element, where, name).EnumerateObject().ToDictionary(p => p.Name, p => GoldenTensor.Read(p.Value, where + "." + p.Name));
}

/// <summary>Collects relative errors, keeps the worst, and fails above the limit.</summary>
internal sealed class GoldenErrors
{
    public const double Limit = 1e-5;

    private readonly List<string> failures = [];
    private string worstWhere = "nothing compared";
    private double worst = -1;
    private int count;

    public void Add(string where, double error)
    {
        count++;
        if (error > worst)
            (worst, worstWhere) = (error, where);
        if (!(error <= Limit))
            failures.Add($"{where}: {error:g3}");
    }

    public void AssertSmall(string family)
    {
        TestContext.Out.WriteLine($"{family}: {count} tensors, worst relative error {worst:g3} ({worstWhere})");
        Assert.That(count, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{family}: above {Limit:g1}:\n{string.Join('\n', failures.Take(20))}");
    }
}
