using System.Text.Json;
using EmbeddedBackprop.Tests.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>
/// Ops on signals against NumPy and SciPy in float64. An error is counted in units in the last place of the largest magnitude of its row (of its own
/// magnitude for Goertzel's powers, which have nothing in common), in both arithmetics and at every width.
/// </summary>
internal sealed class SignalTests
{
    private static readonly Dictionary<string, double> Limits = new()
    {
        ["frames"] = 0, ["preemphasis"] = 1, ["window_hann"] = 1, ["window_hamming"] = 1, ["rfft_8"] = 1, ["rfft_256"] = 4, ["rfft_padded"] = 2,
        ["rfft_1024"] = 2, ["power"] = 4, ["magnitude"] = 2, ["mel_htk"] = 4, ["mel_slaney"] = 4, ["log_mel"] = 4, ["mfcc"] = 4, ["bands"] = 8,
        ["goertzel"] = 256, ["biquad"] = 4, ["decimate"] = 8, ["statistics"] = 8,
    };

    [Test]
    public void Features_are_those_of_NumPy_and_SciPy_to_a_few_units_in_the_last_place()
    {
        Dictionary<string, double> worst = [];
        foreach (string file in GoldenFolder.Files(GoldenFolder.Signals))
        {
            worst[Path.GetFileNameWithoutExtension(file)["signal_".Length..]] = WorstOf(file, planted: 0);
        }

        TestContext.Out.WriteLine(string.Join('\n', worst.Select(each => $"{each.Key}: {each.Value:0.##} ulp, limit {Limits[each.Key]}")));
        Assert.That(worst.Keys, Is.EquivalentTo(Limits.Keys));
        Assert.That(worst.Where(each => !(each.Value <= Limits[each.Key])), Is.Empty);
    }

    [TestCase("rfft_256")]
    [TestCase("mfcc")]
    [TestCase("statistics")]
    public void Control_a_sample_that_is_a_little_larger_is_caught(string name) => Assert.That(
        WorstOf(GoldenFolder.Files(GoldenFolder.Signals).Single(file => Path.GetFileNameWithoutExtension(file) == "signal_" + name), planted: 1e-4f),
        Is.GreaterThan(Limits[name]));

    private static double WorstOf(string file, float planted)
    {
        string where = Path.GetFileNameWithoutExtension(file);
        using JsonDocument document = GoldenFolder.Read(file);
        JsonElement root = document.RootElement, spec = GoldenJson.Field(root, where, "spec");
        GoldenJson.OnlyFields(root, where, "about", "spec", "inputs", "output");
        GoldenTensor signal = GoldenTensor.Read(root.GetProperty("inputs")[0], where), expected = GoldenJson.Tensor(root, where, "output");
        float[] samples = signal.Floats;
        samples[100] += planted;
        double worst = 0;
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            FeatureNet net = new(GoldenJson.Field(spec, where, "net").GetString()!, new Shape(samples.Length), arithmetic);
            Assert.That(net.OutputShape.ToString(), Is.EqualTo(string.Join('x', expected.Shape)), where);
            Widths.ForEach(_ =>
            {
                float[] actual = net.Run(samples);
                int row = where.EndsWith("goertzel", StringComparison.Ordinal) ? 1 : expected.Shape[^1];
                for (int first = 0; first < actual.Length; first += row)
                {
                    double largest = expected.Data.Skip(first).Take(row).Max(Math.Abs), ulp = Math.ScaleB(1, Math.ILogB(largest) - 23);
                    for (int i = first; i < first + row; i++)
                    {
                        double error = Math.Abs(actual[i] - expected.Data[i]);
                        worst = error == 0 ? worst : Math.Max(worst, error / ulp);
                    }
                }
            });
        }

        return worst;
    }
}
