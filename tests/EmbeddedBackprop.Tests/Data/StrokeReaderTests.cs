using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.IO;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Labelled strokes in JSON: files that are read, files that are refused and where, and that no bytes do any other harm.</summary>
internal sealed class StrokeReaderTests
{
    private const string Good = """
        {"about": [1, {"x": 2}], "strokes": [
          {"index": 0, "strokePoints": [{"x": -0.5, "y": 0.25}, {"y": 1e-3, "x": 2}], "label": "10"},
          {"label": "9", "strokePoints": [{"x": 0, "y": 0, "z": null}]}]}
        """;

    [Test]
    public void Points_and_labels_are_read_and_other_members_passed_over()
    {
        SequenceDataset data = Parse(Good);
        Assert.That((data.Count, data.Features, data.ClassCount, data.Steps), Is.EqualTo((2, 2, 2, 2)));
        Assert.That(data.ClassNames, Is.EqualTo(new[] { "9", "10" }), "whole numbers in ascending order");
        Assert.That((data.Label(0), data.Label(1), data.Length(0), data.Length(1)), Is.EqualTo((1, 0, 2, 1)));
        Bits.AssertEqual(data.Sequence(0).ToArray(), [-0.5f, 0.25f, 2f, 1e-3f], "points");
        Assert.That(data.FeatureNames, Is.EqualTo(new[] { "x", "y" }));
    }

    [Test]
    public void Words_become_classes_in_order_of_appearance_and_given_classes_are_kept()
    {
        string words = Good.Replace("\"10\"", "\"up\"", StringComparison.Ordinal).Replace("\"9\"", "\"down\"", StringComparison.Ordinal);
        Assert.That(Parse(words).ClassNames, Is.EqualTo(new[] { "up", "down" }));
        SequenceDataset given = StrokeReader.Parse(Encoding.UTF8.GetBytes(words), "s", ["left", "down", "up"]);
        Assert.That((given.ClassCount, given.Label(0), given.Label(1)), Is.EqualTo((3, 2, 1)));
        Assert.That(
            () => StrokeReader.Parse(Encoding.UTF8.GetBytes(words), "s", ["up"]),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("'down'"));
    }

    [TestCase("[]", 0, "expected '{'")]
    [TestCase("{}", 1, "there is no \"strokes\"")]
    [TestCase("{\"strokes\": []}", 0, "no strokes")]
    [TestCase("{\"strokes\": [[]]}", 13, "expected a stroke")]
    [TestCase("{\"strokes\": [{}]}", 13, "without \"strokePoints\"")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [], \"label\": \"1\"}]}", 13, "without points")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2}]}]}", 13, "without \"label\"")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1}], \"label\": \"1\"}]}", 31, "without \"y\"")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": \"1\", \"y\": 2}], \"label\": \"1\"}]}", 37, "expected a number")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1e60, \"y\": 2}], \"label\": \"1\"}]}", 37, "too large")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"x\": 2, \"y\": 2}], \"label\": \"1\"}]}", 40, "twice")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2, \"y\": 2}], \"label\": \"1\"}]}", 48, "\"y\" twice")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [], \"strokePoints\": []}]}", 34, "\"strokePoints\" twice")]
    [TestCase("{\"strokes\": [{\"label\": \"1\", \"label\": \"1\"}]}", 28, "\"label\" twice")]
    [TestCase("{\"strokes\": [{\"label\": \"\"}]}", 23, "the label is empty")]
    [TestCase("{\"strokes\": [[1, 2]]}", 13, "expected a stroke: '{'")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [1]}]}", 31, "expected a point: '{'")]
    [TestCase("{\"strokes\": [], \"strokes\": []}", 16, "\"strokes\" twice")]
    [TestCase("\uFEFF{}", 0, "byte order mark")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2}], \"label\": 1}]}", 59, "in quotes")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2}], \"label\": \"1\"}]", -1, "")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2}], \"label\": \"\\ud800\"}]}", -1, "")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": NaN, \"y\": 2}], \"label\": \"1\"}]}", -1, "")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"x\": 1, \"y\": 2}], \"label\": \"1\"}]} x", -1, "")]
    [TestCase("{\"strokes\": [{\"strokePoints\": [{\"y\": 1}], \"label\": \"1\"}]}", 31, "without \"x\"")]
    [TestCase("{\"strokes\": [{\"strokePoints\": 1, \"label\": \"1\"}]}", 30, "expected '['")]
    [TestCase("{\"strokes\": {}}", 12, "expected '['")]
    public void What_does_not_follow_the_format_is_refused_with_its_place(string text, int offset, string problem)
    {
        DataFormatException exception = Assert.Throws<DataFormatException>(() => Parse(text))!;
        Assert.That(exception.Message, Does.StartWith("s: byte ").And.Contains(problem));
        if (offset >= 0)
        {
            Assert.That(exception.Offset, Is.EqualTo(offset), exception.Message);
        }
    }

    [Test]
    public void A_folder_gives_the_strokes_of_its_files_in_the_order_of_their_names()
    {
        string folder = Directory.CreateTempSubdirectory("ebp-strokes").FullName;
        try
        {
            Assert.That(
                () => StrokeReader.Read(folder), Throws.TypeOf<FileNotFoundException>().With.Message.Contains($"'{folder}' holds no .json file"));
            foreach ((string name, int x) in ((string, int)[])[("b.json", 2), ("a.json", 1), ("c.txt", 3)])
            {
                File.WriteAllText(
                    Path.Combine(folder, name), $$"""{"strokes": [{"strokePoints": [{"x": {{x}}, "y": 0}], "label": "{{name}}"}]}""");
            }

            SequenceDataset data = StrokeReader.Read(folder, null, out IReadOnlyList<string> files);
            Assert.That(files, Is.EqualTo(new[] { "a.json", "b.json" }));
            Assert.That(data.ClassNames, Is.EqualTo(new[] { "a.json", "b.json" }));
            Assert.That((data.Sequence(0)[0], data.Sequence(1)[0]), Is.EqualTo((1f, 2f)));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Test]
    public void Bytes_that_are_no_text_are_refused_with_their_place()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Good.Replace("index", "éndex", StringComparison.Ordinal));
        int at = Array.IndexOf(bytes, (byte)0xC3);
        Assert.That(StrokeReader.Parse(bytes, "s").Count, Is.EqualTo(2), "the control");
        bytes[at + 1] = (byte)'x';
        DataFormatException refusal = Assert.Throws<DataFormatException>(() => StrokeReader.Parse(bytes, "s"))!;
        Assert.That((refusal.Offset, refusal.Message), Is.EqualTo(((long)at, $"s: byte {at}: not valid UTF-8")));
    }

    [Test]
    public void Of_equal_given_classes_the_first_counts()
    {
        string words = Good.Replace("\"10\"", "\"up\"", StringComparison.Ordinal).Replace("\"9\"", "\"down\"", StringComparison.Ordinal);
        SequenceDataset given = StrokeReader.Parse(Encoding.UTF8.GetBytes(words), "s", ["up", "down", "up"]);
        Assert.That((given.Label(0), given.Label(1)), Is.EqualTo((0, 1)));
    }

    [Test]
    public void Any_bytes_give_strokes_or_a_refusal()
    {
        byte[] good = Encoding.UTF8.GetBytes(Good);
        int refused = 0;
        for (int at = 0; at < good.Length; at++)
        {
            foreach (byte other in (byte[])[0, (byte)'"', (byte)'{', (byte)']', (byte)',', (byte)'9', (byte)'\\', 0xFF])
            {
                byte[] bytes = [.. good];
                bytes[at] = other;
                refused += Refused(bytes);
            }

            refused += Refused(good[..at]) + Refused([.. good[..at], .. good[(at + 1)..]]);
        }

        Assert.That(refused, Is.GreaterThan(good.Length));

        static int Refused(byte[] bytes)
        {
            try
            {
                StrokeReader.Parse(bytes, "s");
                return 0;
            }
            catch (DataFormatException)
            {
                return 1;
            }
        }
    }

    [Test]
    public void Reading_shows_its_progress_and_is_cancelled()
    {
        using TemporaryFile file = new();
        File.WriteAllText(file.Path, Good);
        List<long> seen = [];
        Assert.That(StrokeReader.Read(file.Path, null, seen.Add, default).Count, Is.EqualTo(2));
        Assert.That(seen, Is.EqualTo(new[] { 1L, 2L }));
        using CancellationTokenSource source = new();
        Assert.That(
            () => StrokeReader.Read(file.Path, null, _ => source.Cancel(), source.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void The_wand_digits_are_read_as_their_description_says()
    {
        SequenceDataset data = StrokeReader.Read(RealData.Path("wand-digits"));
        Assert.That((data.Count, data.ClassCount, data.Longest), Is.EqualTo((1000, 10, 145)));
        Assert.That(Enumerable.Range(0, 1000).Sum(data.Length), Is.EqualTo(94_526));
        Assert.That(Enumerable.Range(0, 1000).Min(data.Length), Is.EqualTo(32));
        Assert.That(Enumerable.Range(0, 1000).GroupBy(data.Label).Select(g => g.Count()), Is.All.EqualTo(100));
        Assert.That(DataSplit.Fold(1000, 4, 5).Test.GroupBy(data.Label).Select(g => g.Count()), Is.All.EqualTo(20));
        float low = float.MaxValue, high = float.MinValue;
        for (int i = 0; i < 1000; i++)
        {
            foreach (float value in data.Sequence(i))
            {
                Assert.That(value * 128, Is.EqualTo(MathF.Round(value * 128)));
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
        }

        Assert.That((low, high), Is.EqualTo((-0.5390625f, 0.484375f)));
    }

    private static SequenceDataset Parse(string text) => StrokeReader.Parse(Encoding.UTF8.GetBytes(text), "s");
}
