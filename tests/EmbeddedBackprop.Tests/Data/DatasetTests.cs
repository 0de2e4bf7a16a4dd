using EmbeddedBackprop.Data;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data;

[TestFixture]
public sealed class DatasetTests
{
    private static readonly string[] InputNames = ["a", "b"];

    [Test]
    public void A_table_can_be_seen_as_images_whose_pixels_are_standardised_together()
    {
        FloatDataset table = FloatDataset.Classified([0, 2, 4, 6, 1, 1, 1, 1], 4, [0, 1], 2);
        FloatDataset images = table.WithShape(new Shape(1, 2, 2));
        Assert.That(
            (table.InputShape, images.InputShape, images.WithInputs(new float[8]).InputShape),
            Is.EqualTo((new Shape(4), new Shape(1, 2, 2), new Shape(1, 2, 2))));
        Assert.That(() => table.WithShape(new Shape(3)), Throws.ArgumentException.With.Message.Contains("4 inputs"));
        Standardizer together = Standardizer.FitTogether(images);
        Assert.That(together.Means.ToArray(), Is.All.EqualTo(2f), "the mean of 0, 2, 4, 6, 1, 1, 1, 1");
        Assert.That(together.Scales.ToArray(), Is.All.EqualTo((float)(1 / Math.Sqrt(28 / 8.0))));
        Assert.That(together.Apply(images).InputShape, Is.EqualTo(new Shape(1, 2, 2)));
        Assert.That(Standardizer.Fit(images).Means[0], Is.EqualTo(0.5f), "the control: pixel by pixel it is another");
    }

    [Test]
    public void Bytes_are_widened_and_labels_become_one_hot()
    {
        ByteDataset data = Bytes(count: 5, length: 3, classes: 4);
        CheckGather(data, [4, 0, 0, 2], s => [.. data.Row(s).ToArray().Select(b => b * (1f / 255f))], s => OneHot(data.Label(s), 4));
        Assert.That(255 * ByteDataset.Scale, Is.EqualTo(1f));
    }

    [Test]
    public void Floats_are_copied_with_labels_or_targets()
    {
        float[] inputs = [1, 2, 3, 4, 5, 6];
        FloatDataset classified = FloatDataset.Classified(inputs, 2, [1, 0, 2], 3, InputNames, ["x", "y", "z"]);
        CheckGather(classified, [2, 1, 0], s => inputs[(2 * s)..((2 * s) + 2)], s => OneHot(classified.Label(s), 3));
        FloatDataset regression = FloatDataset.Regression(inputs, 2, [7, 8, 9], 1);
        CheckGather(regression, [2, 2, 0], s => inputs[(2 * s)..((2 * s) + 2)], s => [7 + s]);
        Assert.That((regression.Label(0), regression.ClassCount, regression.TargetLength), Is.EqualTo((-1, 0, 1)));
    }

    [Test]
    public void Views_show_the_first_the_last_and_any_samples()
    {
        ByteDataset data = Bytes(count: 300, length: 17, classes: 10);
        int[] listed = [.. Enumerable.Range(0, 290).Select(i => i * 7 % 300)];
        DatasetView[] views =
        [
            DatasetView.First(data, 10), DatasetView.Last(data, 270), DatasetView.Slice(data, 5, 200), DatasetView.Subset(data, listed),
            DatasetView.Slice(DatasetView.Subset(data, listed), 3, 280),
        ];
        Func<int, int>[] maps = [s => s, s => s + 30, s => s + 5, s => listed[s], s => listed[s + 3]];
        for (int v = 0; v < views.Length; v++)
        {
            Func<int, int> map = maps[v];
            int[] samples = [.. Enumerable.Range(0, views[v].Count).Reverse()];
            CheckGather(
                views[v], samples, s => [.. data.Row(map(s)).ToArray().Select(b => b * (1f / 255f))], s => OneHot(data.Label(map(s)), 10));
        }
    }

    [Test]
    public void Wrong_use_is_told()
    {
        ByteDataset data = Bytes(count: 5, length: 3, classes: 4);
        float[] inputs = new float[6];
        float[] targets = new float[8];
        Assert.Multiple(() =>
        {
            Assert.That(() => data.Gather([0, 1], inputs, 2, targets, 4), Throws.ArgumentException.With.Message.Contains("stride is 2"));
            Assert.That(() => data.Gather([0, 1], inputs, 3, targets, 3), Throws.ArgumentException.With.Message.Contains("a sample needs 4"));
            Assert.That(() => data.Gather([0, 1, 2], inputs, 3, targets, 4), Throws.ArgumentException.With.Message.Contains("need 9 floats, got 6"));
            Assert.That(() => data.Gather([0, 5], inputs, 3, targets, 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => data.Gather([-1], inputs, 3, targets, 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => DatasetView.First(data, 6), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => DatasetView.Last(data, 6), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => DatasetView.Slice(data, int.MaxValue, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => DatasetView.Subset(data, [0, 5]), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => DatasetView.Last(data, 2).Label(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new ByteDataset(new byte[6], [0, 4], 3, 4), Throws.ArgumentException.With.Message.Contains("label 4"));
            Assert.That(() => new ByteDataset(new byte[5], [0, 1], 3, 4), Throws.ArgumentException.With.Message.Contains("6 bytes, got 5"));
            Assert.That(() => FloatDataset.Classified(new float[2], 2, [3], 3), Throws.ArgumentException);
            Assert.That(() => FloatDataset.Regression(new float[2], 2, [3, 4], 1), Throws.ArgumentException);
            Assert.That(
                () => new ByteDataset(new byte[6], [0, 1], 3, 4) { InputShape = new Shape(1, 2, 2) },
                Throws.ArgumentException.With.Message.Contains("A sample has 3 bytes, the shape 1x2x2 has 4"));
            Assert.That(
                () => data.Label(5), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Sample 5 does not exist: there are 5"));
            Assert.That(
                () => FloatDataset.Classified(new float[4], 2, [0, 1], 2, ["a"]),
                Throws.ArgumentException.With.Message.Contains("2 inputs have 1 names"));
            Assert.That(
                () => FloatDataset.Classified(new float[4], 2, [0, 1], 2, InputNames, ["x", "y", "z"]),
                Throws.ArgumentException.With.Message.Contains("2 classes have 3 names"));
            Assert.That(
                () => FloatDataset.Regression(new float[4], 2, [1, 2, 3], 2),
                Throws.ArgumentException.With.Message.Contains("3 targets are not rows of 2"));
            FloatDataset floats = FloatDataset.Classified(new float[4], 2, [0, 1], 2);
            Assert.That(() => floats.Label(2), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Sample 2"));
            Assert.That(() => floats.Row(-1).Length, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Sample -1"));
        });
        data.Prefetch([-1, 0, 4, 5, int.MaxValue]);
        DatasetView.Last(data, 2).Prefetch([-1, 0, 4, 5, int.MaxValue]);
    }

    [Test]
    public void Nothing_is_fitted_on_no_samples()
    {
        FloatDataset none = FloatDataset.Classified([], 2, [], 2);
        SequenceDataset sequences = SequenceDataset.Create([1, 2], 2, [1], [0], 2);
        Assert.That(() => Standardizer.Fit(none), Throws.ArgumentException.With.Message.Contains("no samples"));
        Assert.That(() => Standardizer.FitTogether(none), Throws.ArgumentException.With.Message.Contains("no samples"));
        Assert.That(() => Standardizer.Fit(sequences, []), Throws.ArgumentException.With.Message.Contains("no samples"));
        Assert.That(Standardizer.Fit(sequences, [0]).Scales.ToArray(), Is.EqualTo(new float[] { 1, 1 }), "of one step: only centred");
        Assert.That(Standardizer.FitTogether(FloatDataset.Classified([3, 3], 2, [0], 1)).Scales.ToArray(), Is.EqualTo(new float[] { 1, 1 }));
    }

    [Test]
    public void What_is_not_finite_is_named_through_every_view()
    {
        // Sample 2 has the NaN; the view begins with sample 1, and names samples as its source does.
        FloatDataset Table(float x) => FloatDataset.Classified([1, 2, 3, 4, 5, x], 2, [0, 1, 0], 2, InputNames);
        Func<IBatchSource, IBatchSource>[] views =
        [
            source => source, source => new BinaryTarget(source), source => DatasetView.Slice(source, 1, 2),
            source => new AugmentedImages(((FloatDataset)source).WithShape(new Shape(1, 1, 2)), new AugmentationOptions { Shift = 1 }, 1),
            source => new WatchedSource(source, default),
            source => new BinaryTarget(DatasetView.Last(source, 1)),
        ];
        foreach (Func<IBatchSource, IBatchSource> view in views)
        {
            IBatchSource bad = view(Table(float.NaN)), good = view(Table(6));
            Assert.That(
                () => FiniteData.Require(bad), Throws.ArgumentException.With.Message.Contains("inputs: sample 2, column 1 (b) is NaN"), $"{bad}");
            Assert.That(() => FiniteData.Require(good), Throws.Nothing, $"{good}");
        }

        Assert.That(() => FiniteData.Require(DatasetView.First(Table(float.NaN), 2)), Throws.Nothing, "a view without the sample");
        Assert.That(
            () => FiniteData.Require(FloatDataset.Regression([1, 2], 1, [3, float.PositiveInfinity], 1)),
            Throws.ArgumentException.With.Message.Contains("targets: sample 1, column 0 is"));
        Assert.That(
            () => FiniteData.Require(SequenceDataset.Create([1, 2, 3, 4, 5, float.NaN], 2, [1, 2], [0, 1], 2, InputNames)),
            Throws.ArgumentException.With.Message.Contains("step 1: sample 1, column 1 (b) is NaN"));
    }

    [Test]
    public void Gathering_allocates_nothing()
    {
        ByteDataset data = Bytes(count: 300, length: 784, classes: 10);
        IBatchSource view = DatasetView.Last(data, 200);
        int[] samples = [.. Enumerable.Range(0, 200)];
        float[] inputs = new float[200 * 784];
        float[] targets = new float[200 * 16];
        void Batch()
        {
            view.Gather(samples, inputs, 784, targets, 16);
            view.Prefetch(samples);
        }

        Assert.That(Allocations.Of(1, Batch, warmUp: 1), Is.Zero);
    }

    [TestCase(10, 0.3, 3)]
    [TestCase(2, 0.01, 1)]
    [TestCase(2, 0.99, 1)]
    [TestCase(1000, 0.2, 200)]
    public void A_split_holds_out_the_fraction_and_loses_nothing(int count, double fraction, int tested)
    {
        DataSplit split = DataSplit.Random(count, fraction, 1);
        Assert.That(split.Test, Has.Length.EqualTo(tested));
        Assert.That(split.Test, Is.Ordered);
        Assert.That(split.Training, Is.Ordered);
        Assert.That(split.Training.Concat(split.Test), Is.EquivalentTo(Enumerable.Range(0, count)));
        Assert.That(DataSplit.Random(count, fraction, 1).Test, Is.EqualTo(split.Test));
        if (count > 10)
        {
            Assert.That(DataSplit.Random(count, fraction, 2).Test, Is.Not.EqualTo(split.Test));
        }
    }

    [TestCase(0.0)]
    [TestCase(1.0)]
    [TestCase(-0.5)]
    [TestCase(double.NaN)]
    public void A_split_wants_a_fraction(double fraction) =>
        Assert.That(() => DataSplit.Random(10, fraction, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void Standardised_inputs_have_mean_0_and_variance_1_on_the_training_part_only()
    {
        float[] inputs = [1, 10, 5, 3, 30, 5, 5, 50, 5, 100, 1000, 5];
        FloatDataset data = FloatDataset.Regression(inputs, 3, [0, 0, 0, 0], 1);
        Standardizer standardizer = Standardizer.Fit(DatasetView.First(data, 3));
        Assert.That(standardizer.Means.ToArray(), Is.EqualTo(new[] { 3f, 30f, 5f }));
        Assert.That(standardizer.Scales[2], Is.EqualTo(1f), "a constant input is centred only");
        FloatDataset standardized = standardizer.Apply(data);
        for (int j = 0; j < 2; j++)
        {
            double sum = 0, squares = 0;
            for (int i = 0; i < 3; i++)
            {
                sum += standardized.Row(i)[j];
                squares += standardized.Row(i)[j] * (double)standardized.Row(i)[j];
            }

            Assert.That(sum, Is.EqualTo(0).Within(1e-6));
            Assert.That(squares / 3, Is.EqualTo(1).Within(1e-6));
        }

        Assert.That(standardized.Row(0)[2], Is.Zero);
        Assert.That(data.Row(0)[0], Is.EqualTo(1f), "the original stays as it is");
        Assert.That(() => standardizer.Apply(new float[2]), Throws.ArgumentException);
    }

    private static ByteDataset Bytes(int count, int length, int classes)
    {
        byte[] inputs = new byte[count * length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = (byte)(i * 37);
        }

        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = (byte)(i * 3 % classes);
        }

        return new ByteDataset(inputs, labels, length, classes);
    }

    private static float[] OneHot(int label, int classes)
    {
        float[] row = new float[classes];
        row[label] = 1f;
        return row;
    }

    private static void CheckGather(IBatchSource source, int[] samples, Func<int, float[]> inputs, Func<int, float[]> targets)
    {
        int inputStride = source.InputLength + 3;
        int targetStride = source.TargetLength + 2;
        float[] x = new float[samples.Length * inputStride];
        float[] y = new float[samples.Length * targetStride];
        x.AsSpan().Fill(-1f);
        y.AsSpan().Fill(-1f);

        // The last rows end where their data end.
        source.Gather(samples, x.AsSpan(0, x.Length - 3), inputStride, y.AsSpan(0, y.Length - 2), targetStride);
        for (int i = 0; i < samples.Length; i++)
        {
            float[] expectedInputs = [.. inputs(samples[i]), -1, -1, -1];
            float[] expectedTargets = [.. targets(samples[i]), -1, -1];
            Assert.That(x.AsSpan(i * inputStride, inputStride).ToArray(), Is.EqualTo(expectedInputs));
            Assert.That(y.AsSpan(i * targetStride, targetStride).ToArray(), Is.EqualTo(expectedTargets));
        }

        float[] again = new float[x.Length];
        again.AsSpan().Fill(-1f);
        source.Gather(samples, again, inputStride, default, 0);
        Assert.That(again, Is.EqualTo(x), "targets may be left out");
    }
}
