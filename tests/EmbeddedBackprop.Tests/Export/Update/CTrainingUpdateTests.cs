using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Whole exported networks learn by every optimiser, option and schedule with the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CTrainingUpdateTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0")]
    [TestCase("gcc -O3", Category = "Slow")]
    [TestCase("clang -O2", Category = "Slow")]
    [TestCase("gcc -O3 -mfma", Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void Every_optimiser_option_and_schedule(string compiler)
    {
        CTrainingParity parity = new(build, [.. OptimizerCases(), .. ScheduleCases()]);
        parity.Export();
        Assert.That(parity.FirstDifference(compiler), Is.Null);
    }

    [TestCase("(step + 1u)", "(step)")]
    [TestCase("model->step++;", "")]
    public void Control_another_rate_gives_other_bits(string text, string planted)
    {
        CTrainingParity parity = new(build, [ScheduleCases().First()]);
        parity.Export(source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Not.Null);
    }

    [Test]
    public void What_cannot_be_exported_is_refused_before_a_file_is_written()
    {
        void Export(CTrainingOptions options, Network network) => CExporter.Write(network, build.Folder, new CExportOptions { Training = options });
        Network net = Net(new Sgd());
        Assert.That(() => Export(CTrainingOptions.Of(net, 0.1f) with { Schedule = new Plateau() }, net), Throws.InstanceOf<NotSupportedException>());
        Assert.That(() => Export(CTrainingOptions.Of(net, 0.1f) with { Schedule = new Cosine() }, net), Throws.ArgumentException);
        Assert.That(Directory.GetFiles(build.Folder), Is.Empty);
    }

    [Test]
    public void The_length_of_an_epoch_can_be_defined()
    {
        Network net = Net(new Sgd());
        CExporter.Write(
            net,
            build.Folder,
            new CExportOptions
            {
                Name = "net",
                Training = CTrainingOptions.Of(net, 0.1f) with
                {
                    Schedule = new StepDecay { Every = 1 },
                    StepsPerEpoch = 100,
                    Epochs = 3,
                },
            });
        string Object(string define) => $"gcc -O1 -c {define}";
        build.Compile(Object("-DNET_STEPS_PER_EPOCH=50"), "net.o", "net.c");
        Assert.That(
            () => build.Compile(Object("-DNET_STEPS_PER_EPOCH=0"), "net.o", "net.c"),
            Throws.Exception.With.Message.Contains("have to be positive"));
    }

    private static IEnumerable<CTrainingCase> OptimizerCases()
    {
        int i = 0;
        foreach (string name in Registry.OptimizerNames)
        {
            i++;
            yield return Case(name, i) with { Optimizer = Registry.Optimizer(name) };
            yield return Case(name + " with penalties", i + 1) with
            {
                Optimizer = Registry.Optimizer(name),
                Regularization = new() { L1 = 0.001f, L2 = 0.01f, WeightDecay = 0.02f, MaxNorm = i % 2 == 0 ? 0.8f : 0f, AllParameters = i % 3 == 0 },
                Clipping = new() { Value = i % 3 == 1 ? 0.05f : 0f, Norm = i % 3 != 1 ? 0.1f : 0f },
            };
        }
    }

    private static IEnumerable<CTrainingCase> ScheduleCases()
    {
        // The first ones change weights within the backward pass, the others after it.
        Schedule[] schedules =
        [
            new WarmUp
            {
                Steps = 30,
                Then = new Cosine { Floor = 0.01f },
            },
            new StepDecay { Every = 2, Factor = 0.5f },
            new Exponential(),
            new WarmUp
            {
                Steps = 10,
                Then = new Exponential { Factor = 0.5f },
            },
        ];
        for (int i = 0; i < schedules.Length; i++)
        {
            yield return Case(schedules[i].Name, i) with { Schedule = schedules[i], StepsPerEpoch = 7, Batch = 1 + (i / 2), Accumulate = 1 };
        }
    }

    private static CTrainingCase Case(string name, int i) => new(name, graph =>
    {
        Node x = graph.Input(new Shape(5), "x"), hidden = graph.Apply(new Dense(7, new Activation<Tanh>()), x, "hidden");
        Node y = graph.Apply(new Dense(3, new Activation<Sigmoid>()), hidden, "y");
        return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
    })
    {
        Arithmetic = i % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate, Batch = 1 + (i % 2), Accumulate = 1 + (i % 3), LearningRate = 0.05f,
    };

    private static Network Net(Optimizer optimizer)
    {
        Graph graph = new();
        (Node[] outputs, Node[] losses) = Case("", 0).Build(graph);
        return new Network(graph.Nodes[0], outputs[0], losses[0], new NetworkOptions { Optimizer = optimizer });
    }
}
