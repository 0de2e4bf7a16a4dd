using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Training;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Activations, losses, optimisers, ops and the rest of a program's own in model files: registered, and unknown.</summary>
internal sealed class OwnNamesTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(33);

    [Test]
    public void A_network_of_nothing_but_own_things_comes_back_and_goes_on()
    {
        Registry.RegisterActivation<Bent>();
        Registry.RegisterLoss<LogCosh>();
        Registry.RegisterOptimizer("own-lion", s => new Lion { Share = s.Beta1 ?? 0.9f });
        Registry.RegisterInitializer("own-waves", _ => new Waves());
        Registry.RegisterSchedule("own-sawtooth", s => new Sawtooth { Every = s.Every ?? 5 });
        Registry.RegisterOp("own-shift", words => new Shift(words[0]), settingWords: 1);
        Registry.RegisterPairwise<Gate>();
        (Network network, Trainer trainer) = Make();
        Assert.That(Registry.Missing(network, trainer), Is.Empty);
        trainer.TrainEpoch();
        byte[] bytes = ModelFile.ToArray(network, trainer);
        ModelFile file = ModelFile.Parse(bytes, "own");
        Assert.That(
            file.Net,
            Is.EqualTo("input 5; a = dense 4 own-bent; b = dense 4 identity input; own-gate a b; own-shift 0.25; dense 3"));
        Network again = file.ToNetwork();
        Assert.That(again.Loss!.Kind, Is.EqualTo("own-log-cosh"));
        Assert.That(((Lion)again.Options.Optimizer).Share, Is.EqualTo(0.75f), "its settings");
        Assert.That(again.Options.Initializer, Is.TypeOf<Waves>());
        Bits.AssertEqual(again.Predict(Data.Row(3)), network.Predict(Data.Row(3)), "prediction");

        // The training goes on with the bits of never having stopped.
        TrainerOptions options = file.ToTrainerOptions();
        Assert.That(((Sawtooth)options.Schedule).Every, Is.EqualTo(4));
        Trainer resumed = new(again, Data, options);
        file.Restore(resumed);
        trainer.Run();
        resumed.Run();
        Bits.AssertEqual(SmallNet.Parameters(again), SmallNet.Parameters(network), "parameters");
        Assert.That(resumed.State.Epoch, Is.EqualTo(3));
    }

    [Test]
    public void An_unknown_loss_or_optimiser_is_no_reason_to_refuse_a_prediction()
    {
        NetworkOptions plain = new() { Batch = 4, Seed = 3 };
        foreach ((Network network, string missing) in new[]
        {
            (new Sequential(5).Dense<Tanh>(4).Dense<Identity>(3).Compile<UnknownLoss>(plain), "loss never-registered-loss"),
            (new Sequential(5).Dense<Tanh>(4).Dense(3, new Softmax())
                .Compile(new SoftmaxCrossEntropy(), plain with { Optimizer = new UnknownOptimizer() }), "optimizer never-registered-optimizer"),
            (Branched(plain), "loss never-registered-loss"),
        })
        {
            Trainer trainer = new(network, network.Outputs.Count > 1 ? TwoOutputs() : Data, new TrainerOptions { LearningRate = 0.01f });
            trainer.TrainEpoch();
            Assert.That(Registry.Missing(network, trainer), Is.EqualTo(new[] { missing }));
            ModelFile file = ModelFile.Parse(ModelFile.ToArray(network, trainer), "unknown");
            Network predicting = file.ToNetwork();
            Bits.AssertEqual(predicting.Predict(Data.Row(3)), network.Predict(Data.Row(3)), missing);
            Assert.That(predicting.Loss, Is.Null, "it only predicts");
            Assert.That(predicting.Outputs, Has.Count.EqualTo(network.Outputs.Count));

            // Code that knows them goes on all the same.
            Network again = network.Outputs.Count > 1 ? Branched(plain)
                : network.Loss is Loss<UnknownLoss> ? new Sequential(5).Dense<Tanh>(4).Dense<Identity>(3).Compile<UnknownLoss>(plain)
                : new Sequential(5).Dense<Tanh>(4).Dense(3, new Softmax())
                    .Compile(new SoftmaxCrossEntropy(), plain with { Optimizer = new UnknownOptimizer() });
            Trainer resumed = new(again, network.Outputs.Count > 1 ? TwoOutputs() : Data, trainer.Options);
            file.Restore(resumed);
            trainer.TrainEpoch();
            resumed.TrainEpoch();
            Bits.AssertEqual(SmallNet.Parameters(again), SmallNet.Parameters(network), "parameters");
        }
    }

    [Test]
    public void An_unknown_initialiser_has_done_its_work()
    {
        Network network = new Sequential(5).Dense<Tanh>(3).Compile<Quadratic>(new NetworkOptions { Initializer = new UnknownInitializer() });
        Assert.That(Registry.Missing(network), Is.EqualTo(new[] { "initializer never-registered-initializer" }));
        Network again = ModelFile.Parse(ModelFile.ToArray(network), "unknown").ToNetwork();
        Bits.AssertEqual(SmallNet.Parameters(again), SmallNet.Parameters(network), "parameters");
        Assert.That(again.Loss!.Kind, Is.EqualTo("quadratic"), "it trains");
    }

    [Test]
    public void An_unknown_activation_op_or_schedule_is_told_by_its_name()
    {
        NetworkOptions options = new();
        Network activation = new Sequential(5).Dense<UnknownActivation>(4).Dense<Tanh>(3).Compile<Quadratic>(options);
        Assert.That(Registry.Missing(activation), Is.EqualTo(new[] { "activation never-registered-activation" }));
        Assert.That(
            () => ModelFile.Parse(ModelFile.ToArray(activation), "file").ToNetwork(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("never-registered-activation").And.Message.Contains("registered first"));
        Network op = new Sequential(5).Apply(new Shift("1") { OwnKind = "never-registered-op" }).Dense<Tanh>(3).Compile<Quadratic>(options);
        Assert.That(Registry.Missing(op), Is.EqualTo(new[] { "op never-registered-op" }));
        Assert.That(
            () => ModelFile.Parse(ModelFile.ToArray(op), "file").ToNetwork(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("never-registered-op").And.Message.Contains("registered first"));
        Network known = SmallNet.Make(options);
        Trainer trainer = new(known, Data, new TrainerOptions { Schedule = new UnknownSchedule() });
        Assert.That(Registry.Missing(known, trainer), Is.EqualTo(new[] { "schedule never-registered-schedule" }));
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(known, trainer), "file");
        Assert.That(() => file.ToTrainerOptions(), Throws.InstanceOf<DataFormatException>().With.Message.Contains("never-registered-schedule"));
        Assert.That(() => file.ToNetwork(), Throws.Nothing);
    }

    [Test]
    public void What_cannot_be_registered_is_told()
    {
        Refused(() => Registry.RegisterOptimizer("adam", _ => new Lion()), "the library has one of this name");
        Refused(() => Registry.RegisterOptimizer("two words", _ => new Lion()), "a file cannot hold this name");
        Refused(() => Registry.RegisterOptimizer("a=b", _ => new Lion()), "a file cannot hold this name");
        Refused(() => Registry.RegisterActivation<OtherRelu>(), "the library has one of this name");
        foreach (string kind in (string[])["dense", "lstm", "input", "again", "loss"])
        {
            Refused(() => Registry.RegisterOp(kind, _ => new Shift("1")), "the library has one of this name");
        }

        Refused(() => Registry.RegisterOp("x y", _ => new Shift("1")), "a file cannot hold this name");
        Registry.RegisterOp("own-wrong", _ => new Shift("1"));
        Assert.That(
            () => NetText.Build("input 3; own-wrong", Registry.Activation),
            Throws.InstanceOf<FormatException>().With.Message.Contains("registered as own-wrong is a own-shift"));
        Registry.RegisterOp("own-picky", words => new Shift(words[0]) { OwnKind = "own-picky" }, settingWords: 1);
        Assert.That(() => NetText.Build("input 3; own-picky x", Registry.Activation), Throws.InstanceOf<FormatException>());
        Assert.That(
            () => NetText.Build("input 3; own-picky", Registry.Activation),
            Throws.InstanceOf<FormatException>().With.Message.Contains("expected a setting"));

        // A name that no file can hold is refused before a file is written.
        Network network = new Sequential(5).Dense<Tanh>(3).Compile<Quadratic>(new NetworkOptions { Optimizer = new Lion { OwnName = "my lion" } });
        Refused(() => ModelFile.ToArray(network), "my lion");
        Network spaced = new Sequential(5).Apply(new Shift("1") { OwnKind = "my op" }).Dense<Tanh>(3).Compile(new NetworkOptions());
        Refused(() => ModelFile.ToArray(spaced), "my op");

        static void Refused(Action use, string message) => Assert.That(use, Throws.ArgumentException.With.Message.Contains(message));
    }

    [Test]
    public void Threads_register_and_ask_at_once()
    {
        Parallel.For(0, 200, i =>
        {
            string name = $"own-many-{i % 50}";
            Registry.RegisterOptimizer(name, _ => new Lion { OwnName = name });
            Registry.RegisterOp(name, _ => new Shift("1") { OwnKind = name });
            Assert.That(Registry.Optimizer(name).Name, Is.EqualTo(name));
            Assert.That(NetText.Build($"input 3; {name}", Registry.Activation).Nodes[^1].Op!.Kind, Is.EqualTo(name));
        });
        for (int i = 0; i < 50; i++)
        {
            Assert.That(Registry.Optimizer($"own-many-{i}").Name, Is.EqualTo($"own-many-{i}"), "none is lost");
        }

        Assert.That(Registry.OptimizerNames, Has.None.StartsWith("own-"), "help lists the library's");
        Assert.That(
            () => Registry.Optimizer("never-registered-optimizer"),
            Throws.ArgumentException.With.Message.Contains("adam").And.Message.Contains("own-many-7"));
    }

    private static (Network Network, Trainer Trainer) Make()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(5));
        Node a = graph.Apply(new Dense(4, new Activation<Bent>()), x, "a"), b = graph.Apply(new Dense(4, new Activation<Identity>()), x, "b");
        Node y = graph.Apply(
            new Dense(3, new Activation<Identity>()), graph.Apply(new Shift("0.25"), graph.Apply(new Pairwise<Gate>(), a, b)));
        Network network = new(x, y, graph.Apply(new Loss<LogCosh>(), y, graph.Input(new Shape(3), "target"), "loss"), new NetworkOptions
        {
            Batch = 5, Seed = 4, Optimizer = new Lion { Share = 0.75f }, Initializer = new Waves(),
        });
        TrainerOptions options = new() { Epochs = 3, LearningRate = 0.01f, Schedule = new Sawtooth { Every = 4 } };
        return (network, new Trainer(network, Data, options));
    }

    private static Network Branched(NetworkOptions options)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(5)), trunk = graph.Apply(new Dense(4, new Activation<Tanh>()), x);
        Node a = graph.Apply(new Dense(3, new Activation<Identity>()), trunk, "a");
        Node b = graph.Apply(new Dense(2, new Activation<Identity>()), trunk, "b");
        return new Network(
            [x], [a, b],
            [
                graph.Apply(new Loss<UnknownLoss>(), a, graph.Input(new Shape(3), "ya")),
                graph.Apply(new SoftmaxCrossEntropy(), b, graph.Input(new Shape(1), "class of b")),
            ], options);
    }

    /// <summary>Three values, and the index of a class.</summary>
    private static FloatDataset TwoOutputs()
    {
        float[] targets = Samples.Array(33 * 4, 8);
        for (int i = 3; i < targets.Length; i += 4)
        {
            targets[i] = targets[i] > 0f ? 1f : 0f;
        }

        return FloatDataset.Regression([.. Data.Inputs], 5, targets, 4);
    }

    private readonly struct Bent : IActivationFunction
    {
        public static string Name => "own-bent";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T> => z + (z * z * z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.One + (T.Constant(3.0) * z * z);
    }

    private readonly struct UnknownActivation : IActivationFunction
    {
        public static string Name => "never-registered-activation";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T> => Bent.Value(z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => Bent.Derivative(z, a);
    }

    private readonly struct OtherRelu : IActivationFunction
    {
        public static string Name => "relu";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T> => Bent.Value(z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => Bent.Derivative(z, a);
    }

    private readonly struct LogCosh : ILossFunction
    {
        public static string Name => "own-log-cosh";

        public static bool AveragesOutputs => true;

        public static T Value<T>(T a, T y) where T : struct, ILanes<T>
        {
            T size = T.Abs(a - y);
            return (size + T.Log1P(T.Exp(T.Constant(-2.0) * size))) - T.Constant(0.69314718055994531);
        }

        public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => T.Tanh(a - y);
    }

    private readonly struct UnknownLoss : ILossFunction
    {
        public static string Name => "never-registered-loss";

        public static bool AveragesOutputs => true;

        public static T Value<T>(T a, T y) where T : struct, ILanes<T> => LogCosh.Value(a, y);

        public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => LogCosh.Derivative(a, y);
    }

    private readonly struct Gate : IPairwiseFunction
    {
        public static string Name => "own-gate";

        public static T Value<T>(T x, T y) where T : struct, ILanes<T> => x * T.Sigmoid(y);

        public static T DerivativeX<T>(T x, T y) where T : struct, ILanes<T> => T.Sigmoid(y);

        public static T DerivativeY<T>(T x, T y) where T : struct, ILanes<T>
        {
            T s = T.Sigmoid(y);
            return x * (s * (T.One - s));
        }
    }

    private sealed class Lion : FormulaOptimizer<Lion.Rule>
    {
        public override string Name => OwnName;

        public string OwnName { get; init; } = "own-lion";

        public float Share { get; init; } = 0.9f;

        public override OptimizerSettings Settings => new() { Beta1 = Share };

        protected override Rule Formula => new(Share);

        public readonly struct Rule(float share) : IUpdateFormula<Rule>
        {
            private readonly float share = share;

            public static int Arrays => 1;

            public static UpdateFactors<T> Factors<T>(in Rule f, T rate, T decay, T first, T second) where T : struct, ILanes<T> => new(-rate, decay);

            public static void Apply<T>(in Rule f, in UpdateFactors<T> k, T gradient, ref T w, ref T m, ref T unused) where T : struct, ILanes<T>
            {
                m = (T.Broadcast(f.share) * m) + (T.Broadcast(1f - f.share) * gradient);
                w = T.MultiplyAdd(k.First, T.IfGreater(m, T.Zero, T.One, -T.One), w);
            }
        }
    }

    private sealed class UnknownOptimizer : FormulaOptimizer<Lion.Rule>
    {
        public override string Name => "never-registered-optimizer";

        protected override Lion.Rule Formula => new(0.5f);
    }

    private sealed class Waves : Initializer
    {
        public override string Name => "own-waves";

        protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) => 0.3f * MathF.Sin(element);
    }

    private sealed class UnknownInitializer : Initializer
    {
        public override string Name => "never-registered-initializer";

        protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) => 0.2f;
    }

    private sealed class Sawtooth : Schedule
    {
        public int Every { get; init; } = 5;

        public override string Name => "own-sawtooth";

        public override ScheduleSettings Settings => new() { Every = Every };

        public override float Rate(float rate, ScheduleTime time) => rate / (1 + (time.Step % Every));
    }

    private sealed class UnknownSchedule : Schedule
    {
        public override string Name => "never-registered-schedule";

        public override float Rate(float rate, ScheduleTime time) => rate;
    }

    /// <summary>y = x + b, with a number in its settings.</summary>
    private sealed class Shift(string by) : KernelOp, IPasses<Shift>
    {
        private readonly float by = float.Parse(by, System.Globalization.CultureInfo.InvariantCulture);

        public string OwnKind { get; init; } = "own-shift";

        public override string Kind => OwnKind;

        public override string Settings => by.ToString(System.Globalization.CultureInfo.InvariantCulture);

        public override BackwardReads BackwardReads => BackwardReads.Nothing;

        protected override Passes Passes => Passes.Of<Shift>();

        public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

        static void IPasses<Shift>.Forward<T, K>(Shift op, in OpContext<T> c)
        {
            ReadOnlySpan<T> x = c.Input(0);
            Span<T> y = c.Output;
            for (int i = 0; i < y.Length; i++)
            {
                y[i] = x[i] + T.CreateTruncating(op.by);
            }
        }

        static void IPasses<Shift>.Backward<T, K>(Shift op, in OpContext<T> c)
        {
            if (!c.WantsInputGradient(0))
            {
                return;
            }

            if (c.ContinueInputGradient(0))
            {
                K.Add(c.InputGradient(0), c.OutputGradient, c.InputGradient(0));
            }
            else
            {
                c.OutputGradient.CopyTo(c.InputGradient(0));
            }
        }
    }
}
