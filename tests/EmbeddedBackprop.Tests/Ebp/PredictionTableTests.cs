using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp predict --out: a table whose floats are those of the predictions, bit for bit.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class PredictionTableTests
{
    [Test]
    public void Classes_are_named_and_scores_have_all_their_bits()
    {
        using EbpProcess ebp = new();
        StringBuilder csv = new("a,b,kind\n");
        Random random = new(1);
        for (int i = 0; i < 60; i++)
        {
            string kind = ((string[])["red", "\"light, blue\"", "x"])[i % 3];
            csv.Append(CultureInfo.InvariantCulture, $"{(i % 3) + random.NextDouble()},{random.NextDouble()},{kind}\n");
        }

        ebp.File("t.csv", csv.ToString());
        Check(ebp.Run("train", "--data", "csv:t.csv", "--label", "kind", "--epochs", "3", "--out", "m.safetensors"));

        // Rows without labels.
        ebp.File("rows.csv", "0.1,0.2\n1.5,0.5\n2.25,0.125\n");
        EbpProcess.Result result = Check(ebp.Run("predict", "m.safetensors", "rows.csv", "--out", "p.csv"));
        Assert.That(result.Output, Is.EqualTo("written: p.csv (3 rows)" + Environment.NewLine));
        string[] lines = Lines(ebp, "p.csv");
        JsonElement[] told = [.. ebp.RunJson("predict", "m.safetensors", "rows.csv").GetProperty("predictions").EnumerateArray()];
        Assert.That(lines[0], Is.EqualTo("sample,predicted,score red,\"score light, blue\",score x"));
        Assert.That(lines, Has.Length.EqualTo(4));
        for (int i = 0; i < 3; i++)
        {
            string name = told[i].GetProperty("name").GetString()!;
            Assert.That(lines[i + 1], Does.StartWith(
                $"{i},{(name.Contains(',', StringComparison.Ordinal) ? $"\"{name}\"" : name)},"));
            float[] expected = [.. told[i].GetProperty("outputs").EnumerateArray().Select(value => value.GetSingle())];
            Assert.That(Floats(lines[i + 1], 3), Is.EqualTo(expected));
        }

        // All samples of data, with their labels; then one of them.
        Check(ebp.Run("predict", "m.safetensors", "--data", "csv:t.csv", "--label", "kind", "--out", "p.csv"));
        string[] all = Lines(ebp, "p.csv");
        Assert.That(all, Has.Length.EqualTo(61));
        Assert.That(all[0], Does.StartWith("sample,predicted,label,"));
        Assert.That(all[2], Does.Contain("\"light, blue\""));
        Check(ebp.Run("predict", "m.safetensors", "--data", "csv:t.csv", "--label", "kind", "--index", "1", "--out", "p.csv"));
        Assert.That(Lines(ebp, "p.csv"), Is.EqualTo(new[] { all[0], all[2] }));

        // Another reader finds as many columns in every row.
        CsvReader.Read(Path.Combine(ebp.Folder, "p.csv"), new CsvOptions { Label = "label", Ignore = ["predicted"] });
    }

    [Test]
    public void Values_of_a_regression_stand_beside_their_targets()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{(3 * i) + 1}\n")));
        Check(ebp.Run("train", "--data", "csv:t.csv", "--label", "y", "--target", "numbers", "--epochs", "2", "--out", "m.safetensors"));
        Check(ebp.Run("predict", "m.safetensors", "--data", "csv:t.csv", "--label", "y", "--target", "numbers", "--out", "p.csv"));
        string[] lines = Lines(ebp, "p.csv");
        Assert.That(lines[0], Is.EqualTo("sample,predicted 1,target 1"));
        Assert.That(Floats(lines[40], 1), Is.EqualTo(new[] { (3f * 39) + 1 }));
        JsonElement told = ebp.RunJson("predict", "m.safetensors", "--values", "39").GetProperty("predictions")[0];
        Assert.That(Floats(lines[40], 2)[0], Is.EqualTo(told.GetProperty("outputs")[0].GetSingle()));
    }

    [Test]
    public void A_file_that_is_no_table_of_predictions_is_kept()
    {
        using EbpProcess ebp = new();
        Check(ebp.Run("new", "--net", "input 2; dense 2", "--out", "m.safetensors", "--loss", "quadratic"));
        ebp.File("mine.csv", "a,b\n1,2\n");
        EbpProcess.Result refused = ebp.Run("predict", "m.safetensors", "--values", "1,2", "--out", "mine.csv");
        Assert.That(refused.ExitCode, Is.EqualTo(4));
        Assert.That(refused.Errors, Does.Contain("no table of predictions; --force replaces it"));
        Assert.That(Lines(ebp, "mine.csv")[0], Is.EqualTo("a,b"));
        Check(ebp.Run("predict", "m.safetensors", "--values", "1,2", "--out", "mine.csv", "--force"));
        Check(ebp.Run("predict", "m.safetensors", "--values", "1,2", "--out", "mine.csv"));
        Assert.That(Lines(ebp, "mine.csv")[0], Is.EqualTo("sample,predicted 1,predicted 2"));
    }

    private static EbpProcess.Result Check(EbpProcess.Result result)
    {
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        return result;
    }

    private static string[] Lines(EbpProcess ebp, string file) =>
        File.ReadAllText(Path.Combine(ebp.Folder, file)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The last columns of a row.</summary>
    private static float[] Floats(string line, int count) =>
        Array.ConvertAll(line.Split(',')[^count..], field => float.Parse(field, CultureInfo.InvariantCulture));
}
