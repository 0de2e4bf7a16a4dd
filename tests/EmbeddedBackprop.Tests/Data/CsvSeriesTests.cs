using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Tables in order of time: times, gaps, groups, and windows that cross none of them.</summary>
internal sealed class CsvSeriesTests
{
    private const string Dates = """
        time,machine,x,state
        2015-02-04 17:58:00,b,1,0
        2015-02-04 17:59:00,b,2,1
        2015-02-04T18:00,b,3,0
        2015-02-04 18:05:00,b,4,1
        2015-02-04 18:06:00.25Z,b,5,1
        2015-02-28 23:59:30,a,6,0
        2015-03-01 00:00:30,a,7,1

        """;

    [Test]
    public void Neither_time_nor_group_is_an_input_and_gaps_begin_stretches()
    {
        CsvSeries series = Parse(Dates, new CsvOptions { Time = "time", Group = "machine", SplitAtGaps = true });
        Assert.That(series.Table.Inputs.ToArray(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6, 7 }));
        Assert.That(series.Table.InputNames, Is.EqualTo(new[] { "x" }));
        Assert.That(series.Starts, Is.EqualTo(new[] { 0, 3, 5 }), "after a gap, and another machine");
        Assert.That((series.Step, series.IsInSeconds), Is.EqualTo((60.0, true)), "over midnight and the end of a month, too");
        Assert.That(Enumerable.Range(0, 7).Select(series.GroupOf), Is.EqualTo(new[] { "b", "b", "b", "b", "b", "a", "a" }));
        Assert.That(series.GroupNames, Is.EqualTo(new[] { "b", "a" }));
        Assert.That(() => series.GroupOf(7), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_gap_is_refused_with_its_place_unless_a_split_is_asked_for()
    {
        DataFormatException gap = Assert.Throws<DataFormatException>(() => Parse(Dates, new CsvOptions { Time = "0", Ignore = ["machine"] }))!;
        Assert.That(
            gap.Message,
            Is.EqualTo(
                $"s: byte {Dates.IndexOf("2015-02-04 18:05", StringComparison.Ordinal)}: line 5, column 4: a gap: '2015-02-04 18:05:00' comes 300 s "
                + "after the row before it, usual are 60 s (it can be split there)"));
        Assert.That(gap.Offset, Is.EqualTo(Dates.IndexOf("2015-02-04 18:05", StringComparison.Ordinal)));
    }

    /// <summary>Steps backwards, repeated times and steps that are half too short are gaps as well.</summary>
    [TestCase("0 10 20 30 40", new[] { 0 })]
    [TestCase("0 10 20 34 44", new[] { 0 })]
    [TestCase("0 10 20 35 45", new[] { 0, 3 })]
    [TestCase("0 10 20 20 30", new[] { 0, 3 })]
    [TestCase("0 10 20 5 15", new[] { 0, 3 })]
    [TestCase("0 10 15 25 35", new[] { 0, 2 })]
    [TestCase("7", new[] { 0 })]
    [TestCase("5 5 5", new[] { 0, 1, 2 })]
    [TestCase("-3.5 -2.5 -1.5", new[] { 0 })]
    public void Steps_are_compared_with_the_usual_one(string times, int[] starts)
    {
        string[] rows = times.Split(' ');
        string text = "t,x,y\n" + string.Concat(rows.Select((time, i) => $"{time},{i},{i % 2}\n"));
        Assert.That(Parse(text, new CsvOptions { Time = "t", SplitAtGaps = true, HasHeader = true }).Starts, Is.EqualTo(starts));
        Action refuse = () => Parse(text, new CsvOptions { Time = "t", HasHeader = true });
        Assert.That(refuse, starts.Length == 1 ? Throws.Nothing : Throws.InstanceOf<DataFormatException>().With.Message.Contains("a gap"));
    }

    [TestCase("2015-02-30 10:00:00")]
    [TestCase("2015-13-01 10:00:00")]
    [TestCase("2015-01-01 24:00:00")]
    [TestCase("2015-01-01 10:60:00")]
    [TestCase("2015-01-01 10:00:60")]
    [TestCase("2015-01-01 10:00:")]
    [TestCase("2015-01-01 10:00:1.")]
    [TestCase("2015-01-01")]
    [TestCase("01/02/2015 10:00")]
    [TestCase("0000-01-01 10:00")]
    [TestCase("nan")]
    [TestCase("1e5")]
    [TestCase("noon")]
    [TestCase("")]
    public void What_is_no_time_is_refused(string time) =>
        Assert.That(
            () => Parse($"t,x,y\n{time},1,0\n5,2,1\n", new CsvOptions { Time = "t", HasHeader = true }),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains($"'{time}' is no time: expected a number, or a date as in 2015"));

    [Test]
    public void Columns_have_one_role()
    {
        foreach ((CsvOptions options, string problem) in ((CsvOptions, string)[])
            [
                (new() { Time = "state" }, "Column 3 is the label and cannot be the time"), (new() { Group = "3" }, "cannot be the group"),
                (new() { Time = "x", Ignore = ["x"] }, "cannot be the time"), (new() { Time = "x", Group = "x" }, "cannot be the group"),
                (new() { Time = "when" }, "There is no column 'when'"),
            ])
        {
            Assert.That(() => Parse(Dates, options), Throws.ArgumentException.With.Message.Contains(problem));
        }

        // A column without a name is asked for by its index.
        CsvSeries unnamed = Parse("x,y\n5,1,0\n6,2,1\n", new CsvOptions { Time = "0" });
        Assert.That((unnamed.Table.InputLength, unnamed.Step), Is.EqualTo((1, 1.0)));
        string many = "g,x,y\n" + string.Concat(Enumerable.Range(0, 1025).Select(i => $"g{i},1,{i % 2}\n"));
        Assert.That(
            () => Parse(many, new CsvOptions { Group = "g" }),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("1024 different groups"));
        Assert.That(
            () => Parse("g,x,y\n,1,1\n", new CsvOptions { Group = "g", HasHeader = true }),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("the group is empty"));
    }

    [Test]
    public void Windows_cross_no_gap()
    {
        CsvSeries series = Parse(Dates, new CsvOptions { Time = "time", Group = "machine", SplitAtGaps = true });
        SequenceDataset each = SequenceDataset.Windows(series.Table, 2, series.Starts, 1, false, out int[] last);
        Assert.That(Windows(each), Is.EqualTo(new[] { "1", "1 2", "2 3", "4", "4 5", "6", "6 7" }));
        Assert.That(last, Is.EqualTo(new[] { 0, 1, 2, 3, 4, 5, 6 }));
        Assert.That(Enumerable.Range(0, 7).Select(each.Label), Is.EqualTo(new[] { 0, 1, 0, 1, 1, 0, 1 }), "that of the last row");
        SequenceDataset full = SequenceDataset.Windows(series.Table, 2, series.Starts, 1, true, out last);
        Assert.That(Windows(full), Is.EqualTo(new[] { "1 2", "2 3", "4 5", "6 7" }));
        Assert.That(last, Is.EqualTo(new[] { 1, 2, 4, 6 }));
        Assert.That(Windows(SequenceDataset.Windows(series.Table, 3, [0], 2, false, out last)), Is.EqualTo(new[] { "1", "1 2 3", "3 4 5", "5 6 7" }));
        Assert.That(last, Is.EqualTo(new[] { 0, 2, 4, 6 }));
        Assert.That(
            Windows(SequenceDataset.Windows(series.Table, 3, [0], 1, false, out _)),
            Is.EqualTo(Windows(SequenceDataset.Windows(series.Table, 3))));
        Assert.That(() => SequenceDataset.Windows(series.Table, 8, [0], 1, true, out _), Throws.ArgumentException.With.Message.Contains("8 rows"));
        foreach (int[] starts in (int[][])[[1], [0, 0], [0, 8], [0, 5, 3]])
        {
            Assert.That(
                () => SequenceDataset.Windows(series.Table, 2, starts, 1, false, out _),
                Throws.ArgumentException.With.Message.Contains("Stretch"));
        }

        FloatDataset numbers = FloatDataset.Regression([1, 2, 3, 4], 1, [10, 11, 20, 21, 30, 31, 40, 41], 2);
        SequenceDataset targets = SequenceDataset.Windows(numbers, 2, [0], 2, true, out _);
        Assert.That((targets.Targets(0).ToArray(), targets.Targets(1).ToArray()), Is.EqualTo((new float[] { 20, 21 }, new float[] { 40, 41 })));
    }

    /// <summary>The gaps that the description of the set counts, of series whose times only go forwards.</summary>
    [TestCase("TravelTime_387", 821)]
    [TestCase("speed_7578", 381)]
    [TestCase("occupancy_6005", 570)]
    [TestCase("ambient_temperature_system_failure", 10)]
    [TestCase("nyc_taxi", 0)]
    public void The_gaps_of_real_series(string name, int gaps)
    {
        string[] lines = File.ReadAllLines(RealData.Path("nab", name + ".csv"));
        string labelled = lines[0] + ",label\n" + string.Concat(lines[1..].Select((line, i) => $"{line},{i % 2}\n"));
        CsvSeries series = Parse(labelled, new CsvOptions { Time = "timestamp", SplitAtGaps = true });
        double[] steps = [.. lines[2..].Zip(lines[1..], (after, before) => (Time(after) - Time(before)).TotalSeconds)];
        int expected = steps.Count(step => !(step > 0.5 * series.Step && step < 1.5 * series.Step));
        TestContext.Out.WriteLine($"{name}: a step of {series.Step} s, {series.Starts.Count - 1} gaps, {gaps} of them longer steps");
        Assert.That(series.Starts, Has.Count.EqualTo(expected + 1));
        Assert.That(steps.Count(step => step > 1.5 * series.Step), Is.EqualTo(gaps));

        static DateTime Time(string line) => DateTime.Parse(line.Split(',')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string[] Windows(SequenceDataset data) =>
        [.. Enumerable.Range(0, data.Count).Select(i => string.Join(' ', data.Sequence(i).ToArray()))];

    private static CsvSeries Parse(string text, CsvOptions options) => CsvReader.ParseSeries(Encoding.UTF8.GetBytes(text), "s", options);
}
