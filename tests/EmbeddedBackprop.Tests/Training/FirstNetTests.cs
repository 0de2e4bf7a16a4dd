using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>What a first net meets: rates that suit its optimiser, and mistakes that are told at once.</summary>
internal sealed class FirstNetTests
{
    [TestCase("sgd", 0.1f)]
    [TestCase("momentum", 0.02f)]
    [TestCase("nesterov", 0.02f)]
    [TestCase("adagrad", 0.01f)]
    [TestCase("rmsprop", 0.001f)]
    [TestCase("adam", 0.001f)]
    [TestCase("adamw", 0.001f)]
    [TestCase("rprop", 0.01f)]
    public void Without_a_rate_a_trainer_takes_one_that_suits_the_optimiser(string optimizer, float rate)
    {
        Network network = new Sequential(SmallNet.Inputs).Dense<Relu>(9).Dense(SmallNet.Outputs, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 5, Optimizer = Registry.Optimizer(optimizer) });
        TrainerOptions options = new();
        Trainer trainer = new(network, SmallNet.Classes(20), options);
        Assert.That(trainer.Options.LearningRate, Is.EqualTo(rate));
        Assert.That(options.LearningRate, Is.NaN, "it depends on the network");
        Assert.That(
            new Trainer(network, SmallNet.Classes(20), new TrainerOptions { LearningRate = 0.7f }).Options.LearningRate, Is.EqualTo(0.7f));
    }

    [Test]
    public void Adam_with_its_own_rate_learns_what_it_does_not_learn_with_that_of_sgd()
    {
        double own = Accuracy(new TrainerOptions { Epochs = 12 }), sgd = Accuracy(new TrainerOptions { Epochs = 12, LearningRate = 0.1f });
        TestContext.Out.WriteLine($"right on digits: {own:P1} by default, {sgd:P1} with 0.1");
        Assert.That(own, Is.GreaterThan(0.85));
        Assert.That(sgd, Is.LessThan(own - 0.1), "control: the rate decides");

        static double Accuracy(TrainerOptions options)
        {
            ByteDataset train = DigitsGenerator.Create(3_000, seed: 1), test = DigitsGenerator.Create(500, seed: 1, first: 20_000);
            Network network = new Sequential(train.InputLength).Dense<Relu>(30).Dense(10, new Softmax())
                .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Seed = 1, Optimizer = Registry.Optimizer("adam") });
            Trainer trainer = new(network, train, options);
            while (!trainer.Finished)
            {
                trainer.TrainEpoch();
            }

            return trainer.Evaluate(test).Accuracy;
        }
    }

    [Test]
    public void A_trainer_that_has_ended_says_so()
    {
        Network network = SmallNet.Make(new NetworkOptions { Batch = 5 });
        FloatDataset data = SmallNet.Classes(20);
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = 1 });
        trainer.TrainEpoch();
        float[] parameters = [.. network.Parameters];
        Assert.That(() => trainer.TrainEpoch(), Throws.InvalidOperationException.With.Message.Contains("1 of 1 epochs"));
        Bits.AssertEqual(network.Parameters, parameters, "nothing is trained any more");

        // More epochs are another trainer's, with the state of the first.
        Trainer more = new(network, data, new TrainerOptions { Epochs = 2 }) { State = trainer.State };
        Assert.That(more.TrainEpoch()?.Epoch, Is.EqualTo(2));

        Trainer stopped = new(network, data, new TrainerOptions { Epochs = 9, EarlyStopping = new EarlyStopping(1) });
        foreach (double loss in (double[])[0.5, 0.4])
        {
            stopped.TrainEpoch();
            stopped.Judge(new Evaluation(1, loss, 0, 1));
        }

        Assert.That(() => stopped.TrainEpoch(), Throws.InvalidOperationException.With.Message.Contains("early stopping"));
    }

    [Test]
    public void Layers_are_compiled_once()
    {
        NetworkOptions options = new();
        Sequential layers = new Sequential(4).Dense<Tanh>(3).Dense<Sigmoid>(2);
        layers.Compile<Quadratic>(options);
        Assert.That(() => layers.Compile<Quadratic>(options), Throws.ArgumentException.With.Message.Contains("compiled already"));
        Assert.That(() => layers.Compile(options), Throws.ArgumentException.With.Message.Contains("compiled already"));
        Assert.That(() => layers.Dense<Tanh>(3), Throws.ArgumentException.With.Message.Contains("compiled already"));
        Assert.That(() => layers.Dropout(0.5f), Throws.ArgumentException.With.Message.Contains("compiled already"));
        Sequential predicting = new Sequential(4).Dense<Sigmoid>(2);
        predicting.Compile(options);
        Assert.That(() => predicting.Compile<Quadratic>(options), Throws.ArgumentException.With.Message.Contains("compiled already"));
        Assert.That(() => new Sequential(4).Compile<Quadratic>(options), Throws.ArgumentException.With.Message.Contains("nothing to train"));
    }

    [TestCase("identity", true)]
    [TestCase("sigmoid", false)]
    [TestCase("tanh", true)]
    [TestCase("lecun-tanh", true)]
    [TestCase("relu", true)]
    [TestCase("leaky-relu", true)]
    [TestCase("relu6", true)]
    [TestCase("elu", true)]
    [TestCase("selu", true)]
    [TestCase("gelu", true)]
    [TestCase("softplus", true)]
    [TestCase("softsign", true)]
    [TestCase("silu", true)]
    [TestCase("mish", true)]
    [TestCase("hard-sigmoid", false)]
    [TestCase("hard-swish", true)]
    [TestCase("softmax", false)]
    public void A_loss_of_probabilities_refuses_an_activation_that_gives_none(string activation, bool refused)
    {
        foreach (string loss in Registry.LossNames)
        {
            Network Compile() => new Sequential(4).Dense(3, Registry.Activation(activation)).Compile(Registry.Loss(loss), new NetworkOptions());
            if (refused && loss == "binary-cross-entropy")
            {
                Assert.That(Compile, Throws.ArgumentException.With.Message.Contains(loss).And.Message.Contains(activation));
                Graph graph = new();
                Node z = graph.Apply(new Scale(1f, trained: true), graph.Input(new Shape(3)));
                Node a = graph.Apply(new Activate(Registry.Activation(activation)), z, "a");
                Node judged = graph.Apply(Registry.Loss(loss), a, graph.Input(new Shape(3), "target"));
                Assert.That(
                    () => new Network(graph.Nodes[0], a, judged, new NetworkOptions()),
                    Throws.ArgumentException.With.Message.Contains($"a ends in {activation}"));
            }
            else
            {
                Assert.That(Compile, Throws.Nothing, loss);
            }
        }

        Assert.That(Registry.ActivationNames, Does.Contain(activation));
    }

    [Test]
    public void Every_activation_is_asked() =>
        Assert.That(
            typeof(FirstNetTests).GetMethod(nameof(A_loss_of_probabilities_refuses_an_activation_that_gives_none))!
                .GetCustomAttributes(typeof(TestCaseAttribute), false).Length,
            Is.EqualTo(Registry.ActivationNames.Count));

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void Data_that_are_not_finite_are_refused_by_sample_and_column(float value)
    {
        Network network = SmallNet.Make(new NetworkOptions { Batch = 5 });
        float[] inputs = [.. SmallNet.Classes(20).Inputs], targets = Samples.Array(60, 4);
        inputs[(7 * SmallNet.Inputs) + 2] = value;
        FloatDataset bad = FloatDataset.Classified(
            inputs, SmallNet.Inputs, new int[20], SmallNet.Outputs, ["a", "b", "humidity", "d", "e"]);
        Refused(bad, "sample 7, column 2 (humidity) is");
        Refused(DatasetView.Slice(bad, 5, 10), "sample 7, column 2 (humidity) is");
        Refused(DatasetView.Subset(bad, [3, 7]), "sample 7, column 2");
        Refused(bad.WithShape(new Shape(1, SmallNet.Inputs)), "sample 7, column 2");
        Assert.That(() => Trainer(DatasetView.First(bad, 7)), Throws.Nothing, "what a view leaves out does not matter");
        Assert.That(
            () => Trainer(SmallNet.Classes(20)).Evaluate(bad), Throws.ArgumentException.With.Message.Contains("sample 7, column 2"));
        targets[(11 * SmallNet.Outputs) + 1] = value;
        Refused(FloatDataset.Regression(Samples.Array(100, 1), SmallNet.Inputs, targets, SmallNet.Outputs), "targets: sample 11, column 1 is");
        float[] steps = Samples.Array(60, 2);
        steps[(13 * 2) + 1] = value;
        SequenceDataset sequences = SequenceDataset.Create(steps, 2, [5, 10, 15], [0, 1, 2], 3);
        Network recurrent = new Sequential(new Shape(15, 2)).Lstm(4).Dense(3, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 2 });
        Assert.That(
            () => new Trainer(recurrent, sequences, new TrainerOptions()),
            Throws.ArgumentException.With.Message.Contains("step 8: sample 1, column 1 is"));

        Trainer Trainer(IBatchSource data) => new(network, data, new TrainerOptions());

        void Refused(IBatchSource data, string message) =>
            Assert.That(() => Trainer(data), Throws.ArgumentException.With.Message.Contains(message));
    }

    [Test]
    public void A_source_of_ones_own_is_tested_in_the_first_epoch()
    {
        foreach (string optimizer in (string[])["sgd", "adam"])
        {
            foreach (bool view in (bool[])[false, true])
            {
                OwnSource own = new(SmallNet.Classes(20)) { BadFrom = 0 };
                Trainer trainer = Trainer(view ? DatasetView.Slice(own, 0, 20) : own, optimizer);
                Assert.That(() => trainer.TrainEpoch(), Throws.ArgumentException.With.Message.Contains("sample 7, column 2 is NaN"));

                // What becomes bad later is found where it does harm.
                OwnSource later = new(SmallNet.Classes(20)) { BadFrom = 1 };
                Trainer second = Trainer(view ? DatasetView.Slice(later, 0, 20) : later, optimizer);
                Assert.That(second.TrainEpoch(), Is.Not.Null);
                Assert.That(() => second.TrainEpoch(), Throws.ArgumentException.With.Message.Contains("sample 7, column 2 is NaN"));
            }
        }

        static Trainer Trainer(IBatchSource source, string optimizer) =>
            new(SmallNet.Make(new NetworkOptions { Batch = 5, Optimizer = Registry.Optimizer(optimizer) }), source, new TrainerOptions());
    }

    /// <summary>A user's source: its sample 7 has a NaN from some epoch on.</summary>
    private sealed class OwnSource(FloatDataset data) : IBatchSource
    {
        private int now;

        public int BadFrom { get; init; }

        public int Count => data.Count;

        public int InputLength => data.InputLength;

        public int TargetLength => data.TargetLength;

        public int ClassCount => data.ClassCount;

        public int Label(int sample) => data.Label(sample);

        public void BeginEpoch(int epoch) => now = epoch;

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            data.Gather(samples, inputs, inputStride, targets, targetStride);
            if (now >= BadFrom && samples.IndexOf(7) is >= 0 and int row)
            {
                inputs[(row * inputStride) + 2] = float.NaN;
            }
        }
    }
}
