using System.Text.Json;

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

    /// <summary>
    /// |actual - expected| / |expected|; the plain norm of the difference where the reference is 0. NaN and a wrong length are infinitely wrong.
    /// </summary>
    public double ErrorOf(ReadOnlySpan<float> actual)
    {
        if (actual.Length != Data.Length)
        {
            return double.PositiveInfinity;
        }

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
