using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Activations against PyTorch in float64: values, and derivatives also where the function has a kink.</summary>
internal sealed class ActivationTests
{
    [Test]
    public void Activations_agree_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        foreach (string file in GoldenFolder.Files(GoldenFolder.Activations))
        {
            Check(file, errors);
        }

        errors.AssertSmall(GoldenFolder.Activations);
    }

    private static void Check(string file, GoldenErrors errors)
    {
        string where = Path.GetFileNameWithoutExtension(file);
        using JsonDocument document = GoldenFolder.Read(file);
        JsonElement root = document.RootElement;
        GoldenJson.OnlyFields(root, where, "about", "z", "value", "derivative", "log_value");
        string about = GoldenJson.Field(root, where, "about").GetString()!;
        string name = GoldenNetwork.EngineName(about[..about.IndexOfAny([':', ' '])]);
        Assert.That(Registry.ActivationNames, Does.Contain(name), $"{where}: activation");
        Activation activation = Registry.Activation(name);
        GoldenTensor z = GoldenJson.Tensor(root, where, "z"), value = GoldenJson.Tensor(root, where, "value");
        int columns = z.Shape[^1], rows = z.Data.Length / columns;
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Widths.ForEach(width =>
            {
                string what = $"{where} {arithmetic} width {width}";
                float[] a = new float[z.Data.Length];
                activation.Forward(arithmetic, rows, columns, columns, z.Floats, a);
                errors.Add($"{what} value", value.ErrorOf(a));
                if (root.TryGetProperty("derivative", out _))
                {
                    float[] delta = [.. Enumerable.Repeat(1f, a.Length)];
                    activation.Backward(arithmetic, rows, columns, columns, z.Floats, a, delta);
                    errors.Add($"{what} derivative", GoldenJson.Tensor(root, where, "derivative").ErrorOf(delta));
                }

                if (root.TryGetProperty("log_value", out _))
                {
                    Assert.That(name, Is.EqualTo("softmax"), $"{where}: log_value");
                    float[] lse = new float[rows];
                    EmbeddedBackprop.Kernels.SoftmaxRows.LogSumExp(arithmetic, rows, columns, z.Floats, columns, lse);
                    float[] log = [.. z.Floats.Select((x, i) => x - lse[i / columns])];
                    errors.Add($"{what} log value", GoldenJson.Tensor(root, where, "log_value").ErrorOf(log));
                }
            });
        }
    }
}
