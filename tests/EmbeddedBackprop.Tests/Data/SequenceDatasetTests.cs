using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Sequences of different length: gathering, windows, resampling, standardisation, folds.</summary>
internal sealed class SequenceDatasetTests
{
    /// <summary>Lengths 1, 3 and 2 with two features.</summary>
    private static SequenceDataset Three() =>
        SequenceDataset.Create([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, [1, 3, 2], [2, 0, 1], 3);

    [Test]
    public void Short_sequences_are_filled_up_at_the_end_or_at_the_start_and_the_mask_says_where()
    {
        SequenceDataset data = Three();
        Assert.That((data.Count, data.Steps, data.Longest, data.InputShape, data.TargetLength), Is.EqualTo((3, 3, 3, new Shape(3, 2), 3)));
        Bits.AssertEqual(Row(data, 0), [1, 2, 0, 0, 0, 0], "end");
        Bits.AssertEqual(Row(data.WithPadding(SequencePadding.Start), 2), [0, 0, 9, 10, 11, 12], "start");
        SequenceDataset masked = data.WithPadding(SequencePadding.End, mask: true);
        Assert.That((masked.InputLength, masked.InputShape), Is.EqualTo((9, new Shape(9))));
        Bits.AssertEqual(Row(masked, 2), [9, 10, 11, 12, 0, 0, 1, 1, 0], "mask at the end");
        Bits.AssertEqual(Row(data.WithPadding(SequencePadding.Start, mask: true), 0), [0, 0, 0, 0, 1, 2, 0, 0, 1], "mask at the start");
        Bits.AssertEqual(Row(masked.WithSteps(2), 1), [3, 4, 5, 6, 1, 1], "cut");
        Bits.AssertEqual(Row(data.WithSteps(5), 1), [3, 4, 5, 6, 7, 8, 0, 0, 0, 0], "longer");
    }

    [Test]
    public void Rows_are_gathered_anew_with_their_targets_and_without_allocation()
    {
        SequenceDataset data = Three();
        float[] inputs = new float[2 * 8], targets = new float[2 * 4];
        inputs.AsSpan().Fill(7f);
        targets.AsSpan().Fill(7f);
        data.Gather([2, 0], inputs, 8, targets, 4);
        Bits.AssertEqual(inputs, [9, 10, 11, 12, 0, 0, 7, 7, 1, 2, 0, 0, 0, 0, 7, 7], "inputs; what stands between rows stays");
        Bits.AssertEqual(targets, [0, 1, 0, 7, 0, 0, 1, 7], "targets");
        int[] samples = [1, 2];
        Assert.That(Allocations.Of(1000, () => data.Gather(samples, inputs, 8, targets, 4)), Is.Zero);
        Assert.That(() => data.Gather([3], inputs, 8, targets, 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => data.Gather([1], inputs, 5, targets, 4), Throws.ArgumentException);
    }

    [Test]
    public void A_window_ends_with_its_row_and_has_its_label()
    {
        FloatDataset table = FloatDataset.Classified([1, 10, 2, 20, 3, 30, 4, 40], 2, [0, 1, 1, 0], 2);
        SequenceDataset windows = SequenceDataset.Windows(table, 3);
        Assert.That(Enumerable.Range(0, 4).Select(windows.Length), Is.EqualTo(new[] { 1, 2, 3, 3 }));
        Assert.That(Enumerable.Range(0, 4).Select(windows.Label), Is.EqualTo(new[] { 0, 1, 1, 0 }));
        Bits.AssertEqual(Row(windows, 0), [0, 0, 0, 0, 1, 10], "nothing goes before the first");
        Bits.AssertEqual(Row(windows, 3), [2, 20, 3, 30, 4, 40], "the last");
    }

    [Test]
    public void A_row_of_a_table_is_a_sequence_of_steps()
    {
        SequenceDataset data = SequenceDataset.FromRows(FloatDataset.Classified([1, 2, 3, 4, 5, 6], 6, [1], 2), 3);
        Assert.That((data.Features, data.InputShape), Is.EqualTo((2, new Shape(3, 2))));
        Bits.AssertEqual(Row(data, 0), [1, 2, 3, 4, 5, 6], "row");
        Assert.That(
            () => SequenceDataset.FromRows(FloatDataset.Classified([1, 2, 3], 3, [1], 2), 2),
            Throws.ArgumentException.With.Message.Contains("3 inputs"));
    }

    [Test]
    public void Resampling_draws_out_and_presses_in_straight_lines()
    {
        SequenceDataset data = SequenceDataset.Create([0, 8, 2, 4, 8, 0, 5, 5], 2, [3, 1], [0, 1], 2);
        Bits.AssertEqual(Row(data.Resampled(5), 0), [0, 8, 1, 6, 2, 4, 5, 2, 8, 0], "drawn out");
        Bits.AssertEqual(Row(data.Resampled(2), 0), [0, 8, 8, 0], "pressed: the ends stay");
        Bits.AssertEqual(Row(data.Resampled(3), 1), [5, 5, 5, 5, 5, 5], "a single step is repeated");
        Bits.AssertEqual(Row(data.Resampled(1), 0), [8, 0], "one step is the last");
        Bits.AssertEqual(Row(data.Resampled(3), 0), Row(data, 0), "as long as before");
    }

    [Test]
    public void Features_are_standardised_by_the_training_part_and_what_is_filled_up_stays_0()
    {
        SequenceDataset data = Three();
        Standardizer fitted = Standardizer.Fit(data, [0, 1]);
        Assert.That(fitted.Means.ToArray(), Is.EqualTo(new[] { 4f, 5f }), "the mean of 1, 3, 5, 7 and of 2, 4, 6, 8; sequence 2 does not count");
        Assert.That(fitted.Scales[0], Is.EqualTo(1 / Math.Sqrt(5)).Within(1e-7));
        SequenceDataset prepared = fitted.Apply(data);
        float scale = fitted.Scales[0];
        Bits.AssertEqual(Row(prepared, 0), [(1 - 4f) * scale, (2 - 5f) * scale, 0, 0, 0, 0], "filled up with the mean");
        Bits.AssertEqual(Row(data, 0), [1, 2, 0, 0, 0, 0], "the original stays");
        Assert.That(Standardizer.Fit(data, [0, 1, 2]).Means[0], Is.Not.EqualTo(4f), "the control: the test part would change it");
    }

    [Test]
    public void Every_sample_is_held_out_by_one_fold()
    {
        foreach (int count in (int[])[5, 11, 1000])
        {
            int[] seen = new int[count];
            for (int fold = 0; fold < 5; fold++)
            {
                DataSplit split = DataSplit.Fold(count, fold, 5);
                Assert.That(split.Test, Is.All.Matches<int>(i => i % 5 == fold));
                Assert.That(split.Training.Concat(split.Test).Order(), Is.EqualTo(Enumerable.Range(0, count)));
                foreach (int sample in split.Test)
                {
                    seen[sample]++;
                }
            }

            Assert.That(seen, Is.All.EqualTo(1));
        }

        Assert.That(() => DataSplit.Fold(10, 5, 5), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Sizes_that_do_not_fit_are_told()
    {
        Assert.That(() => SequenceDataset.Create([1, 2, 3], 2, [1], [0], 2), Throws.ArgumentException.With.Message.Contains("got 3"));
        Assert.That(() => SequenceDataset.Create([1, 2], 2, [1], [2], 2), Throws.ArgumentException.With.Message.Contains("label 2"));
        Assert.That(() => SequenceDataset.Create([1, 2], 2, [1, 0], [0, 0], 2), Throws.ArgumentException.With.Message.Contains("0 steps"));
        Assert.That(() => SequenceDataset.Create([1, 2], 2, [1], [0, 0], 2), Throws.ArgumentException.With.Message.Contains("2 labels"));
        SequenceDataset one = SequenceDataset.Create([1, 2], 2, [1], [0], 2);
        Assert.That(
            () => one.Label(1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Sample 1 does not exist: there are 1"));
        Assert.That(() => one.Length(-1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Sample -1"));
    }

    [Test]
    public void The_fingerprint_sees_lengths_labels_and_numbers()
    {
        string three = DataFingerprint.Of(Three());
        Assert.That(DataFingerprint.Of(Three()), Is.EqualTo(three));
        Assert.That(
            DataFingerprint.Of(SequenceDataset.Create([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, [1, 2, 3], [2, 0, 1], 3)),
            Is.Not.EqualTo(three));
        Assert.That(
            DataFingerprint.Of(SequenceDataset.Create([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, [1, 3, 2], [2, 1, 1], 3)),
            Is.Not.EqualTo(three));
        Assert.That(
            DataFingerprint.Of(SequenceDataset.Create([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13], 2, [1, 3, 2], [2, 0, 1], 3)),
            Is.Not.EqualTo(three));
    }

    private static float[] Row(SequenceDataset data, int sample)
    {
        float[] row = new float[data.InputLength];
        data.Gather([sample], row, row.Length, default, 0);
        return row;
    }
}
