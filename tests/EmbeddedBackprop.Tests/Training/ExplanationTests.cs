using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Explanations against a textbook in double, finite differences, the engine's own gradients, and the four equations.</summary>
internal sealed class ExplanationTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(12);

    /// <summary>[5, 19, 3], sigmoid, then identity with the quadratic cost: written out in loops, in double.</summary>
    [TestCase("gru", "r z n")]
    [TestCase("lstm", "i f g o")]
    public void Gates_are_those_of_an_unrolled_cell(string kind, string names)
    {
        // A cell by itself, from the definition: weights of one unit, two steps, of which a mask may hold the last.
        Network network = NetCompiler.Compile(
            $"x = input 2x1; m = input 2; {kind} 1 x m; dense 1",
            new Loss<Quadratic>(),
            new NetworkOptions { Batch = 2, Seed = 4 });
        float[] p = [.. network.InferencePlan.Parameters.ToArray().Take(4).SelectMany(range => Compact(network, range))];
        int gates = names.Split(' ').Length;
        float[] rows = [0.5f, -1.25f, 1, 1, 0.75f, 2f, 1, 0];
        FloatDataset data = FloatDataset.Regression(rows, 4, [0f, 0f], 1);
        float[][] last = [Cell(rows[0], rows[1]), Cell(rows[4], null)];
        for (int sample = 0; sample < 2; sample++)
        {
            LayerExplanation layer = Explanation.Of(network, data, sample).Layers[0];
            Assert.That(layer.Gates.Select(gate => gate.Name), Is.EqualTo(names.Split(' ')));
            float[] first = Cell(rows[4 * sample], null);
            for (int gate = 0; gate < gates; gate++)
            {
                Assert.That(layer.Gates[gate].Last[0], Is.EqualTo(last[sample][gate]).Within(1e-6));
                float mean = sample == 0 ? (first[gate] + last[0][gate]) / 2 : first[gate];
                Assert.That(layer.Gates[gate].Mean[0], Is.EqualTo(mean).Within(1e-6));
            }
        }

        Assert.That(Explanation.Of(network, data, 0).Layers[1].Gates, Is.Empty);

        float[] Cell(float x, float? then)
        {
            float h = 0, c = 0;
            float[] g = Step(x, ref h, ref c);
            return then is { } next ? Step(next, ref h, ref c) : g;
        }

        float[] Step(float x, ref float h, ref float c)
        {
            float[] a = new float[gates], b = new float[gates];
            for (int i = 0; i < gates; i++)
            {
                (a[i], b[i]) = ((x * p[i]) + p[(2 * gates) + i], (h * p[gates + i]) + p[(3 * gates) + i]);
            }

            if (gates == 3)
            {
                float r = Sigma(a[0] + b[0]), z = Sigma(a[1] + b[1]), n = MathF.Tanh(a[2] + (r * b[2]));
                h = n + (z * (h - n));
                return [r, z, n];
            }

            float[] v = [Sigma(a[0] + b[0]), Sigma(a[1] + b[1]), MathF.Tanh(a[2] + b[2]), Sigma(a[3] + b[3])];
            c = (v[1] * c) + (v[0] * v[2]);
            h = v[3] * MathF.Tanh(c);
            return v;
        }

        static float Sigma(float z) => 1 / (1 + MathF.Exp(-z));

        static float[] Compact(Network network, ParameterRange range)
        {
            float[] values = new float[range.Count];
            range.CopyTo<float>(network.Parameters, values);
            return values;
        }
    }

    [Test]
    public void Gates_of_a_direction_from_the_end_and_of_padded_rows_are_found()
    {
        Network padded = NetCompiler.Compile(
            "input 5x3; gru 6 all bidirectional; flatten; dense 2",
            new Loss<Quadratic>(),
            new NetworkOptions { Batch = 3, Seed = 4 });
        Network compact = NetCompiler.Compile(
            "input 5x3; gru 6 all bidirectional; flatten; dense 2",
            new Loss<Quadratic>(),
            new NetworkOptions
            {
                Batch = 3,
                Seed = 4,
                Layout = Layout.Compact,
            });
        FloatDataset data = FloatDataset.Regression(Samples.Array(45, 3), 15, Samples.Array(6, 4), 2);
        IReadOnlyList<GateExplanation> gates = Explanation.Of(padded, data, [0, 1, 2]).Layers[0].Gates,
            others = Explanation.Of(compact, data, [0, 1, 2]).Layers[0].Gates;
        Assert.That(gates.Select(gate => gate.Name), Is.EqualTo((string[])["r", "z", "n", "r_reverse", "z_reverse", "n_reverse"]));
        for (int i = 0; i < gates.Count; i++)
        {
            Assert.That(gates[i].Last, Is.EqualTo(others[i].Last));
            Assert.That(gates[i].Mean, Is.EqualTo(others[i].Mean));
        }
    }

    [Test]
    public void Every_number_is_the_textbooks_and_its_gradients_are_difference_quotients()
    {
        Network net = new Sequential(SmallNet.Inputs).Dense<Sigmoid>(4).Dense<Tanh>(3).Compile<Quadratic>(new NetworkOptions { Batch = 3, Seed = 5 });
        Explanation e = Explanation.Of(net, Data, 7);
        Textbook book = new(e, Data.Row(7).ToArray(), Data.Label(7));
        Assert.That(e.Loss, Is.EqualTo(book.Loss()).Within(1e-6));
        for (int layer = 0; layer < 2; layer++)
        {
            LayerExplanation l = e.Layers[layer];
            Near(l.Inputs, book.Activations[layer], "x");
            Near(l.WeightedInputs!, book.Sums[layer], "z");
            Near(l.Outputs, book.Activations[layer + 1], "a");
            Near(l.Slopes!, book.Slopes(layer), "f'(z)");
            for (int p = 0; p < 2; p++)
            {
                for (int i = 0; i < l.Parameters[p].Gradients.Count; i++)
                {
                    Assert.That(l.Parameters[p].Gradients[i], Is.EqualTo(book.Quotient(layer, p, i)).Within(1e-6), $"{l.Parameters[p].Name} [{i}]");
                }
            }
        }

        // The control: another sample's explanation is not this one.
        Assert.That(Explanation.Of(net, Data, 8).Layers[0].Parameters[0].Gradients[0], Is.Not.EqualTo(book.Quotient(0, 0, 0)).Within(1e-6));
    }

    [TestCase("quadratic")]
    [TestCase("cross-entropy")]
    [TestCase("binary-cross-entropy")]
    public void Gradients_have_the_bits_of_a_training_step_and_keep_the_four_equations(string loss)
    {
        Network net = Make(loss);
        foreach (int[] samples in (int[][])[[3], [0, 5, 2, 9, 11]])
        {
            Explanation e = Explanation.Of(net, Data, samples);
            net.Gather(Data, samples);
            Assert.That((float)e.Loss, Is.EqualTo(net.ComputeGradients(samples.Length, out _)));
            int tensor = 0;
            foreach (ParameterExplanation parameter in e.Layers.SelectMany(layer => layer.Parameters))
            {
                ParameterRange range = net.TrainingPlan!.Parameters[tensor++];
                float[] compact = new float[range.Count];
                range.CopyTo<float>(net.Gradients, compact);
                Assert.That(parameter.Name, Is.EqualTo(range.Name));
                Bits.AssertEqual([.. parameter.Gradients], compact, range.Name);
            }

            if (samples.Length == 1)
            {
                Assert.That(Offences(e, loss != "quadratic"), Is.Empty);
            }
        }
    }

    [Test]
    public void Control_broken_equations_are_seen()
    {
        Explanation e = Explanation.Of(Make("quadratic"), Data, 3), other = Explanation.Of(Make("quadratic"), Data, 4);
        Assert.That(Offences(e, false, other.Layers), Is.EquivalentTo(new[] { "BP1", "BP2", "BP3", "BP4" }));
    }

    /// <summary>
    /// Nielsen, chapter 3: one neuron that is to learn 1 -> 0. From w = 0.6, b = 0.9 it gives 0.82; from w = b = 2 it gives 0.98 and learns slowly.
    /// </summary>
    [TestCase(0.6f, 0.9f, 0.82, 0.12)]
    [TestCase(2f, 2f, 0.98, 0.017)]
    public void The_texts_neuron(float weight, float bias, double output, double gradient)
    {
        Network net = new Sequential(1).Dense<Sigmoid>(1).Compile<Quadratic>(new NetworkOptions());
        net.Parameters[net.InferencePlan.Parameters[0].Offset] = weight;
        net.Parameters[net.InferencePlan.Parameters[1].Offset] = bias;
        LayerExplanation l = Explanation.Of(net, FloatDataset.Regression([1f], 1, [0f], 1), 0).Layers[0];
        Assert.That(l.Outputs[0], Is.EqualTo(output).Within(0.005));

        // Equations 55 and 56: dC/dw = dC/db = a f'(z), the factor f'(z) being what makes the second slow.
        Assert.That(l.Parameters[0].Gradients[0], Is.EqualTo(gradient).Within(0.003));
        Assert.That(l.Parameters[1].Gradients[0], Is.EqualTo(l.Outputs[0] * l.Slopes![0]).Within(1e-7));
    }

    [Test]
    public void The_mean_over_a_mini_batch_is_the_mean_of_its_samples()
    {
        Network net = Make("quadratic");
        int[] samples = [1, 4, 6, 10];
        Explanation mean = Explanation.Of(net, Data, samples);
        Explanation[] single = [.. samples.Select(sample => Explanation.Of(net, Data, sample))];
        Assert.That(mean.Loss, Is.EqualTo(single.Average(e => e.Loss)).Within(1e-6));
        for (int layer = 0; layer < mean.Layers.Count; layer++)
        {
            LayerExplanation m = mean.Layers[layer];
            for (int i = 0; i < m.Outputs.Count; i++)
            {
                Assert.That(m.Outputs[i], Is.EqualTo(single.Average(e => e.Layers[layer].Outputs[i])).Within(1e-6));
                Assert.That(m.Deltas[i], Is.EqualTo(single.Average(e => e.Layers[layer].Deltas[i])).Within(1e-6));
                Assert.That(m.RaisingSamples[i], Is.EqualTo(single.Count(e => e.Layers[layer].Deltas[i] < 0)));
            }

            for (int i = 0; i < m.Parameters[0].Gradients.Count; i++)
            {
                Assert.That(m.Parameters[0].Gradients[i], Is.EqualTo(single.Average(e => e.Layers[layer].Parameters[0].Gradients[i])).Within(1e-6));
            }
        }
    }

    [Test]
    public void Convolutions_show_their_weighted_input_and_delta()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(1, 5, 5)),
            conv = graph.Apply(new Conv2D(2, 3, 3, new Activation<Tanh>()), input);
        Node output = graph.Apply(new Dense(3, new Activation<Sigmoid>()), conv),
            target = graph.Input(new Shape(3), "target");
        Network net = new(
            input,
            output,
            graph.Apply(new Loss<Quadratic>(), output, target, "loss"),
            new NetworkOptions { Batch = 2, Initializer = new Glorot() });
        FloatDataset data = FloatDataset.Classified(Samples.Array(4 * 25, 3), 25, [0, 1, 2, 0], 3);
        LayerExplanation l = Explanation.Of(net, data, 1).Layers[0];
        Assert.That((l.Name, l.Outputs.Count, l.Parameters[0].Shape.Count), Is.EqualTo(("conv1", 18, 4)));
        for (int i = 0; i < l.Outputs.Count; i++)
        {
            Assert.That(l.Outputs[i], Is.EqualTo(Math.Tanh(l.WeightedInputs![i])).Within(1e-6));
            Assert.That(l.Deltas[i], Is.EqualTo(l.OutputGradients[i] * (1 - (l.Outputs[i] * l.Outputs[i]))).Within(1e-6));
        }

        // BP3 sums delta over the positions of a filter.
        Assert.That(l.Parameters[1].Gradients[1], Is.EqualTo(l.Deltas.Skip(9).Sum()).Within(1e-6));
    }

    [Test]
    public void The_network_is_left_as_it_is_and_wrong_samples_are_told()
    {
        Network net = Make("cross-entropy");
        float[] before = net.Parameters.ToArray();
        net.Gradients.Fill(7f);
        Explanation.Of(net, Data, 2);
        Bits.AssertEqual(net.Parameters, before, "parameters");
        Assert.That(net.Gradients.IndexOfAnyExcept(7f), Is.EqualTo(-1));
        Assert.That(net.StepNumber, Is.Zero);
        Assert.That(() => Explanation.Of(net, Data, 12), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("0 to 11"));
        Assert.That(() => Explanation.Of(new Sequential(5).Dense<Relu>(2).Compile(new NetworkOptions()), Data, 0), Throws.InvalidOperationException);
    }

    private static Network Make(string loss)
    {
        Sequential net = new Sequential(SmallNet.Inputs).Dense<Relu>(9).Dense<Sigmoid>(6);
        NetworkOptions options = new() { Batch = 5, Seed = 3, Initializer = new Glorot() };
        return loss switch
        {
            "cross-entropy" => net.Dense(3, new EmbeddedBackprop.Activations.Softmax()).Compile(new SoftmaxCrossEntropy(), options),
            "binary-cross-entropy" => net.Dense<Sigmoid>(3).Compile<BinaryCrossEntropy>(options),
            _ => net.Dense<Sigmoid>(3).Compile<Quadratic>(options),
        };
    }

    /// <summary>Which of the four equations one sample's values break; gradients may come from elsewhere.</summary>
    private static string[] Offences(Explanation e, bool cancels, IReadOnlyList<LayerExplanation>? gradients = null)
    {
        gradients ??= e.Layers;
        HashSet<string> broken = [];
        for (int k = 0; k < e.Layers.Count; k++)
        {
            LayerExplanation l = e.Layers[k];
            bool last = k == e.Layers.Count - 1;
            Assert.That(l.SlopeCancels, Is.EqualTo(last && cancels), l.Name);
            for (int j = 0; j < l.Outputs.Count; j++)
            {
                double delta = gradients[k].Deltas[j];
                double above = last ? l.Outputs[j] - e.Target[j] : 0;
                if (!last)
                {
                    LayerExplanation next = e.Layers[k + 1];
                    for (int i = 0; i < next.Outputs.Count; i++)
                    {
                        above += (double)next.Parameters[0].Values[(i * l.Outputs.Count) + j] * next.Deltas[i];
                    }

                    Check("BP2", gradients[k].OutputGradients[j], above);
                }

                Check("BP1", delta, l.SlopeCancels ? above : above * l.Slopes![j]);
                Check("BP3", gradients[k].Parameters[1].Gradients[j], l.Deltas[j]);
                for (int i = 0; i < l.Inputs.Count; i++)
                {
                    Check("BP4", gradients[k].Parameters[0].Gradients[(j * l.Inputs.Count) + i], (double)l.Inputs[i] * l.Deltas[j]);
                }
            }
        }

        return [.. broken];

        void Check(string equation, double actual, double expected)
        {
            if (Math.Abs(actual - expected) > 1e-6)
            {
                broken.Add(equation);
            }
        }
    }

    private static void Near(IReadOnlyList<float> actual, double[] expected, string what)
    {
        Assert.That(actual, Has.Count.EqualTo(expected.Length), what);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(1e-6), $"{what} [{i}]");
        }
    }

    /// <summary>Nielsen's equations for [n, m, k] with sigmoid and tanh and the quadratic cost, one element at a time.</summary>
    private sealed class Textbook
    {
        private readonly double[][][] parameters;
        private readonly double[] x;
        private readonly int label;

        public Textbook(Explanation e, float[] x, int label)
        {
            parameters = [.. e.Layers.Select(layer => layer.Parameters.Select(p => p.Values.Select(v => (double)v).ToArray()).ToArray())];
            this.x = [.. x.Select(v => (double)v)];
            this.label = label;
            Forward();
        }

        public double[][] Activations { get; private set; } = [];

        public double[][] Sums { get; private set; } = [];

        public double[] Slopes(int layer) => [.. Activations[layer + 1].Select(a => layer == 0 ? a * (1 - a) : 1 - (a * a))];

        public double Loss() => 0.5 * Activations[2].Select((a, j) => (a - (j == label ? 1 : 0)) * (a - (j == label ? 1 : 0))).Sum();

        public double Quotient(int layer, int tensor, int index)
        {
            const double Step = 1e-5;
            ref double value = ref parameters[layer][tensor][index];
            double before = value;
            value = before + Step;
            Forward();
            double high = Loss();
            value = before - Step;
            Forward();
            double low = Loss();
            value = before;
            Forward();
            return (high - low) / (2 * Step);
        }

        private void Forward()
        {
            Activations = [x, [], []];
            Sums = [[], []];
            for (int layer = 0; layer < 2; layer++)
            {
                double[] input = Activations[layer], weights = parameters[layer][0], biases = parameters[layer][1];
                Sums[layer] = [.. biases.Select((b, j) => b + input.Select((v, i) => v * weights[(j * input.Length) + i]).Sum())];
                Activations[layer + 1] = [.. Sums[layer].Select(z => layer == 0 ? 1 / (1 + Math.Exp(-z)) : Math.Tanh(z))];
            }
        }
    }
}
