using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Weights changed within the backward pass have the bits of a gradient pass followed by an update.</summary>
internal sealed class FusedUpdateTests
{
    [Test]
    public void The_kernel_has_the_bits_of_product_penalty_and_update([Values] Arithmetic arithmetic, [Values(0f, 0.01f)] float l2)
    {
        Widths.ForEach(width =>
        {
            foreach (
                (int m, int n, int k) in (ReadOnlySpan<(int, int, int)>)
                    [(2, 1, 1), (5, 3, 4), (17, 16, 10), (30, 33, 7), (13, 70, 3), (784, 32, 10), (6, 65, 300)])
            {
                Check(arithmetic, m, n, k, l2, width, Numbers.Plain);
                Check(arithmetic, m, n, k, l2, width, Numbers.Edges);
            }
        });
    }

    [Test]
    public void Samples_of_mostly_zeros_change_the_same_weights(
        [Values] Arithmetic arithmetic, [Values(0f, 0.01f)] float l2, [Values(1f, float.NaN)] float delta, [Values(0.3f, -0.3f, 0f, -0f)] float rate)
    {
        Widths.ForEach(width =>
        {
            foreach (
                (int m, int n, int k) in (ReadOnlySpan<(int, int, int)>)
                    [(784, 32, 1), (65, 7, 1), (63, 33, 1), (784, 32, 10), (130, 40, 3), (2, 1, 2), (1100, 18, 2)])
            {
                // Every fifth column holds an element other than 0, in one sample only; zeros of both signs fill the rest.
                float[] x = new float[k * m], d = Samples.Array(k * n, n), w = Samples.Array(m * n, 5, Numbers.Edges);
                for (int i = 0; i < x.Length; i++)
                {
                    int column = i % m;
                    x[i] = column % 5 == 0 && column % k == i / m ? i + 1 : i % 2 == 0 ? 0f : -0f;
                }

                d[^1] *= delta;
                Check(arithmetic, x, d, w, m, n, k, n, l2, $"{arithmetic} {m}x{n}x{k} l2 {l2} delta {delta} rate {rate} width {width}", rate);
            }
        });
    }

    [Test]
    public void No_sample_with_ink_changes_no_weight()
    {
        Widths.ForEach(width =>
        {
            float[] w = Samples.Array(50 * 20, 3, Numbers.Edges), before = [.. w];
            Gemm.UpdateTN(Arithmetic.Fused, 50, 20, 4, new float[4 * 50], 50, Samples.Array(4 * 20, 1), 20, w, 20, 0.3f, 0f);
            Bits.AssertEqual(w, before, $"width {width}");
        });
    }

    [Test]
    public void One_samples_layer_and_activation_in_one_kernel_have_the_bits_of_the_twins([Values] Arithmetic arithmetic)
    {
        foreach (string name in EmbeddedBackprop.IO.Registry.ActivationNames)
        {
            foreach (int outputs in (ReadOnlySpan<int>)[5, 16, 30, 48, 64, 65])
            {
                EmbeddedBackprop.Activations.Activation activation = EmbeddedBackprop.IO.Registry.Activation(name);
                float[] Weights(Execution execution)
                {
                    Network network = new Sequential(37).Dense(outputs, activation).Dense<Sigmoid>(3)
                        .Compile<Quadratic>(new NetworkOptions { Batch = 1, Arithmetic = arithmetic, Seed = 4, Execution = execution });
                    for (int step = 0; step < 5; step++)
                    {
                        Samples.Fill(network.TrainingInput(1)[..37], step);
                        Samples.Fill(network.TrainingTarget(1)[..3], 50 + step);
                        network.TrainStep(1, 0.1f);
                    }

                    return [.. network.Predict(Samples.Array(37, 99)), .. network.Parameters];
                }

                float[] twins = Weights(Execution.Scalar);
                Widths.ForEach(width => Bits.AssertEqual(Weights(Execution.Vector), twins, $"{name} {outputs} width {width}"));
            }
        }
    }

    [TestCase(3e38f, 3e38f, false)]
    [TestCase(float.NaN, 1f, false)]
    [TestCase(1f, float.PositiveInfinity, false)]
    [TestCase(1e18f, 1e18f, true)]
    public void What_may_overflow_is_seen_before_the_update(float x, float delta, bool safe)
    {
        Widths.ForEach(width =>
        {
            for (int place = 0; place < 67; place++)
            {
                float[] left = Samples.Array(67, 1), right = Samples.Array(5, 2);
                (left[place], right[place % 5]) = (x, delta);
                Assert.That(Finite.BoundsProducts(left, right, 4), Is.EqualTo(safe), $"place {place} width {width}");
            }
        });
    }

    [TestCase(0f, 0f, false)]
    [TestCase(0.001f, 0f, false)]
    [TestCase(0f, 0.002f, true)]
    public void Networks_train_to_the_same_bits_with_and_without(float l2, float decay, bool all)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Regularization penalty = new() { L2 = l2, WeightDecay = decay, AllParameters = all };
            float[] fused = Train(arithmetic, penalty, fuse: true), apart = Train(arithmetic, penalty, fuse: false);
            Bits.AssertEqual(fused, apart, $"{arithmetic} l2 {l2} decay {decay}");
        }
    }

    [Test]
    public void The_update_stays_apart_where_it_must()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Net(new NetworkOptions { Batch = 4 }).UpdatesInBackward, Is.True);
            Assert.That(Net(new NetworkOptions { Batch = 4, Optimizer = new Momentum() }).UpdatesInBackward, Is.False);
            Assert.That(Net(new NetworkOptions { Batch = 4, Clipping = new Clipping { Norm = 1f } }).UpdatesInBackward, Is.False);
            Assert.That(Net(new NetworkOptions { Batch = 4, Regularization = new Regularization { L1 = 0.1f } }).UpdatesInBackward, Is.False);
            Assert.That(Net(new NetworkOptions { Batch = 4, Execution = Execution.Scalar }).UpdatesInBackward, Is.False);
        });
    }

    [Test]
    public void Shared_weights_are_not_changed_before_their_whole_gradient_is_known()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(5));
        Dense shared = new(5, new Activation<Sigmoid>());
        Node output = graph.Apply(shared, graph.Apply(shared, x));
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(new Shape(5), "target"));
        Network network = new(x, output, loss, new NetworkOptions { Batch = 2 });
        Assert.That(network.UpdatesInBackward, Is.False);
        Assert.That(
            () => network.TrainingPlan!.BackwardAndUpdate(default, RunInfo.Single(1), new SgdUpdate(0.1f)), Throws.InstanceOf<Exception>());
    }

    private static void Check(Arithmetic arithmetic, int m, int n, int k, float l2, int width, Numbers numbers)
    {
        int ldw = n + 3;
        float[] x = Samples.Array(k * m, m + n, numbers), delta = Samples.Array(k * n, m + k, numbers), w = Samples.Array(m * ldw, n + k, numbers);
        Check(arithmetic, x, delta, w, m, n, k, ldw, l2, $"{arithmetic} {m}x{n}x{k} l2 {l2} width {width} {numbers}");
    }

    private static void Check(
        Arithmetic arithmetic,
        float[] x,
        float[] delta,
        float[] w,
        int m,
        int n,
        int k,
        int ldw,
        float l2,
        string what,
        float rate = 0.3f)
    {
        float[] expected = [.. w], gradient = new float[m * n];
        EmbeddedBackprop.Kernels.Scalar.Gemm.TN<float>(arithmetic, m, n, k, x, m, delta, n, gradient, n);
        for (int row = 0; row < m; row++)
        {
            Span<float> g = gradient.AsSpan(row * n, n), target = expected.AsSpan(row * ldw, n);
            if (l2 != 0f)
            {
                EmbeddedBackprop.Kernels.Scalar.Elementwise.MultiplyAdd(arithmetic, l2, target, g);
            }

            EmbeddedBackprop.Kernels.Scalar.Elementwise.MultiplyAdd(arithmetic, -rate, g, target);
        }

        Gemm.UpdateTN(arithmetic, m, n, k, x, m, delta, n, w, ldw, rate, l2);
        Bits.AssertEqual(w, expected, what);
    }

    private static Network Net(NetworkOptions options) =>
        new Sequential(1).Dense<Sigmoid>(19).Dense<Tanh>(1).Dense<Relu>(7).Dense<Identity>(3).Compile<Quadratic>(options);

    private static float[] Train(Arithmetic arithmetic, Regularization penalty, bool fuse)
    {
        Network network = Net(new NetworkOptions { Batch = 4, Arithmetic = arithmetic, Seed = 3, Regularization = penalty, FuseUpdate = fuse });
        Assert.That(network.UpdatesInBackward, Is.EqualTo(fuse));
        for (int step = 0; step < 50; step++)
        {
            Samples.Fill(network.TrainingInput(4), step);
            Samples.Fill(network.TrainingTarget(4), 1000 + step);
            network.TrainStep(4, 0.1f);
        }

        return network.Parameters.ToArray();
    }
}
