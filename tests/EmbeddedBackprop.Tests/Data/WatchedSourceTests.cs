using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Training;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>A source under watch: every reader of samples can be cancelled and shows its progress, and finds the same samples.</summary>
internal sealed class WatchedSourceTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(100);

    private static readonly Dictionary<string, Func<IBatchSource, object>> Readers = new()
    {
        ["Quantizer"] = data => Quantizer.Quantize(Net(), data).Report.ToString()!,
        ["Diagnostics"] = data => Diagnostics.Run(Net(), data).Loss,
        ["ConfusionMatrix"] = data => ConfusionMatrix.Of(Net(), data).ToString()!,
        ["GradientCheck"] = data => GradientCheck.Run(Net(), data).ToString(),
        ["Standardizer"] = data => string.Join(' ', Standardizer.Fit(data).Means.ToArray()),
        ["FitTogether"] = data => Standardizer.FitTogether(data).Means[0],
        ["Trainer"] = data => new Trainer(Net(), data, new TrainerOptions { Epochs = 2, LearningRate = 0.1f }).Run().Result!.Value.Loss,
        ["Explanation"] = data => Explanation.Of(Net(), data, 3).ToString()!,
    };

    private static IEnumerable<string> Names => Readers.Keys;

    [TestCaseSource(nameof(Names))]
    public void Every_reader_is_cancelled_and_finds_the_same_samples(string reader)
    {
        List<long> seen = [];
        Assert.That(Readers[reader](new WatchedSource(Data, default, seen.Add)), Is.EqualTo(Readers[reader](Data)));
        Assert.That(seen, Is.Ordered.And.Not.Empty);
        using CancellationTokenSource before = new(), during = new();
        before.Cancel();
        Assert.That(() => Readers[reader](new WatchedSource(Data, before.Token)), Throws.InstanceOf<OperationCanceledException>());
        if (seen.Count > 1)
        {
            seen.Clear();
            Assert.That(() => Readers[reader](new WatchedSource(Data, during.Token, Once)), Throws.InstanceOf<OperationCanceledException>());
            Assert.That(seen, Has.Count.EqualTo(1), "it ends at once");
        }

        void Once(long samples)
        {
            seen.Add(samples);
            during.Cancel();
        }
    }

    [Test]
    public void It_is_the_source_in_all_else()
    {
        WatchedSource watched = new(Data, default);
        Assert.That(
            (watched.Count, watched.InputLength, watched.InputShape, watched.TargetLength, watched.ClassCount, watched.Label(7)),
            Is.EqualTo((Data.Count, Data.InputLength, Data.InputShape, Data.TargetLength, Data.ClassCount, Data.Label(7))));
        float[] inputs = new float[5], targets = new float[3];
        Assert.That(Allocations.Of(100, () => watched.Gather([7], inputs, 5, targets, 3)), Is.Zero);
        Bits.AssertEqual(inputs, Data.Row(7), "inputs");
        float[] bad = [.. Data.Inputs];
        bad[12] = float.NaN;
        Assert.That(
            () => new Trainer(Net(), new WatchedSource(Data.WithInputs(bad), default), new TrainerOptions()),
            Throws.ArgumentException.With.Message.Contains("sample 2, column 2"));
    }

    [Test]
    public void A_csv_file_is_read_until_it_is_cancelled()
    {
        byte[] text = Encoding.ASCII.GetBytes("a,b,y\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i},1,{i % 2}\n")));
        using CancellationTokenSource source = new();
        Assert.That(CsvReader.Parse(text, "table", new CsvOptions { Cancellation = source.Token }).Count, Is.EqualTo(3000));
        source.Cancel();
        Assert.That(
            () => CsvReader.Parse(text, "table", new CsvOptions { Cancellation = source.Token }), Throws.InstanceOf<OperationCanceledException>());
    }

    private static Network Net() => new Sequential(SmallNet.Inputs).Dense<Relu>(7).Dense(SmallNet.Outputs, new Softmax())
        .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Seed = 3 });
}
