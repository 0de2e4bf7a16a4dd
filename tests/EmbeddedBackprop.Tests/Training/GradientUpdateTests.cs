using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>The steps from gradients to parameters: order, formulas in double, equal bits, and steps that are refused.</summary>
[TestFixture]
internal sealed class GradientUpdateTests
{
    public static IEnumerable<string> Optimizers => Registry.OptimizerNames;

    [TestCaseSource(nameof(Optimizers))]
    public void The_same_bits_at_every_width_layout_and_in_the_twins(string optimizer)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            for (int variant = 0; variant < 4; variant++)
            {
                NetworkOptions options = Options(optimizer, arithmetic, variant);
                float[] expected = Train(options with { Execution = Execution.Scalar, Layout = Layout.Compact });
                Bits.AssertEqual(
                    Train(options with { Execution = Execution.Scalar }),
                    expected,
                    $"{optimizer} {arithmetic} variant {variant} padded twin");
                Widths.ForEach(width =>
                {
                    Bits.AssertEqual(Train(options), expected, $"{optimizer} {arithmetic} variant {variant} width {width}");
                    Bits.AssertEqual(
                        Train(options with { Layout = Layout.Compact }),
                        expected,
                        $"{optimizer} {arithmetic} variant {variant} width {width} compact");
                });
            }
        }
    }

    [Test]
    public void Every_option_changes_the_result()
    {
        HashSet<string> seen = [];
        foreach (string optimizer in Optimizers)
        {
            for (int variant = 0; variant < 4; variant++)
            {
                // AdamW is Adam, bit for bit, until there is a decay to decouple; Rprop sees signs, which clipping leaves as they are.
                bool isNew = optimizer == "adamw" ? variant == 3 : optimizer != "rprop" || variant != 1;
                Assert.That(
                    seen.Add(string.Join(' ', Train(Options(optimizer, Arithmetic.Fused, variant)))),
                    Is.EqualTo(isNew),
                    $"{optimizer} variant {variant}");
            }
        }
    }

    [TestCase(0.02f, 0f, 0f, 0f, 0f, false)]
    [TestCase(0f, 0.1f, 0f, 0f, 0f, false)]
    [TestCase(0.02f, 0.1f, 0f, 0f, 0f, false)]
    [TestCase(0f, 100f, 0f, 0f, 0f, false)]
    [TestCase(0f, 0f, 0.01f, 0f, 0f, false)]
    [TestCase(0f, 0f, 0f, 0.01f, 0.02f, false)]
    [TestCase(0f, 0f, 0.01f, 0.01f, 0.02f, true)]
    [TestCase(0.02f, 0.1f, 0.01f, 0.01f, 0.02f, true)]
    public void One_step_of_descent_in_double(float clipValue, float clipNorm, float l1, float l2, float decay, bool all)
    {
        const float Rate = 0.5f;
        Network net = SmallNet.Make(new NetworkOptions
        {
            Batch = 7,
            Clipping = new Clipping { Value = clipValue, Norm = clipNorm },
            Regularization = new Regularization { L1 = l1, L2 = l2, WeightDecay = decay, AllParameters = all },
        });
        SmallNet.Backpropagate(net, 7);
        float[] before = SmallNet.Parameters(net), g = SmallNet.Compact(net, net.Gradients);
        double[] gradient = [.. g.Select(x => clipValue > 0 ? Math.Clamp((double)x, -clipValue, clipValue) : x)];
        double norm = Math.Sqrt(gradient.Sum(x => x * x));
        double scale = clipNorm > 0 && norm > clipNorm ? clipNorm / (norm + 1e-6) : 1;
        bool[] isWeight = [.. net.InferencePlan.Parameters.ToArray().SelectMany(r => Enumerable.Repeat(r.Kind == ParameterKind.Weight, r.Count))];
        Assert.That(net.Update(Rate));
        float[] after = SmallNet.Parameters(net);
        for (int i = 0; i < after.Length; i++)
        {
            double w = before[i];
            double penalty = all || isWeight[i] ? ((l2 + decay) * w) + (l1 * Math.Sign(w)) : 0;
            Assert.That(after[i], Is.EqualTo(w - (Rate * ((gradient[i] * scale) + penalty))).Within(1e-6), $"parameter {i}");
        }
    }

    [Test]
    public void A_norm_as_small_as_its_bound_is_clipped_by_the_norm_and_a_millionth(
        [Values] Execution execution, [Values(1e-6f, 1e-7f)] float bound)
    {
        const float Each = 2e-7f;
        Network net = SmallNet.Make(new NetworkOptions { Batch = 7, Execution = execution, Clipping = new Clipping { Norm = bound } });
        SmallNet.Backpropagate(net, 7);
        net.Parameters.Clear();
        float[] gradients = [.. Enumerable.Repeat(Each, SmallNet.Parameters(net).Length)];
        int first = 0;
        foreach (ParameterRange range in net.InferencePlan.Parameters)
        {
            range.CopyFrom(gradients.AsSpan(first, range.Count), net.Gradients);
            first += range.Count;
        }

        // Padding counts as 0.
        double norm = Each * Math.Sqrt(gradients.Length);
        Assert.That(net.Update(1f));
        double expected = -Each * bound / (norm + 1e-6), without = -Each * bound / norm;
        Assert.That(SmallNet.Parameters(net), Is.All.EqualTo(expected).Within(1e-4 * -expected));
        Assert.That(without, Is.Not.EqualTo(expected).Within(0.1 * -expected), "the control: without the millionth the step is another one");
    }

    [Test]
    public void Decoupled_decay_shrinks_weights_and_leaves_biases()
    {
        Network net = SmallNet.Make(new NetworkOptions { Optimizer = new AdamW(), Regularization = new Regularization { WeightDecay = 0.5f } });
        float[] before = SmallNet.Parameters(net);
        net.Gradients.Clear();
        Assert.That(net.Update(0.25f));
        float[] after = SmallNet.Parameters(net);
        int weights = SmallNet.Inputs * 19;
        for (int i = 0; i < weights; i++)
        {
            Assert.That(after[i], Is.EqualTo(before[i] * 0.875f));
        }

        for (int i = weights; i < weights + 19; i++)
        {
            Assert.That(after[i], Is.EqualTo(before[i]));
        }
    }

    [Test]
    public void Weights_are_shortened_after_the_update_and_biases_are_not()
    {
        const float Longest = 0.75f;
        Network plain = SmallNet.Make(new NetworkOptions { Batch = 7 });
        Network bounded = SmallNet.Make(new NetworkOptions { Batch = 7, Regularization = new Regularization { MaxNorm = Longest } });
        Assert.That((plain.UpdatesInBackward, bounded.UpdatesInBackward), Is.EqualTo((true, false)), "the bound wants a pass of its own");
        foreach (Network net in (Network[])[plain, bounded])
        {
            SmallNet.Backpropagate(net, 7);
            Assert.That(net.Update(0.5f));
        }

        int shortened = 0;
        foreach (ParameterRange range in plain.InferencePlan.Parameters)
        {
            float[] free = new float[range.Count], held = new float[range.Count];
            range.CopyTo<float>(plain.Parameters, free);
            range.CopyTo<float>(bounded.Parameters, held);
            if (range.Kind != ParameterKind.Weight)
            {
                Bits.AssertEqual(held, free, range.Name);
                continue;
            }

            for (int neuron = 0; neuron < range.Columns; neuron++)
            {
                float[] from = free[(neuron * range.Rows)..((neuron + 1) * range.Rows)],
                    to = held[(neuron * range.Rows)..((neuron + 1) * range.Rows)];
                double norm = Math.Sqrt(from.Sum(x => (double)x * x));
                double factor = norm > Longest ? Longest / norm : 1;
                shortened += norm > Longest ? 1 : 0;
                for (int i = 0; i < to.Length; i++)
                {
                    Assert.That(to[i], Is.EqualTo(from[i] * factor).Within(1e-6), $"{range.Name} [{neuron}, {i}]");
                }
            }
        }

        Assert.That(shortened, Is.GreaterThan(3), "a bound that binds nobody would pass");
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_gradient_that_is_not_finite_is_not_applied(float value)
    {
        foreach (Execution execution in (Execution[])[Execution.Vector, Execution.Scalar])
        {
            Network net = SmallNet.Make(Options("adam", Arithmetic.Fused, 3) with { Execution = execution });
            SmallNet.Backpropagate(net, 7);
            Assert.That(net.Update(0.1f));
            foreach (ParameterRange range in net.InferencePlan.Parameters)
            {
                for (int row = 0; row < range.Rows; row++)
                {
                    float[] parameters = [.. net.Parameters], state = [.. net.OptimizerState];
                    SmallNet.Backpropagate(net, 7);
                    net.Gradients[range.Offset + (row * range.Stride) + (row % range.Columns)] = value;
                    Assert.That(net.Update(0.1f), Is.False, $"{range.Name} row {row}");
                    Bits.AssertEqual(net.Parameters, parameters, "parameters");
                    Bits.AssertEqual(net.OptimizerState, state, "state");
                }
            }
        }
    }

    [Test]
    public void Parameters_that_the_loss_does_not_depend_on_stay_as_they_are(
        [ValueSource(nameof(Optimizers))] string optimizer,
        [Values] bool fuse,
        [Values] Execution execution)
    {
        // Their gradient is never written: penalties would pile up in it from step to step.
        Graph graph = new();
        Node input = graph.Input(new Shape(3));
        Node used = graph.Apply(new Dense(2, new Activation<Sigmoid>()), input, "used");
        Node beside = graph.Apply(new Dense(4, new Activation<Sigmoid>()), used, "beside");
        Node loss = graph.Apply(new Loss<Quadratic>(), used, graph.Input(new Shape(2), "target"));
        Network net = new(input, beside, loss, new NetworkOptions
        {
            Batch = 2, Optimizer = Registry.Optimizer(optimizer), FuseUpdate = fuse, Execution = execution,
            Regularization = new Regularization { L2 = 0.1f, WeightDecay = 0.1f, L1 = fuse ? 0f : 0.1f, AllParameters = true },
        });
        float[] before = [.. net.Parameters];
        for (int step = 0; step < 3; step++)
        {
            net.TrainStep(2, 0.1f);
        }

        ParameterRange first = net.InferencePlan.Parameters[2];
        Assert.That(first.Name, Is.EqualTo("beside.weight"));
        Bits.AssertEqual(net.Parameters[first.Offset..], before.AsSpan(first.Offset), "beside");
        Assert.That(Bits.FirstDifference(net.Parameters[..first.Offset], before.AsSpan(0, first.Offset)), Is.GreaterThanOrEqualTo(0), "used");
    }

    [Test]
    public void A_norm_that_overflows_is_not_applied()
    {
        foreach (Execution execution in (Execution[])[Execution.Vector, Execution.Scalar])
        {
            Network net = SmallNet.Make(new NetworkOptions { Clipping = new Clipping { Norm = 1f }, Execution = execution });
            float[] parameters = [.. net.Parameters];
            net.Gradients[0] = 1e30f;
            Assert.That(net.Update(0.1f), Is.False);
            Bits.AssertEqual(net.Parameters, parameters, "parameters");
        }
    }

    [Test]
    public void A_trainer_counts_the_steps_that_were_refused()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5, FuseUpdate = false });
        Trainer trainer = new(net, OneBadSample(net), new TrainerOptions { Epochs = 3 });
        while (!trainer.Finished)
        {
            Assert.That(trainer.TrainEpoch()!.Value.Rejected, Is.EqualTo(1));
        }

        Assert.That(SmallNet.Parameters(net).All(float.IsFinite));
        Assert.That(net.StepNumber, Is.EqualTo(12));
    }

    [Test]
    public void A_trainer_stops_where_the_update_is_part_of_the_backward_pass()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5 });
        Trainer trainer = new(net, OneBadSample(net), new TrainerOptions { Epochs = 3 });
        Assert.That(() => trainer.TrainEpoch(), Throws.InstanceOf<NotFiniteNumberException>().With.Message.Contains("is not finite"));
        Assert.That(net.StepNumber, Is.InRange(1, 4));
    }

    /// <summary>One finite sample whose gradient is not: its error times its input leave the range of float. No weight reads that input.</summary>
    private static FloatDataset OneBadSample(Network net)
    {
        ParameterRange first = net.InferencePlan.Parameters[0];
        net.Parameters.Slice(first.Offset, first.Length).Clear();
        float[] inputs = [.. SmallNet.Classes(20).Inputs], targets = new float[20 * SmallNet.Outputs];
        for (int sample = 0; sample < 20; sample++)
        {
            inputs[(sample * SmallNet.Inputs) + 2] = sample == 7 ? 1e20f : 0f;
        }

        targets.AsSpan(7 * SmallNet.Outputs, SmallNet.Outputs).Fill(1e25f);
        return FloatDataset.Regression(inputs, SmallNet.Inputs, targets, SmallNet.Outputs);
    }

    [TestCase(-1f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void Wrong_settings_are_told_by_name(float value)
    {
        Assert.That(() => new Clipping { Value = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("clip value"));
        Assert.That(() => new Clipping { Norm = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("clip norm"));
        Assert.That(() => new Regularization { L1 = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("l1"));
        Assert.That(() => new Regularization { L2 = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("l2"));
        Assert.That(
            () => new Regularization { WeightDecay = value },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("weight decay"));
    }

    private static NetworkOptions Options(string optimizer, Arithmetic arithmetic, int variant) => new()
    {
        Batch = 7,
        Seed = 11,
        Arithmetic = arithmetic,
        Optimizer = Registry.Optimizer(optimizer),
        Clipping = variant switch { 1 => new Clipping { Value = 0.01f }, 3 => new Clipping { Value = 0.1f, Norm = 0.2f }, _ => Clipping.None },
        Regularization = variant switch
        {
            2 => new Regularization { L2 = 0.01f, L1 = 0.005f },
            3 => new Regularization { WeightDecay = 0.02f, L1 = 0.005f, AllParameters = true, MaxNorm = 2f },
            _ => Regularization.None,
        },
    };

    private static float[] Train(NetworkOptions options)
    {
        Network net = SmallNet.Make(options);
        for (int step = 0; step < 6; step++)
        {
            SmallNet.Backpropagate(net, 7, seed: step);
            Assert.That(net.Update(0.03f));
        }

        return SmallNet.Parameters(net);
    }
}
