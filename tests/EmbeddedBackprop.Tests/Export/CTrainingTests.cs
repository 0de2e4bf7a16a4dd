using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported training step of dense networks has the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CTrainingTests
{
    private static readonly Activation[] Activations = [.. Registry.ActivationNames.Select(Registry.Activation)];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0")]
    [TestCase("clang -O2", Category = "Slow")]
    [TestCase("gcc -O3", Category = "Slow")]
    [TestCase("gcc -std=gnu17 -O3 -mfma", Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void Every_activation_learns_with_the_bits_of_the_engine(string compiler) => Check(compiler, [.. ActivationCases()]);

    [TestCase("gcc -O0")]
    [TestCase("clang -O2", Category = "Slow")]
    [TestCase("gcc -O3", Category = "Slow")]
    [TestCase("gcc -std=gnu17 -O3 -mfma", Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void Every_loss_has_the_bits_of_the_engine(string compiler) => Check(compiler, [.. LossCases()]);

    [TestCase("d[i] = d[i] * (a * (1.0f - a));", "d[i] = (d[i] * a) * (1.0f - a);")]
    [TestCase("w[at] = EBP_M(-rate, sum, w[at]);", "w[at] = w[at] - (rate * sum);", Category = "Slow")]
    [TestCase(
        "sum = EBP_M(delta[j], w[at], sum);",
        "sum = EBP_M(delta[outputs - 1u - j], w[(k * outputs) + outputs - 1u - j], sum);",
        Category = "Slow")]
    [TestCase("parts[(first + i) % 16u] = parts[(first + i) % 16u] +", "parts[(first + i) % 4u] = parts[(first + i) % 4u] +", Category = "Slow")]
    [TestCase("const float sum = 0.0f + delta[j];", "const float sum = 0.5f * delta[j];", Category = "Slow")]
    public void Control_another_formula_gives_other_bits(string text, string planted)
    {
        CTrainingParity parity = new(build, [Nielsen(12, 20, 12, 12)]);
        parity.Export(source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Not.Null);
    }

    [Test]
    public void Nielsens_network_learns_in_its_weights_and_one_kilobyte()
    {
        CTrainingParity parity = new(build, [Nielsen(784, 30, 10, 5)]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O2"), Is.Null);
        build.Write("size.c", """
            #include "t0.h"
            int main(void)
            {
                return (sizeof(t0_model) + T0_TRAIN_BYTES) - (T0_TRAIN_PARAMETERS * sizeof(float)) <= 1024u && T0_TRAIN_PARAMETERS == 23860 ? 0 : 1;
            }

            """);
        build.Compile("gcc -O0", "size", "size.c");
        Assert.That(build.Run("size"), Is.Zero);
        Assert.That(build.Read("t0.md"), Does.Contain("applied at once").And.Contain("RAM, training in all"));
    }

    [Test]
    public void The_memory_of_a_last_layer_and_of_a_small_convolution_net_is_small()
    {
        Assert.That(TrainingBytes(Nielsen(784, 30, 10, 1) with { Frozen = ["dense1"] }), Is.LessThanOrEqualTo(3 * 1024));
        Assert.That(
            TrainingBytes(
                new CTrainingCase(
                    "a small convolution net",
                    graph =>
                    {
                        Activation f = new Activation<Relu>();
                        ConvOptions options = new() { StrideY = 2, StrideX = 2 };
                        Node x = graph.Input(new Shape(1, 28, 28), "share"),
                            first = graph.Apply(new Conv2D(4, 3, 3, f, options), x),
                            second = graph.Apply(new Conv2D(8, 3, 3, f, options), first);
                        Node y = graph.Apply(new Dense(10, new Activation<Identity>()), second);
                        return ([y], [graph.Apply(new SoftmaxCrossEntropy(), [y, graph.Input(new Shape(10), "onehot")])]);
                    })
                {
                    Updates = 2,
                    LearningRate = 0.01f,
                }),
            Is.LessThanOrEqualTo(28 * 1024));
    }

    [Test]
    public void Every_op_has_a_text_for_its_backward_pass()
    {
        foreach (Type type in typeof(COp).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(COp)) && !type.IsAbstract))
        {
            if (type.Namespace == typeof(EmbeddedBackprop.Export.Ops.Integer.CRescale).Namespace)
            {
                continue; // a quantised network is not trained on a device
            }

            if (type.Namespace == typeof(EmbeddedBackprop.Export.Ops.Signals.CSpectrum).Namespace)
            {
                continue; // features come before the first layer that learns: CFeaturesTests trains after them, and through them it is refused
            }

            if (type == typeof(EmbeddedBackprop.Export.Ops.CBegun) || type == typeof(EmbeddedBackprop.Export.Ops.CKeep))
            {
                continue; // a stream only predicts
            }

            Assert.That(type.GetMethod(nameof(COp.WriteBackward))!.DeclaringType, Is.Not.EqualTo(typeof(COp)), type.Name);
        }
    }

    [Test]
    public void Training_needs_no_library_and_writes_no_global()
    {
        new CTrainingParity(build, [ActivationCases().First()]).Export();
        build.CheckSymbols("gcc -O0", "t0");
    }

    [Test]
    public void Names_of_inputs_and_targets_may_be_hostile()
    {
        CTrainingParity parity = new(build, [new CTrainingCase("hostile names", graph =>
        {
            Node a = graph.Input(new Shape(2), "model"), b = graph.Input(new Shape(2), "*/ #error");
            Node sum = graph.Apply(new Dense(2, new Activation<Tanh>()), a, "int"),
                other = graph.Apply(new Dense(2, new Activation<Tanh>()), b, "arena");
            return ([sum, other],
            [
                graph.Apply(new Loss<Quadratic>(), [sum, graph.Input(new Shape(2), "a b")], "loss"),
                graph.Apply(new Loss<Huber>(), [other, graph.Input(new Shape(2), "A_b")], "\u202E"),
            ]);
        }) { Updates = 3, Batch = 2 }]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Null);
    }

    private static CTrainingCase Nielsen(int inputs, int hidden, int outputs, int updates) => new("Nielsen's network", graph =>
    {
        Node x = graph.Input(new Shape(inputs), "share"), first = graph.Apply(new Dense(hidden, new Activation<Sigmoid>()), x);
        Node y = graph.Apply(new Dense(outputs, new Activation<Sigmoid>()), first);
        return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(outputs), "onehot")])]);
    }) { Updates = updates, LearningRate = 3f };

    internal static IEnumerable<CTrainingCase> ActivationCases()
    {
        for (int i = 0; i < Activations.Length; i++)
        {
            Activation f = Activations[i];
            yield return new CTrainingCase(f.Name, graph =>
            {
                Node x = graph.Input(new Shape(5)), hidden = graph.Apply(new Dense(7, f), x, "hidden");
                Node y = graph.Apply(new Dense(3, f), graph.Apply(new Activate(f), hidden, "again"));
                return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
            })
            {
                Arithmetic = i % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate, Batch = 1 + (i % 3), Accumulate = 1 + (i % 4 / 2), Updates = 20,
                LearningRate = 0.01f,
                Regularization = i % 5 == 0 ? new Regularization { L2 = 0.01f }
                    : i % 5 == 1 ? new Regularization { L2 = 0.001f, WeightDecay = 0.01f, AllParameters = true }
                    : Regularization.None,
            };
        }
    }

    internal static IEnumerable<CTrainingCase> LossCases()
    {
        (string Target, Loss Loss)[] losses =
        [
            ("target", new Loss<Quadratic>()),
            ("target", new Loss<MeanSquared>()),
            ("target", new Loss<MeanAbsolute>()),
            ("target", new Loss<Huber> { Weight = 3f }),
            ("bit", new Loss<BinaryCrossEntropy>()),
            ("bit", new Loss<BinaryCrossEntropyWithLogits>()),
            ("onehot", new SoftmaxCrossEntropy()),
            ("class4", new SoftmaxCrossEntropy()),
        ];
        int i = 0;
        foreach ((string target, Loss loss) in losses)
        {
            foreach (LossSettings settings in Settings(loss))
            {
                i++;
                yield return LossCase(target, loss.Kind, settings, i);
            }
        }

        // The prediction is read by two losses and by a layer, so gradients continue; one of them reads probabilities of a softmax of its own.
        yield return new CTrainingCase("several losses", graph =>
        {
            Node x = graph.Input(new Shape(6), "x"), y = graph.Apply(new Dense(4, new Activation<Tanh>()), x),
                top = graph.Apply(new Dense(1, new Activation<Sigmoid>()), y);
            Node probabilities = graph.Apply(new Activate(new EmbeddedBackprop.Activations.Softmax()), y);
            Node target = graph.Input(new Shape(4), "onehot");
            return ([probabilities, top],
            [
                graph.Apply(new Loss<MeanSquared> { Weight = 0.5f }, [y, target]),
                graph.Apply(new SoftmaxCrossEntropy { LabelSmoothing = 0.1f }, [probabilities, target]),
                graph.Apply(new Loss<BinaryCrossEntropy>(), [top, graph.Input(new Shape(1), "bit")]),
                graph.Apply(new Loss<Huber> { ClassWeights = [1f, 2f, 0.5f, 1f] }, [y, graph.Input(new Shape(4), "share")]),
            ]);
        }) { Batch = 2, Accumulate = 2 };
        yield return new CTrainingCase("an autoencoder", graph =>
        {
            Node x = graph.Input(new Shape(6), "x"), code = graph.Apply(new Dense(2, new Activation<Tanh>()), x),
                y = graph.Apply(new Dense(6, new Activation<Identity>()), code);
            return ([y, code], [graph.Apply(new Loss<Quadratic>(), [y, x])]);
        });
        yield return new CTrainingCase("a frozen layer in the middle", graph =>
        {
            Node x = graph.Input(new Shape(5), "x"), first = graph.Apply(new Dense(6, new Activation<Tanh>()), x, "first");
            Node y = graph.Apply(new Dense(3, new Activation<Sigmoid>()), graph.Apply(new Dense(4, new Activation<Gelu>()), first, "middle"), "last");
            return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
        }) { Frozen = ["middle"] };
        foreach (CStorage storage in (CStorage[])[CStorage.Float16, CStorage.Int8])
        {
            yield return new CTrainingCase($"frozen layers as {storage}", graph =>
            {
                Activation f = new Activation<Tanh>();
                Node x = graph.Input(new Shape(2, 9), "x"), first = graph.Apply(new Conv1D(3, 3, f), x, "first");
                Node middle = graph.Apply(new SwapAxes(), graph.Apply(new Conv1D(2, 3, f), first, "middle"));
                Node flat = graph.Apply(new Dense(5, f), graph.Apply(new Gru(3), [middle], "gru"), "flat"),
                    y = graph.Apply(new Dense(2, f), flat, "last");
                return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(2), "target")])]);
            }) { Frozen = ["middle", "gru", "flat"], Storage = storage, Batch = 2, Updates = 20 };
        }

        yield return new CTrainingCase("only the last layer learns", graph =>
        {
            Node x = graph.Input(new Shape(5), "x"), first = graph.Apply(new Dense(6, new Activation<Tanh>()), x, "first");
            Node y = graph.Apply(new Dense(3, new Activation<Sigmoid>()), graph.Apply(new Dense(4, new Activation<Gelu>()), first, "middle"), "last");
            return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
        }) { Frozen = ["first", "middle"], Batch = 3 };
        yield return new CTrainingCase("a layer twice, and one that is not trained", graph =>
        {
            Dense shared = new(4, new Activation<Softsign>());
            Node x = graph.Input(new Shape(4), "x"), y = graph.Apply(shared, graph.Apply(shared, x));
            Node other = graph.Apply(new Dense(3, new Activation<Relu>()), graph.Input(new Shape(2), "z"));
            return ([y, other], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(4), "target")])]);
        }) { Arithmetic = Arithmetic.Separate };
    }

    private static IEnumerable<LossSettings> Settings(Loss loss)
    {
        yield return new LossSettings();
        float[] weights = [0.5f, 1f, 2f, 0.25f];
        yield return new LossSettings { ClassWeights = weights };
        if (loss is SoftmaxCrossEntropy or Loss<BinaryCrossEntropy>)
        {
            yield return new LossSettings { LabelSmoothing = 0.1f };
            yield return new LossSettings { LabelSmoothing = 0.2f, ClassWeights = weights };
        }
    }

    private static CTrainingCase LossCase(string target, string kind, LossSettings settings, int i) => new(
        $"{kind} {target} {settings}", graph =>
        {
            Loss loss = Registry.Loss(kind, settings);
            Node x = graph.Input(new Shape(6), "x"),
                y = graph.Apply(new Dense(4, kind == "binary-cross-entropy" ? new Activation<HardSigmoid>() : new Activation<Tanh>()), x);
            return ([y], [graph.Apply(loss, [y, graph.Input(new Shape(target == "class4" ? 1 : 4), target)])]);
        })
    {
        Batch = 1 + (i % 3), Accumulate = 1 + (i % 2), Updates = 10, Arithmetic = i % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate,
    };

    /// <summary>All the memory of an exported training, which has to give the engine's bits.</summary>
    private long TrainingBytes(CTrainingCase net)
    {
        CTrainingParity parity = new(build, [net]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O1"), Is.Null);
        string bytes = build.Read("t0.h").Split("#define T0_TRAIN_BYTES ")[1].Split('\n')[0];
        return long.Parse(bytes, System.Globalization.CultureInfo.InvariantCulture) + CTrainingReport.ModelBytes;
    }

    private void Check(string compiler, CTrainingCase[] cases)
    {
        CTrainingParity parity = new(build, cases);
        parity.Export();
        Assert.That(parity.FirstDifference(compiler), Is.Null);
    }
}
