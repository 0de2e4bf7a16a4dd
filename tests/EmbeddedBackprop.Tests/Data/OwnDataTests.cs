using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>A program's own arrays: rows with labels or targets, sequences with values to be predicted, their standardiser in the file.</summary>
internal sealed class OwnDataTests
{
    private static readonly float[][] Table = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];

    [Test]
    public void Rows_and_labels_are_a_data_set()
    {
        FloatDataset data = FloatDataset.FromRows(Table, [0, 2, 1, 2], inputNames: ["a", "b", "c"]);
        Assert.That((data.Count, data.InputLength, data.ClassCount, data.Label(3)), Is.EqualTo((4, 3, 3, 2)));
        Bits.AssertEqual(data.Inputs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "inputs");
        Assert.That(data.Targets.Length, Is.Zero);
        Assert.That(FloatDataset.FromRows(Table, [0, 1, 1, 0], classCount: 5).ClassCount, Is.EqualTo(5));
        Assert.That(FloatDataset.FromRows(Table, [0, 1, 1, 0], classNames: ["no", "yes", "perhaps"]).ClassCount, Is.EqualTo(3));
    }

    [Test]
    public void Rows_and_targets_are_a_data_set()
    {
        FloatDataset several = FloatDataset.FromRows(Table, [[1, 2], [3, 4], [5, 6], [7, 8]]);
        Assert.That((several.Count, several.TargetLength, several.ClassCount, several.Label(0)), Is.EqualTo((4, 2, 0, -1)));
        Bits.AssertEqual(several.Targets, [1, 2, 3, 4, 5, 6, 7, 8], "targets");
        FloatDataset one = FloatDataset.FromRows(Table, [1f, 2f, 3f, 4f]);
        Assert.That((one.TargetLength, one.Count), Is.EqualTo((1, 4)));
    }

    [Test]
    public void Rows_that_do_not_fit_are_told()
    {
        Refused(() => FloatDataset.FromRows([[1, 2], [3]], [0, 1]), "Row 1 has 1 numbers, row 0 has 2");
        Refused(() => FloatDataset.FromRows([], (int[])[]), "no rows");
        Refused(() => FloatDataset.FromRows(Table, [0, 1]), "2 samples of 3 floats");
        Refused(() => FloatDataset.FromRows(Table, [0, 1, -1, 0]), "Sample 2 has label -1");
        Refused(() => FloatDataset.FromRows(Table, [0, 1, 3, 0], classCount: 3), "Sample 2 has label 3");
        Refused(() => FloatDataset.FromRows(Table, [[1], [2], [3, 4], [5]]), "Row 2 has 2 numbers, row 0 has 1");
        Refused(() => FloatDataset.FromRows(Table, [[1], [2], [3]]), "3 samples of 3 floats");
        Refused(() => SequenceDataset.FromArrays([[1, 2, 3]], 2, [0]), "Sequence 0 has 3 numbers: no whole number of steps of 2 features");
        Refused(() => SequenceDataset.FromArrays([[1, 2], []], 2, [0, 1]), "Sequence 1 has 0 steps");
        Refused(() => SequenceDataset.FromArrays([[1, 2]], 2, [[1], [2]]), "1 sequences with 1 targets need 1 numbers, got 2");
        Assert.That(() => FloatDataset.FromRows([[1], null!], [0, 1]), Throws.ArgumentNullException);

        static void Refused(Func<object> use, string message) => Assert.That(use, Throws.ArgumentException.With.Message.Contains(message));
    }

    [Test]
    public void Sequences_with_targets_keep_them_through_every_change()
    {
        SequenceDataset data = SequenceDataset.FromArrays([[1, 10, 2, 20], [3, 30]], 2, [[0.5f, 1.5f], [2.5f, 3.5f]]);
        Assert.That((data.Count, data.ClassCount, data.TargetLength, data.Label(1), data.Steps), Is.EqualTo((2, 0, 2, -1, 2)));
        SequenceDataset masked = data.WithPadding(SequencePadding.Start, mask: true), standardised = Standardizer.Fit(data, [0, 1]).Apply(data);
        foreach (SequenceDataset changed in (SequenceDataset[])[data, data.WithSteps(3), masked, data.Resampled(4), standardised])
        {
            float[] inputs = new float[changed.InputLength], targets = new float[2];
            changed.Gather([1], inputs, inputs.Length, targets, 2);
            Bits.AssertEqual(targets, [2.5f, 3.5f], "targets");
            Bits.AssertEqual(changed.Targets(0), [0.5f, 1.5f], "targets of the first");
        }

        SequenceDataset other = SequenceDataset.FromArrays([[1, 10, 2, 20], [3, 30]], 2, [[0.5f, 1.5f], [2.5f, 3.25f]]);
        Assert.That(DataFingerprint.Of(other), Is.Not.EqualTo(DataFingerprint.Of(data)), "targets count");
        SequenceDataset classes = SequenceDataset.FromArrays([[1, 10, 2, 20], [3, 30]], 2, [1, 0]);
        Assert.That((classes.ClassCount, classes.Label(0), classes.Targets(0).Length), Is.EqualTo((2, 1, 0)));
        FloatDataset table = FloatDataset.FromRows(Table, [1f, 2f, 3f, 4f]);
        Bits.AssertEqual(SequenceDataset.Windows(table, 2).Targets(2), [3], "a window has its last row's target");
        Bits.AssertEqual(SequenceDataset.FromRows(table, 3).Targets(1), [2], "a row as a sequence");
    }

    [Test]
    public void A_network_learns_the_next_value_of_a_series()
    {
        // Two oscillations: the next value follows from several before it.
        float[] series = [.. Enumerable.Range(0, 601).Select(t => (0.6f * MathF.Sin(0.31f * t)) + (0.4f * MathF.Sin(0.17f * t)))];
        FloatDataset table = FloatDataset.FromRows([.. series[..600].Select(x => (float[])[x])], series[1..]);
        SequenceDataset windows = SequenceDataset.Windows(table, 8);
        DatasetView train = DatasetView.Slice(windows, 8, 492), test = DatasetView.Last(windows, 100);
        Network network = new Sequential(windows.InputShape).Gru(12).Dense<Identity>(1)
            .Compile<MeanSquared>(new NetworkOptions { Batch = 10, Seed = 1, Optimizer = new Adam() });
        Trainer trainer = new(network, train, new TrainerOptions { Epochs = 30 });
        trainer.Run();
        double last = 0;
        for (int i = 500; i < 600; i++)
        {
            last += Math.Pow(series[i + 1] - series[i], 2) / 100;
        }

        double learned = trainer.Evaluate(test).Loss;
        TestContext.Out.WriteLine($"mean squared error of the next value: {learned:G3}; of taking the last value: {last:G3}");
        Assert.That(learned, Is.LessThan(last / 10));
    }

    [Test]
    public void A_network_learns_a_value_at_every_step()
    {
        // Half of the value one step before.
        float[][] sequences = [.. Enumerable.Range(0, 60).Select(i => Samples.Array(6, i))];
        float[][] targets = [.. sequences.Select(x => (float[])[0, .. x[..5].Select(value => 0.5f * value)])];
        SequenceDataset data = SequenceDataset.FromArrays(sequences, 1, targets);
        RecurrentOptions all = new() { AllSteps = true };
        Network network = new Sequential(data.InputShape).Gru(10, all).Rnn(1, all)
            .Compile<MeanSquared>(new NetworkOptions { Batch = 6, Seed = 2, Optimizer = new Adam() });
        Trainer trainer = new(network, DatasetView.First(data, 50), new TrainerOptions { Epochs = 150, LearningRate = 0.01f });
        double before = trainer.Evaluate(DatasetView.Last(data, 10)).Loss;
        trainer.Run();
        double after = trainer.Evaluate(DatasetView.Last(data, 10)).Loss;
        TestContext.Out.WriteLine($"mean squared error of unseen sequences: {before:G3} before, {after:G3} after");
        Assert.That(after, Is.LessThan(before / 10));
    }

    [Test]
    public void A_standardiser_comes_back_with_the_model()
    {
        float[] inputs = Samples.Array(60, 3);
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = (inputs[i] * (1 + (i % 3))) + (100f / 3f);
        }

        FloatDataset raw = FloatDataset.Regression(inputs, 3, Samples.Array(20, 4), 1);
        Standardizer standardizer = Standardizer.Fit(raw);
        Network network = new Sequential(3).Dense<Tanh>(4).Dense<Identity>(1).Compile<MeanSquared>(new NetworkOptions { Batch = 4 });
        Trainer trainer = new(network, standardizer.Apply(raw), new TrainerOptions { Epochs = 1 });
        trainer.Run();
        using TemporaryFile path = new();
        Dictionary<string, string> extra = standardizer.ToExtra();
        extra.Add("mine", "too");
        ModelFile.Save(path.Path, network, trainer, extra);

        ModelFile file = ModelFile.Open(path.Path);
        Standardizer again = Standardizer.From(file)!;
        Bits.AssertEqual(again.Means, standardizer.Means, "means");
        Bits.AssertEqual(again.Scales, standardizer.Scales, "scales");
        Assert.That(file.Extra["mine"], Is.EqualTo("too"));
        float[] row = [.. raw.Row(5)], expected = [.. raw.Row(5)];
        again.Apply(row.AsSpan());
        standardizer.Apply(expected.AsSpan());
        Bits.AssertEqual(file.ToNetwork().Predict(row), network.Predict(expected), "prediction");
        Assert.That(Standardizer.From(ModelFile.Parse(ModelFile.ToArray(network), "plain")), Is.Null);
    }

    [TestCase("1 2", null)]
    [TestCase("1 2", "1")]
    [TestCase("1 x", "1 2")]
    [TestCase("1 NaN", "1 2")]
    [TestCase("1 2", "1 1e99")]
    [TestCase("", "")]
    public void A_damaged_standardiser_is_refused(string means, string? scales)
    {
        Dictionary<string, string> extra = new() { ["inputs.means"] = means };
        if (scales is not null)
        {
            extra.Add("inputs.scales", scales);
        }

        Network network = new Sequential(2).Dense<Tanh>(1).Compile<MeanSquared>(new NetworkOptions());
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network, extra: extra), "damaged");
        Assert.That(() => Standardizer.From(file), Throws.InstanceOf<DataFormatException>().With.Message.Contains("inputs.means"));
    }

    [Test]
    public void Steps_are_standardised_one_by_one()
    {
        Standardizer standardizer = new([1f, 2f], [10f, 100f]);
        float[] steps = [1, 2, 2, 3, 0, 1];
        standardizer.ApplySteps(steps);
        Bits.AssertEqual(steps, [0, 0, 10, 100, -10, -100], "steps");
        Assert.That(() => standardizer.ApplySteps(new float[3]), Throws.ArgumentException.With.Message.Contains("steps of 2 features"));
    }
}
