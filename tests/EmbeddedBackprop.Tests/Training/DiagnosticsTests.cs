using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>The doctor names what was broken on purpose, and is silent about what was not.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class DiagnosticsTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(200);

    /// <summary>Nielsen's recipe on the built-in digits; these seeds were found by trying a hundred.</summary>
    [TestCase(52UL, 6)]
    [TestCase(34UL, 4)]
    [TestCase(22UL, 1)]
    public void A_stuck_run_of_the_texts_recipe_names_its_dead_digit(ulong seed, int digit)
    {
        ByteDataset training = DigitsGenerator.Create(5000, seed), test = DigitsGenerator.Create(1000, seed, first: 20_000);
        DiagnosticsReport report = Diagnostics.Run(Train(new Loss<Quadratic>(), 3f), test);
        Finding[] dead = [.. report.Findings.Where(f => f.Kind == FindingKind.DeadClass)];
        Assert.That(dead.Select(f => f.Indices[0]), Is.EqualTo(new[] { digit }));
        Assert.That(dead[0].Text, Does.Contain($"class {digit} is never learned: 0 of its").And.Contains("BP1"));
        Assert.That(report.Findings[0], Is.SameAs(dead[0]), "the gravest comes first");
        Assert.That(report.Classes[digit].MeanSlope, Is.LessThan(0.01));
        Assert.That(report.Accuracy, Is.InRange(0.5, 0.9));

        // The control: the same first weights with cross-entropy, whose delta has no f'(z).
        report = Diagnostics.Run(Train(new Loss<BinaryCrossEntropy>(), 0.5f), test);
        Assert.That(report.Findings.Select(f => f.Kind), Has.None.EqualTo(FindingKind.DeadClass));
        Assert.That(report.Classes[digit].Recall, Is.GreaterThan(0.5));

        Network Train(Loss loss, float rate)
        {
            Network net = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10)
                .Compile(loss, new NetworkOptions { Batch = 10, Seed = seed, Initializer = new Normal() });
            Trainer trainer = new(net, training, new TrainerOptions { Epochs = 10, LearningRate = rate });
            while (!trainer.Finished)
            {
                trainer.TrainEpoch();
            }

            return net;
        }
    }

    [Test]
    public void Classes_of_several_outputs_are_counted_for_each_of_them()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(2)),
            trunk = graph.Apply(new Dense(6, new Activation<Tanh>()), x);
        Node logits = graph.Apply(new Dense(3, new Activation<Identity>()), trunk, "logits"),
            which = graph.Apply(new Activate(new Softmax()), logits, "which");
        Node sign = graph.Apply(new Dense(1, new Activation<Sigmoid>()), trunk, "sign"),
            number = graph.Apply(new Dense(1, new Activation<Identity>()), trunk, "number");
        Node[] losses =
        [
            graph.Apply(new SoftmaxCrossEntropy(), logits, graph.Input(new Shape(3), "t1")),
            graph.Apply(new Loss<BinaryCrossEntropy>(), sign, graph.Input(new Shape(1), "t2")),
            graph.Apply(new Loss<MeanSquared>(), number, graph.Input(new Shape(1), "t3")),
        ];
        Network network = new([x], [which, sign, number], losses, new NetworkOptions { Batch = 10, Seed = 3, Initializer = new LeCun() });
        const int Count = 90;
        float[] inputs = Samples.Array(2 * Count, 5), targets = new float[5 * Count];
        int[] labels = new int[Count];
        for (int i = 0; i < Count; i++)
        {
            labels[i] = inputs[2 * i] < -0.3f ? 0 : inputs[2 * i] < 0.3f ? 1 : 2;
            targets[(5 * i) + labels[i]] = 1;
            targets[(5 * i) + 3] = inputs[(2 * i) + 1] > 0 ? 1 : 0;
            targets[(5 * i) + 4] = 0.5f * inputs[2 * i];
        }

        FloatDataset data = FloatDataset.Regression(inputs, 2, targets, 5);
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = 30, LearningRate = 0.5f });
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
        }

        DiagnosticsReport report = Diagnostics.Run(network, data);
        Assert.That(
            report.Classes.Select(c => $"{c.Output} {c.Label}"),
            Is.EqualTo((string[])["which 0", "which 1", "which 2", "sign 0", "sign 1"]),
            "the number has no classes");
        for (int label = 0; label < 3; label++)
        {
            Assert.That(report.Classes[label].Count, Is.EqualTo(labels.Count(l => l == label)));
        }

        int right = 0;
        for (int i = 0; i < Count; i++)
        {
            right += Accuracy.ClassOf(network.Predict(inputs.AsSpan(2 * i, 2))) == labels[i] ? 1 : 0;
        }

        Assert.That(report.Classes.Take(3).Sum(c => c.Right), Is.EqualTo(right).And.GreaterThan(60));
        int signs = report.Classes.Skip(3).Sum(c => c.Right);
        Assert.That(signs, Is.GreaterThan(80));
        Assert.That(report.Accuracy, Is.EqualTo((right + signs) / 2.0 / Count).Within(1e-12));
        Assert.That(report.Classes.Sum(c => c.Predicted), Is.EqualTo(2 * Count));
        Assert.That(report.Classes[0].MeanOutput, Is.GreaterThan(0.5));
    }

    [Test]
    public void A_healthy_network_gets_no_finding()
    {
        Network net = Make();
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 40, LearningRate = 0.3f });
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
        }

        DiagnosticsReport report = Diagnostics.Run(net, Data, new DiagnosticsOptions { LearningRate = 0.3f });
        Assert.That(report.Accuracy, Is.GreaterThan(0.9));
        Assert.That(report.Findings, Is.Empty);
        Assert.That(
            report.Layers.Select(l => (l.Name, l.Activation, l.Units)),
            Is.EqualTo(new[] { ("dense1", "sigmoid", 8), ("dense2", "relu", 7), ("dense3", "softmax", 3) }));
        Assert.That(report.Layers.Select(l => l.IsOutput), Is.EqualTo(new[] { false, false, true }));
        Assert.That(report.Layers[2].SlopeCancels);
    }

    [Test]
    public void Numbers_are_those_of_the_definition_and_the_network_is_left_alone()
    {
        Network net = Make();
        float[] before = net.Parameters.ToArray();
        const float Rate = 0.3f;
        DiagnosticsReport report = Diagnostics.Run(net, Data, new DiagnosticsOptions { Samples = 40, LearningRate = Rate });
        Bits.AssertEqual(net.Parameters, before, "parameters");
        Assert.That(net.StepNumber, Is.Zero);

        // Every fifth sample, as one batch.
        int[] samples = [.. Enumerable.Range(0, 40).Select(i => i * 5)];
        Explanation mean = Explanation.Of(net, Data, samples);
        Assert.That(report.Loss, Is.EqualTo(mean.Loss));
        for (int layer = 0; layer < 3; layer++)
        {
            double gradient = Math.Sqrt(mean.Layers[layer].Parameters.Sum(p => p.Gradients.Sum(g => (double)g * g)));
            double weights = Math.Sqrt(mean.Layers[layer].Parameters.Sum(p => p.Values.Sum(w => (double)w * w)));
            Assert.That(report.Layers[layer].GradientNorm, Is.EqualTo(gradient).Within(1e-9));
            Assert.That(report.Layers[layer].WeightNorm, Is.EqualTo(weights).Within(1e-9));
            Assert.That(report.Layers[layer].UpdateRatio, Is.EqualTo(Rate * gradient / weights).Within(1e-5 * Rate * gradient / weights));
        }

        Explanation[] single = [.. samples.Select(sample => Explanation.Of(net, Data, sample))];
        Assert.That(report.Layers[0].MeanSlope, Is.EqualTo(single.Average(e => e.Layers[0].Slopes!.Average())).Within(1e-6));
        Assert.That(report.Layers[1].FlatShare, Is.EqualTo(single.Average(e => e.Layers[1].Slopes!.Average(s => s < 0.05 ? 1.0 : 0))).Within(1e-9));
        Assert.That(
            report.Layers[0].LowInputShare,
            Is.EqualTo(single.Average(e => e.Layers[0].Inputs.Average(x => Math.Abs(x) < 0.05 ? 1.0 : 0))).Within(1e-9));
    }

    [Test]
    public void Dead_units_are_named()
    {
        Network net = Make();
        foreach (int unit in (int[])[2, 5])
        {
            Parameter(net, "dense2.bias")[unit] = -1000f;
        }

        DiagnosticsReport report = Diagnostics.Run(net, Data);
        Finding finding = report.Findings.Single(f => f.Kind == FindingKind.DeadUnits);
        Assert.That((finding.Where, finding.Indices), Is.EqualTo(("dense2", new[] { 2, 5 })));
        Assert.That(finding.Text, Does.Contain("BP3").And.Contains("BP4").And.Contains("leaky-relu"));
    }

    [Test]
    public void A_filter_is_dead_only_where_all_its_positions_are()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(1, 6, 6)),
            conv = graph.Apply(new Conv2D(3, 3, 3, new Activation<Relu>()), input);
        Node output = graph.Apply(new Dense(2, new Activation<Identity>()), conv),
            target = graph.Input(new Shape(2), "target");
        Network net = new(
            input,
            output,
            graph.Apply(new Loss<Quadratic>(), output, target, "loss"),
            new NetworkOptions
            {
                Batch = 8,
                Initializer = new Glorot(),
                Seed = 2,
            });

        // The images are dark but for one corner: whoever sits elsewhere sees nothing and, with a bias of 0 below, has no slope.
        float[] x = new float[20 * 36];
        for (int i = 0; i < 20; i++)
        {
            x[i * 36] = i % 2 == 0 ? 1f : -1f;
        }

        FloatDataset data = FloatDataset.Classified(x, 36, [.. Enumerable.Range(0, 20).Select(i => i % 2)], 2);
        Parameter(net, "conv1.bias")[1] = -100f;
        DiagnosticsReport report = Diagnostics.Run(net, data);
        Assert.That(report.Layers[0].Units, Is.EqualTo(3));
        Assert.That(report.Layers[0].FlatShare, Is.GreaterThan(0.9));
        Assert.That(report.Layers[0].DeadUnits, Is.EqualTo(new[] { 1 }));
    }

    [TestCase(FindingKind.Saturated, "dense1", "BP1")]
    [TestCase(FindingKind.LargeUpdate, "dense1", "--lr")]
    [TestCase(FindingKind.SmallUpdate, "dense1", "stands still")]
    [TestCase(FindingKind.LowInputs, "dense1", "BP4")]
    [TestCase(FindingKind.NotFinite, "dense2", "range of floats")]
    [TestCase(FindingKind.VanishingGradient, "dense1", "BP2")]
    [TestCase(FindingKind.ExplodingGradient, "dense1", "BP2")]
    [TestCase(FindingKind.Plateau, "loss", "1 %")]
    public void What_was_broken_is_found(FindingKind kind, string where, string text)
    {
        Network net = Make();
        FloatDataset data = Data;
        DiagnosticsOptions options = new()
        {
            LearningRate = kind switch
            {
                FindingKind.LargeUpdate => 100f,
                FindingKind.SmallUpdate => 1e-7f,
                _ => 0.05f,
            },
        };
        switch (kind)
        {
            case FindingKind.Saturated:
                Scale(net, "dense1.weight", 300f);
                break;
            case FindingKind.LowInputs:
                data = data.WithInputs([.. Samples.Array(200 * SmallNet.Inputs, 4).Select((x, i) => i % 50 == 0 ? x : 0.01f * x)]);
                break;
            case FindingKind.NotFinite:
                Parameter(net, "dense2.weight")[0] = float.NaN;
                break;
            case FindingKind.VanishingGradient:
                Scale(net, "dense2.weight", 1e-6f);
                break;
            case FindingKind.ExplodingGradient:
                Scale(net, "dense3.weight", 1e4f);
                break;
            case FindingKind.Plateau:
                options = options with { Losses = [2, 1, 0.5, 0.3, 0.2, 0.2, 0.199, 0.2, 0.2, 0.199] };
                break;
        }

        Finding[] findings = [.. Diagnostics.Run(net, data, options).Findings.Where(f => f.Kind == kind)];
        Assert.That(findings.Select(f => f.Where), Has.Some.EqualTo(where));
        Assert.That(findings[0].Text, Does.Contain(text));
    }

    [Test]
    public void A_plateau_is_less_than_one_percent_in_five_epochs()
    {
        Assert.That(Diagnostics.IsPlateau([5, 4, 3, 2, 1, 1, 1, 1, 1]), Is.Null, "too few epochs to tell");
        Assert.That(Diagnostics.IsPlateau([5, 4, 3, 2, 1, 1, 1, 1, 1, 0.995]), Is.True);
        Assert.That(Diagnostics.IsPlateau([5, 4, 3, 2, 1, 1, 1, 1, 1, 0.98]), Is.False);
        Assert.That(Diagnostics.IsPlateau([5, 4, 3, 2, 1, 9, 9, 9, 9, 9]), Is.True, "it rises");
        Assert.That(Diagnostics.IsPlateau([5, 4, 3, 2, 1, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]), Is.True);
    }

    private static Network Make()
    {
        Network net = new Sequential(SmallNet.Inputs).Dense<Sigmoid>(8).Dense<Relu>(7).Dense(3, new EmbeddedBackprop.Activations.Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 16, Seed = 4, Initializer = new Glorot(), Optimizer = new Sgd() });

        // After a sigmoid a ReLU unit with negative weights is dead from the start: these are not.
        Parameter(net, "dense2.bias")[..7].Fill(2f);
        return net;
    }

    private static Span<float> Parameter(Network net, string name)
    {
        foreach (ParameterRange range in net.InferencePlan.Parameters)
        {
            if (range.Name == name)
            {
                return net.Parameters.Slice(range.Offset, range.Length);
            }
        }

        throw new ArgumentException(name);
    }

    private static void Scale(Network net, string name, float factor)
    {
        foreach (ref float w in Parameter(net, name))
        {
            w *= factor;
        }
    }
}
