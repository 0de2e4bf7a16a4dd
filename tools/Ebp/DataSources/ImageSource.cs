using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>Pictures of digits, whose test samples are apart from those for training.</summary>
internal abstract class ImageSource : DataSource
{
    public override IReadOnlyList<string> InputNames => ["28 rows of 28 grey levels from 0 (paper) to 1 (ink)"];

    public override float? ByteScale(Recipe recipe) => ByteDataset.Scale;

    public override TaskData Load(Recipe recipe)
    {
        (ByteDataset training, ByteDataset test) = Read(recipe, withTraining: true);
        (int[] used, int[] held) = SampleSplit.Of(recipe, SampleSplit.All(Available(training)));
        return new TaskData(
            View(training, used), held.Length == 0 ? null : View(training, held), test,
            new Preparation(null, null, null, training.ClassCount), DataFingerprint.Of(training));
    }

    public override IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation) => Read(recipe, withTraining: false).Test;

    /// <param name="recipe">Names the data.</param>
    /// <param name="withTraining">Whether anybody looks at the training samples.</param>
    protected abstract (ByteDataset Training, ByteDataset Test) Read(Recipe recipe, bool withTraining);

    /// <summary>How many samples there are to train on, read or not.</summary>
    protected virtual int Available(ByteDataset training) => training.Count;

    private static IBatchSource View(ByteDataset data, int[] samples)
    {
        bool together = samples[^1] - samples[0] == samples.Length - 1;
        return !together ? DatasetView.Subset(data, samples)
            : samples.Length == data.Count ? data
            : DatasetView.Slice(data, samples[0], samples.Length);
    }
}
