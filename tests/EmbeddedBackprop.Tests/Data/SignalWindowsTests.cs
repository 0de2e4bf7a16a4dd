using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Windows of recordings: which samples are in which, what is filled up, left out and refused, and splits by groups.</summary>
internal sealed class SignalWindowsTests
{
    private static readonly Recording[] Three = [Ramp("a", 10, 100), Ramp("b", 4, 200), Ramp("c", 7, 300)];

    [Test]
    public void Windows_overlap_by_length_and_hop()
    {
        SignalWindows windows = SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 4, Hop = 2 }, ["x", "y"]);
        float[][] expected =
        [
            [100, 101, 102, 103], [102, 103, 104, 105], [104, 105, 106, 107], [106, 107, 108, 109], [200, 201, 202, 203], [300, 301, 302, 303],
            [302, 303, 304, 305],
        ];
        Assert.That(Rows(windows.Samples), Is.EqualTo(expected));
        Assert.That(windows.RecordingOf.ToArray(), Is.EqualTo(new[] { 0, 0, 0, 0, 1, 2, 2 }));
        Assert.That(Enumerable.Range(0, 7).Select(windows.Samples.Label), Is.EqualTo(new[] { 0, 0, 0, 0, 1, 0, 0 }));
        Assert.That((windows.FilledUp, windows.Dropped, windows.Unused), Is.EqualTo((0, 0, 1L)));
        Assert.That((windows.Samples.InputShape, windows.Samples.ClassNames), Is.EqualTo((new Shape(4), new[] { "x", "y" })));
    }

    [Test]
    public void Short_recordings_are_filled_up_at_their_end_or_left_out()
    {
        SignalWindows filled = SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 8, Hop = 1 });
        Assert.That((filled.Samples.Count, filled.FilledUp, filled.Unused), Is.EqualTo((5, 2, 0L)));
        Assert.That(Rows(filled.Samples)[3], Is.EqualTo(new float[] { 200, 201, 202, 203, 0, 0, 0, 0 }));
        SignalWindows dropped = SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 8, Hop = 1, DropShort = true });
        Assert.That((dropped.Samples.Count, dropped.Dropped, dropped.Unused), Is.EqualTo((3, 2, 11L)));
    }

    [Test]
    public void Without_a_hop_a_recording_is_one_window_and_without_a_length_that_of_the_longest()
    {
        SignalWindows windows = SignalWindows.Cut(Three, [0, 1, 0], 2);
        Assert.That((windows.Samples.Count, windows.Samples.Steps, windows.FilledUp, windows.Unused), Is.EqualTo((3, 10, 2, 0L)));
        SignalWindows cut = SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 4 });
        Assert.That((cut.Samples.Count, cut.FilledUp, cut.Unused), Is.EqualTo((3, 0, 9L)));
    }

    [Test]
    public void Wrong_use_is_told()
    {
        Expect(
            () => SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 4, Hop = 5 }),
            "A hop of 5 samples is longer than the window of 4");
        Expect(() => SignalWindows.Cut(Three, [0, 1], 2), "3 recordings came with 2 labels");
        Expect(() => SignalWindows.Cut(Three, [0, 2, 0], 2), "Recording 'b' has label 2, expected 0 to 1");
        Expect(() => SignalWindows.Cut([], [], 2), "0 recordings");
        Expect(() => SignalWindows.Cut([new Recording("e", default, 8)], [0], 2), "Recording 'e' has no samples");
        Expect(
            () => SignalWindows.Cut(Three, [0, 1, 0], 2, new SignalWindowOptions { Length = 11, DropShort = true }),
            "No recording is as long as a window of 11 samples; the longest has 10");
        Expect(() => _ = new SignalWindowOptions { Hop = -1 }, "Hop");
        Expect(() => _ = new Recording("r", default, 0), "rate");

        static void Expect(Action action, string problem) =>
            Assert.That(action, Throws.InstanceOf<ArgumentException>().With.Message.Contains(problem).Or.Message.Contains("value"));
    }

    [Test]
    public void A_part_of_a_recording_shares_its_samples_and_a_constant_is_silent()
    {
        Recording part = Three[0].Slice(3, 2);
        Assert.That((part.Name, part.Samples.ToArray(), part.IsSilent), Is.EqualTo(("a", new float[] { 103, 104 }, false)));
        Assert.That(Three[0].Slice(3, 1).IsSilent);
    }

    [Test]
    public void No_group_is_on_both_sides()
    {
        int[] groups = [.. Enumerable.Range(0, 200).Select(i => i * 7 % 11)];
        foreach (DataSplit split in (DataSplit[])
            [
                DataSplit.FoldGroups(groups, 2, 5), DataSplit.RandomGroups(groups, 0.3, 1), DataSplit.RandomGroups(groups, 0.99, 2),
                DataSplit.OfGroups(groups, group => group is 3 or 8),
            ])
        {
            int[] training = [.. split.Training.Select(i => groups[i]).Distinct()], test = [.. split.Test.Select(i => groups[i]).Distinct()];
            Assert.That(training.Intersect(test), Is.Empty);
            Assert.That((training.Length + test.Length, split.Training.Length + split.Test.Length), Is.EqualTo((11, 200)));
            Assert.That(training.Length > 0 && test.Length > 0);
            Assert.That(split.Training, Is.Ordered);
            Assert.That(split.Test, Is.Ordered);
        }

        // The control: a split by position has groups on both sides.
        DataSplit position = DataSplit.Random(200, 0.3, 1);
        Assert.That(position.Training.Select(i => groups[i]).Intersect(position.Test.Select(i => groups[i])), Is.Not.Empty);
        DataSplit first = DataSplit.RandomGroups(groups, 0.3, 1), again = DataSplit.RandomGroups(groups, 0.3, 1);
        Assert.That(first.Test, Has.Length.InRange(60, 60 + 19), "as many groups as it takes");
        Assert.That(again.Test, Is.EqualTo(first.Test));
        Assert.That(DataSplit.RandomGroups(groups, 0.3, 4).Test, Is.Not.EqualTo(first.Test));
    }

    [Test]
    public void Each_group_is_tested_by_one_of_the_folds()
    {
        int[] groups = [0, 0, 1, 2, 2, 2, 3, 4];
        int[] tested = [.. Enumerable.Range(0, 3).SelectMany(fold => DataSplit.FoldGroups(groups, fold, 3).Test)];
        Assert.That(tested.Order(), Is.EqualTo(Enumerable.Range(0, 8)));
        Assert.That(DataSplit.FoldGroups(groups, 1, 3).Test, Is.EqualTo(new[] { 2, 7 }), "groups 1 and 4");
        Assert.That(() => DataSplit.FoldGroups(groups, 0, 6), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => DataSplit.RandomGroups([0, 0], 0.5, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => DataSplit.RandomGroups([0, -1], 0.5, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static Recording Ramp(string name, int length, int first) =>
        new(name, Enumerable.Range(first, length).Select(i => (float)i).ToArray(), 8);

    private static float[][] Rows(SequenceDataset data) =>
        [.. Enumerable.Range(0, data.Count).Select(i =>
        {
            float[] row = new float[data.InputLength];
            data.Gather([i], row, row.Length, default, 0);
            return row;
        })];
}
