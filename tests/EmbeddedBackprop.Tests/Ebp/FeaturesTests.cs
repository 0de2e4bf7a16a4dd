using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using EmbeddedBackprop.Tests.Data;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>What a net sees of a recording, as a table, a picture and a page.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class FeaturesTests
{
    private const int Usage = 2, BadInput = 3, CannotWrite = 4;

    [Test]
    public void A_table_has_the_frames_of_the_samples()
    {
        using EbpProcess ebp = new();
        Train(ebp, "frames 8 hop 4; window hann; rfft; power; log; flatten; dense 2");
        ebp.File("x.wav", WavBytes.Of(800, [.. Enumerable.Range(0, 40).Select(i => (short)(i * 100))]));
        JsonElement made = ebp.RunJson("features", "m", "x.wav", "--index", "1", "--node", "frames1", "--out", "x.csv");
        Assert.That((made.GetProperty("frames").GetInt32(), made.GetProperty("features").GetInt32()), Is.EqualTo((4, 8)));
        string[] lines = File.ReadAllLines(Path.Combine(ebp.Folder, "x.csv"));
        Assert.That(lines[0], Is.EqualTo("frame,feature 1,feature 2,feature 3,feature 4,feature 5,feature 6,feature 7,feature 8"));
        for (int frame = 0; frame < 4; frame++)
        {
            // The second window begins at sample 20.
            float[] expected = [.. Enumerable.Range(0, 8).Select(i => (20 + (4 * frame) + i) * 100 / 32768f)];
            float[] values = [.. lines[1 + frame].Split(',').Skip(1).Select(text => float.Parse(text, CultureInfo.InvariantCulture))];
            Bits.AssertEqual(values, expected, $"frame {frame}");
        }

        // By default the last op on signals: the logarithm of the power, here by a transform in double.
        ebp.RunJson("features", "m", "x.wav", "--index", "1", "--out", "x.csv");
        string[] row = File.ReadAllLines(Path.Combine(ebp.Folder, "x.csv"))[1].Split(',');
        Assert.That(row, Has.Length.EqualTo(6), "five frequencies");
        for (int k = 0; k < 5; k++)
        {
            double real = 0, imaginary = 0;
            for (int i = 0; i < 8; i++)
            {
                double sample = (20 + i) * 100 / 32768.0 * (0.5 - (0.5 * Math.Cos(2 * Math.PI * i / 8)));
                real += sample * Math.Cos(2 * Math.PI * i * k / 8);
                imaginary -= sample * Math.Sin(2 * Math.PI * i * k / 8);
            }

            double power = (real * real) + (imaginary * imaginary);
            Assert.That(float.Parse(row[1 + k], CultureInfo.InvariantCulture), Is.EqualTo(Math.Log(Math.Max(power, 1e-6))).Within(1e-4), $"{k}");
        }
    }

    [Test]
    public void A_picture_has_a_cell_for_each_value_and_a_page_has_the_picture()
    {
        using EbpProcess ebp = new();
        Train(ebp, "frames 8 hop 4; rfft; power; flatten; dense 2");
        ebp.File("a & b.wav", WavBytes.Of(800, [.. Enumerable.Range(0, 20).Select(i => (short)(i * 1000))]));
        Assert.That(ebp.Run("features", "m", "a & b.wav", "--out", "x.svg").Output, Is.EqualTo(
            "a & b.wav, window at 0 s: power1\nwritten: x.svg (4 frames of 5)\n"));
        string picture = File.ReadAllText(Path.Combine(ebp.Folder, "x.svg"));
        XElement svg = XElement.Parse(picture);
        XNamespace space = "http://www.w3.org/2000/svg";
        Assert.That(svg.Elements(space + "rect").Count(), Is.EqualTo((4 * 5) + 2), "and two of the legend");
        Assert.That(
            svg.Elements(space + "text").Select(text => text.Value), Does.Contain("a & b.wav, window at 0 s: power1").And.Contains("0.015 s"));

        // The loudest cell is as bright as the legend's upper one: the last frame's lowest frequency, at the bottom right.
        XElement[] cells = [.. svg.Elements(space + "rect")];
        XElement loudest = cells.Take(20).Single(cell => cell.Attribute("fill")!.Value == cells[20].Attribute("fill")!.Value);
        Assert.That((loudest.Attribute("x")!.Value, loudest.Attribute("y")!.Value), Is.EqualTo(($"{50 + (3 * 8)}", $"{30 + (4 * 8)}")));
        Assert.That(ebp.Run("features", "m", "a & b.wav", "--out", "x.html").ExitCode, Is.Zero);
        Assert.That(File.ReadAllText(Path.Combine(ebp.Folder, "x.html")), Does.StartWith("<!DOCTYPE html>").And.Contains(picture));
        Assert.That(ebp.Run("features", "m", "a & b.wav", "--out", "x.html").ExitCode, Is.Zero, "its own file is replaced");
    }

    [Test]
    public void What_cannot_be_shown_is_told()
    {
        using EbpProcess ebp = new();
        Train(ebp, "frames 8 hop 4; rfft; power; flatten; dense 2");
        ebp.File("x.wav", WavBytes.Of(800, [.. Enumerable.Range(0, 20).Select(i => (short)i)]));
        ebp.File("mine.csv", "mine");
        ebp.File("t.csv", "a,b,c\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n5,6,x\n");
        Check(Usage, "--out: expected a name that ends in .csv, .svg or .html", "features", "m", "x.wav", "--out", "x.png");
        Check(Usage, "--index: 1 is not among the 1 windows", "features", "m", "x.wav", "--index", "1", "--out", "x.csv");
        Check(Usage, "there is no 'mel1' (known: frames1, ", "features", "m", "x.wav", "--node", "mel1", "--out", "x.csv");
        Check(Usage, "dense1 is after dense1, which is trained", "features", "m", "x.wav", "--node", "dense1", "--out", "x.csv");
        Check(BadInput, "nowhere.wav", "features", "m", "nowhere.wav", "--out", "x.csv");
        Check(CannotWrite, "mine.csv", "features", "m", "x.wav", "--out", "mine.csv");
        ebp.RunJson("train", "--data", "csv:t.csv", "--epochs", "1", "--out", "table");
        Check(Usage, "the model was not trained on recordings", "features", "table", "x.wav", "--out", "x.csv");
        Train(ebp, "dense 2");
        Check(Usage, "the net begins with no op on signals", "features", "m", "x.wav", "--out", "x.csv");
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "x.csv")), Is.False, "nothing is half-written");

        void Check(int exitCode, string named, params string[] arguments)
        {
            EbpProcess.Result result = ebp.Run(arguments);
            Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
            Assert.That(result.Errors, Does.Match(@"^ebp: [^\n]+\n$").And.Contains(named));
        }
    }

    private static void Train(EbpProcess ebp, string net)
    {
        foreach ((string name, int frequency) in ((string, int)[])[("tall", 190), ("tiny", 60)])
        {
            Directory.CreateDirectory(Path.Combine(ebp.Folder, "sounds", name));
            for (int i = 0; i < 4; i++)
            {
                ebp.File(Path.Combine("sounds", name, $"{i}.wav"), WavBytes.Of(800, WavBytes.Tone(40, 800, frequency, i)));
            }
        }

        ebp.RunJson("train", "--data", "wav:sounds", "--window", "20", "--hop", "20", "--net", net, "--epochs", "1", "--out", "m");
    }
}
