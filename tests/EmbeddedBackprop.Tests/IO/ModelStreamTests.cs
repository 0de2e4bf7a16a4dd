using System.IO.Compression;
using System.Reflection;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Graph = EmbeddedBackprop.Graphs.Graph;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Models from streams and bytes, and networks for prediction from files that can train.</summary>
[TestFixture]
internal sealed class ModelStreamTests
{
    private const int Inputs = 300;

    [Test]
    public void A_stream_holds_the_bytes_of_the_file_and_stays_open()
    {
        using Network network = Adam();
        using MemoryStream stream = new();
        stream.WriteByte(7);
        ModelFile.Save(stream, network);
        Assert.That(stream.ToArray()[1..], Is.EqualTo(ModelFile.ToArray(network)));
        stream.Position = 1;
        using Network read = ModelFile.Open(stream).ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(stream.Position, Is.EqualTo(stream.Length));
    }

    [Test]
    public void A_stream_that_tells_no_length_is_read([Values(1, 7, 4096, 1 << 20)] int piece)
    {
        using Network network = Adam();
        byte[] file = ModelFile.ToArray(network);
        using Trickle stream = new(file, piece);
        using Network read = ModelFile.Open(stream, "response").ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(network)));
    }

    [Test]
    public void An_entry_of_an_archive_is_read()
    {
        using Network network = Adam();
        using MemoryStream archive = new();
        using (GZipStream zip = new(archive, CompressionLevel.Fastest, leaveOpen: true))
        {
            ModelFile.Save(zip, network);
        }

        archive.Position = 0;
        using GZipStream unzip = new(archive, CompressionMode.Decompress);
        using Network other = Adam(seed: 9);
        ModelFile.LoadWeights(unzip, other);
        Assert.That(WeightsHash.Of(other), Is.EqualTo(WeightsHash.Of(network)));
        using Network third = Adam(seed: 10);
        ModelFile.LoadWeights(ModelFile.ToArray(network), third);
        Assert.That(WeightsHash.Of(third), Is.EqualTo(WeightsHash.Of(network)));
    }

    [Test]
    public void A_model_is_an_embedded_resource()
    {
        using Network network = Adam();
        byte[] file = ModelFile.ToArray(network);
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Product",
            [CSharpSyntaxTree.ParseText("public class Product { }")],
            [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        using MemoryStream image = new();
        ResourceDescription model = new("Product.model", () => new MemoryStream(file), isPublic: true);
        Assert.That(compilation.Emit(image, manifestResources: [model]).Success, Is.True);
        Assembly product = Assembly.Load(image.ToArray());
        using Stream stream = product.GetManifestResourceStream("Product.model")!;
        Predictor predictor = ModelFile.Open(stream, "Product.model").ToPredictor();
        float[] sample = Samples.Array(Inputs, 1);
        Bits.AssertEqual(predictor.Predict(sample), network.Predict(sample), "the prediction");
    }

    [Test]
    public void Every_truncation_is_told_by_the_format_error([Values] bool seeks)
    {
        using Network network = new Sequential(2).Dense<Tanh>(2).Compile(new NetworkOptions());
        byte[] file = ModelFile.ToArray(network);
        for (int length = 0; length < file.Length; length++)
        {
            using Stream stream = seeks ? new MemoryStream(file[..length]) : new Trickle(file[..length], 100);
            Assert.That(() => ModelFile.Open(stream, "cut"), Throws.InstanceOf<DataFormatException>().With.Message.Contains("cut"));
        }

        using Stream longer = seeks ? new MemoryStream([.. file, 0]) : new Trickle([.. file, 0], 100);
        Assert.That(() => ModelFile.Open(longer), Throws.InstanceOf<DataFormatException>());
    }

    [Test]
    public void A_stream_without_end_is_refused_by_its_first_bytes_or_by_the_limit()
    {
        using Endless zeros = new(0);
        Assert.That(() => ModelFile.Open(zeros), Throws.InstanceOf<DataFormatException>().With.Message.Contains("header of 0 bytes"));
        Assert.That(zeros.Given, Is.LessThanOrEqualTo(1 << 16));
        using Network network = Adam();
        byte[] file = ModelFile.ToArray(network);
        using Endless behind = new(0, file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(
            () => ModelFile.Open(behind, "endless", maximumBytes: 2 * file.Length),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains($"more than {2 * file.Length} bytes are not read"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan((6 * file.Length) + (1 << 17)));
        Assert.That(
            () => ModelFile.Open(new MemoryStream(file), "m", maximumBytes: file.Length - 1), Throws.InstanceOf<DataFormatException>());
        Assert.That(() => ModelFile.Open(new MemoryStream(file), "m", maximumBytes: file.Length), Throws.Nothing);
        using Trickle exact = new(file, 1000);
        Assert.That(() => ModelFile.Open(exact, "m", maximumBytes: file.Length), Throws.Nothing);
    }

    [Test]
    public void Wrong_uses_of_streams_are_told()
    {
        using Network network = Adam();
        using MemoryStream stream = new();
        Assert.That(() => ModelFile.Save((Stream)null!, network), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.Save(stream, null!), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.Open((Stream)null!), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.Open(stream, null!), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.Open(stream, "m", maximumBytes: 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => ModelFile.LoadWeights((Stream)null!, network), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.LoadWeights((byte[])null!, network), Throws.ArgumentNullException);
        Assert.That(() => ModelFile.LoadWeights(stream, null!), Throws.ArgumentNullException);
        Assert.That(
            () => ModelFile.Parse(ModelFile.ToArray(network), "m").ToPredictor(batch: 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        stream.Dispose();
        Assert.That(() => ModelFile.Save(stream, network), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_network_for_prediction_takes_no_memory_of_training()
    {
        byte[] file = Trained(out float[] sample, out float[] expected);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Predictor predictor = ModelFile.Open(new MemoryStream(file)).ToPredictor();
        long predicting = GC.GetAllocatedBytesForCurrentThread() - before;
        Network network = predictor.Network;
        Bits.AssertEqual(predictor.Predict(sample), expected, "the best weights");
        Assert.That(network.TrainingPlan, Is.Null);
        Assert.That(() => network.TrainStep(1, 0.1f), Throws.InvalidOperationException);
        Assert.That(network.MemoryLength, Is.LessThanOrEqualTo(network.InferencePlan.MemoryLength));
        before = GC.GetAllocatedBytesForCurrentThread();
        using Network trains = ModelFile.Open(new MemoryStream(file)).ToNetwork(best: true);
        long training = GC.GetAllocatedBytesForCurrentThread() - before;
        Bits.AssertEqual(trains.Predict(sample), expected, "the same weights");

        // The file's bytes, the network's memory, and what a graph and its plans take.
        long bound = file.Length + (sizeof(float) * (long)network.MemoryLength) + (1 << 18);
        TestContext.Out.WriteLine(
            $"network: {4 * network.MemoryLength} bytes to predict, {4 * trains.MemoryLength} to train; allocated {predicting} and {training}, bound {bound}, file {file.Length}");
        Assert.That(predicting, Is.LessThan(bound));
        Assert.That(training, Is.GreaterThan(bound), "the control: a network that can train takes more");
        Assert.That(trains.MemoryLength, Is.GreaterThan(3 * network.MemoryLength));
    }

    [Test]
    public void Predictors_of_a_file_share_its_weights()
    {
        byte[] file = Trained(out float[] sample, out float[] expected);
        Predictor first = ModelFile.Parse(file, "m").ToPredictor(), second = first.Network.CreatePredictor(batch: 1);
        Bits.AssertEqual(second.Predict(sample), expected, "the second one");
        Assert.That(second.MemoryLength, Is.LessThan(first.Network.ParameterCount / 10));
    }

    [TestCase("input 12; dense 9 relu; dense 7 tanh; dense 3 softmax")]
    [TestCase("input 2x8x8; conv 4 3x3 p1 relu; conv 8 3x3 s2 g4; batchnorm; activate relu; dense 5 softmax")]
    public void A_quantised_model_predicts_from_its_file(string net)
    {
        using Network network = QuantizedFiles.Quantized(net);
        float[] sample = Samples.Array(network.InputLength, 1);
        Predictor predictor = ModelFile.Open(new MemoryStream(ModelFile.ToArray(network))).ToPredictor();
        Bits.AssertEqual(predictor.Predict(sample), network.Predict(sample), "integers");
        Assert.That(predictor.Network.TrainingPlan, Is.Null);
    }

    [Test]
    public void A_model_of_several_outputs_and_losses_predicts_from_its_file()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4), "x");
        Node hidden = graph.Apply(new EmbeddedBackprop.Ops.Dense(6, new Activation<Tanh>()), x);
        Node kind = graph.Apply(new EmbeddedBackprop.Ops.Dense(3, new Activation<Sigmoid>()), hidden, "kind");
        Node height = graph.Apply(new EmbeddedBackprop.Ops.Dense(2, new Activation<Identity>()), hidden, "height");
        Node first = graph.Apply(new Loss<Quadratic>(), kind, graph.Input(new Shape(3), "t1"), "l1");
        Node second = graph.Apply(new Loss<Quadratic>(), height, graph.Input(new Shape(2), "t2"), "l2");
        using Network network = new([x], [kind, height], [first, second], new NetworkOptions { Batch = 4, Seed = 3 });
        Predictor predictor = ModelFile.Parse(ModelFile.ToArray(network), "m").ToPredictor();
        float[] sample = Samples.Array(4, 1), expected = new float[5], result = new float[5];
        network.Predict(sample, 1, expected);
        predictor.Predict(sample, 1, result);
        Bits.AssertEqual(result, expected, "both outputs");
        Assert.That(predictor.Network.TrainingPlan, Is.Null);
    }

    private static byte[] Trained(out float[] sample, out float[] expected)
    {
        using Network network = Adam();
        EmbeddedBackprop.Data.FloatDataset data = EmbeddedBackprop.Data.FloatDataset.Classified(
            Samples.Array(40 * Inputs, 8), Inputs, [.. Enumerable.Range(0, 40).Select(i => i % 10)], 10);
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = 3, LearningRate = 0.01f, EarlyStopping = new EarlyStopping(3) });
        _ = trainer.TrainEpoch();
        _ = trainer.Judge(trainer.Evaluate(data));
        sample = Samples.Array(Inputs, 1);
        expected = network.Predict(sample).ToArray();
        _ = trainer.TrainEpoch();
        return ModelFile.ToArray(network, trainer);
    }

    private static Network Adam(ulong seed = 3) => new Sequential(Inputs)
        .Dense<Tanh>(200)
        .Dense(10, new Softmax())
        .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 64, Seed = seed, Optimizer = new Adam() });

    /// <summary>Gives a few bytes at a time and tells no length.</summary>
    private sealed class Trickle(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, piece));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, piece)]);
    }

    /// <summary>Bytes, and then the same one for ever.</summary>
    private sealed class Endless(byte value, params byte[] first) : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            for (int i = 0; i < buffer.Length; i++)
            {
                buffer[i] = Given < first.Length ? first[Given] : value;
                Given++;
            }

            return buffer.Length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
