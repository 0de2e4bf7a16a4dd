using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>
/// One sample through one layer in one kernel: the bits of the product's and the activation's twins, at every number of inputs and vectors.
/// </summary>
[TestFixture]
internal sealed class OneSampleAffineTests
{
    private static readonly int[] Inputs = [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 64];

    [Test]
    public void Rows_have_the_bits_of_their_twins([Values] Numbers numbers) => Each((width, arithmetic, n) =>
    {
        foreach (int k in Inputs)
        {
            Check(new Activation<Sigmoid>(), arithmetic, n, k, apart: false, numbers, $"sigmoid width {width} {arithmetic} {k} to {n}");
            Check(new Activation<Mish>(), arithmetic, n, k, apart: true, numbers, $"mish width {width} {arithmetic} {k} to {n}");
            Check(new Activation<Relu>(), arithmetic, n, k, apart: false, numbers, $"relu width {width} {arithmetic} {k} to {n}");
        }
    });

    [Test]
    public void Products_with_zeros_are_left_out_where_weights_are_finite([Values(0f, -0f, 0.5f)] float bias) => Each((width, arithmetic, n) =>
    {
        foreach (int k in (int[])[256, 257, 319, 784])
        {
            foreach (int live in (int[])[0, 1, k / 5, k])
            {
                foreach (float scale in (float[])[0.01f, 1e-20f])
                {
                    Sparse(arithmetic, n, k, live, scale, bias, float.NegativeZero, out float[] actual, out float[] expected);
                    Bits.AssertEqual(actual, expected, $"width {width} {arithmetic} {k} to {n}, {live} not 0 times {scale}, bias {bias}");
                }
            }
        }

        // The control: an infinite weight, of which the caller says that it is finite, is not seen; and a smaller layer leaves nothing out.
        Sparse(arithmetic, n, 256, 20, 0.01f, 0.5f, float.PositiveInfinity, out float[] blind, out float[] seen);
        Assert.That(Bits.FirstDifference(blind, seen), Is.Not.EqualTo(-1), $"width {width} {arithmetic}");
        Sparse(arithmetic, n, 255, 20, 0.01f, 0.5f, float.PositiveInfinity, out blind, out seen);
        Bits.AssertEqual(blind, seen, "255 inputs");
    });

    [Test]
    public void Another_activation_is_caught() =>
        Assert.That(
            () => Compare(new Activation<Tanh>(), new Activation<LeCunTanh>(), Arithmetic.Fused, 64, 5, apart: false, Numbers.Plain, "planted"),
            Throws.TypeOf<AssertionException>());

    [Test]
    public void What_does_not_fill_one_to_four_vectors_is_left_to_the_general_kernels() => Widths.ForEach(width =>
    {
        int lanes = width / 32;
        foreach (int n in new[] { 1, 2, 3, 5, 15, 63, 5 * Math.Max(lanes, 16) })
        {
            Assert.That(new Activation<Sigmoid>().OneSampleAffine(Arithmetic.Fused, new(n, 1, 0, 0, 0, 0, 0))!.CanRun, Is.False,
                $"width {width}, {n} outputs");
        }
    });

    [TestCase("12,16,9")]
    [TestCase("9,16,100,16,4")] // the widest layer in the middle is too wide for a row
    [TestCase("5,1,16")]
    [TestCase("600,16,3")]
    public void A_network_predicts_the_bits_of_its_scalar_form_while_the_width_changes(string sizes)
    {
        int[] layers = [.. sizes.Split(',').Select(int.Parse)];
        foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
        {
            NetworkOptions options = new() { Batch = 1, Seed = 3, Initializer = new LeCun(), Layout = layout };
            using Network vector = Make(layers, options), scalar = Make(layers, options with { Execution = Execution.Scalar });
            for (int round = 0; round < 2; round++)
            {
                Widths.ForEach(width =>
                {
                    float[] sample = Samples.Array(layers[0], width + round);
                    Bits.AssertEqual(vector.Predict(sample), scalar.Predict(sample), $"{sizes} {layout} width {width}");
                    sample.CopyTo(vector.PredictionInput(1));
                    Bits.AssertEqual(vector.Predict(1)[..layers[^1]], scalar.Predict(sample), $"{sizes} {layout} width {width}, in place");
                });
            }
        }
    }

    [Test]
    public void A_sample_may_be_the_prediction_before_it()
    {
        NetworkOptions options = new() { Batch = 1, Seed = 3, Initializer = new LeCun() };
        using Network network = Make([16, 16], options), other = Make([16, 16], options);
        float[] sample = Samples.Array(16, 1), first = [.. network.Predict(sample)], expected = [.. other.Predict(first)];
        Bits.AssertEqual(network.Predict(network.Predict(sample)), expected, "the layer writes over its sample");
    }

    // A sample that several layers or the caller read is copied, here in pieces.
    [TestCase(false)]
    [TestCase(true)]
    public void A_sample_is_seen_by_all_who_read_it(bool isOutput)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(600));
        Node a = graph.Apply(new Dense(16, new Activation<Sigmoid>()), [x]), b = graph.Apply(new Dense(16, new Activation<Tanh>()), [x]);
        NetworkOptions options = new() { Batch = 1, Seed = 3, Initializer = new LeCun() };
        using Network network = new([x], isOutput ? [a, b, x] : [a, b], [], options);
        foreach (int seed in new[] { 1, 2 })
        {
            float[] sample = Samples.Array(600, seed), alone = new float[16], beside = new float[16], seen = new float[600];
            network.WriteInput("input", sample, 1);
            _ = network.Predict(1);
            network.ReadOutput(b.Name, 1, alone);
            network.WriteInput("input", Samples.Array(600, seed + 5), 1);
            _ = network.Predict(sample);
            network.ReadOutput(b.Name, 1, beside);
            Bits.AssertEqual(beside, alone, "the second layer");
            if (isOutput)
            {
                network.ReadOutput("input", 1, seen);
                Bits.AssertEqual(seen, sample, "an input that is an output");
            }
        }
    }

    private static Network Make(int[] layers, NetworkOptions options)
    {
        Sequential net = new(layers[0]);
        foreach (int layer in layers.AsSpan(1))
        {
            net.Dense<Sigmoid>(layer);
        }

        return net.Compile(options);
    }

    private static void Each(Action<int, Arithmetic, int> check) => Widths.ForEach(width =>
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            for (int vectors = 1; width != 1 && vectors <= 4; vectors++)
            {
                check(width, arithmetic, vectors * (width == 0 ? Vector<float>.Count : width / 32));
            }
        }
    });

    /// <summary>A layer with inputs of mostly zeros, of both signs; the weights of the last one, which is 0, are given.</summary>
    private static void Sparse(
        Arithmetic arithmetic, int n, int k, int live, float scale, float bias, float last, out float[] actual, out float[] expected)
    {
        float[] parameters = Samples.Array((k + 1) * n, k + n, Numbers.Edges), workspace = new float[k + n];
        foreach (ref float w in parameters.AsSpan())
        {
            w = float.IsFinite(w) && MathF.Abs(w) < 1e30f ? w : -1e-40f;
        }

        // Products of the first input that is not 0 are too small for a float: a fused sum that begins with +0 becomes -0 by them.
        for (int i = 0; i < n; i++)
        {
            parameters[n + i] = i % 2 == 0 ? 1e-40f : -1e-40f;
        }

        parameters.AsSpan((k - 1) * n, n).Fill(last);
        parameters.AsSpan(k * n).Fill(bias);
        for (int i = 0; i < k; i++)
        {
            workspace[i] = i > 0 && (i - 1) * 7 % k < live && (i < k - 1 || live == k) ? scale * (i - 50.5f) : i % 3 == 0 ? -0f : 0f;
        }

        expected = new float[n];
        EmbeddedBackprop.Kernels.Scalar.Gemm.NN<float>(
            arithmetic, 1, n, k, workspace.AsSpan(0, k), k, parameters.AsSpan(0, k * n), n, parameters.AsSpan(k * n), expected, n);
        OneSampleAffine row = new Activation<Identity>().OneSampleAffine(arithmetic, new(n, k, 0, 0, k * n, k, k))!;
        Assert.That(row.LeavesOutZeros, Is.EqualTo(k >= 256));
        Assert.That(row.CanRun);
        row.Run(ref parameters[0], ref workspace[0], finite: true);
        actual = workspace[k..];
    }

    private static void Check(Activation activation, Arithmetic arithmetic, int n, int k, bool apart, Numbers numbers, string what) =>
        Compare(activation, activation, arithmetic, n, k, apart, numbers, what);

    private static void Compare(Activation activation, Activation twin, Arithmetic arithmetic, int n, int k, bool apart, Numbers numbers, string what)
    {
        const int Guard = 5;
        float[] parameters = Samples.Array((k * n) + n + Guard, k + n, numbers);
        float[] workspace = Samples.Array(k + (4 * Guard) + (2 * n), k * n, numbers);
        int z = k + Guard, a = apart ? z + n + Guard : z;
        float[] expected = [.. workspace];
        float[] x = workspace[..k], w = parameters[..(k * n)], bias = parameters[(k * n)..((k * n) + n)];
        EmbeddedBackprop.Kernels.Scalar.Gemm.NN<float>(arithmetic, 1, n, k, x, k, w, n, bias, expected.AsSpan(z, n), n);
        twin.ForwardScalar(arithmetic, 1, n, n, expected.AsSpan(z, n), expected.AsSpan(a, n));
        OneSampleAffine row = activation.OneSampleAffine(arithmetic, new(n, k, 0, 0, k * n, z, a))!;
        float[] elsewhere = [.. workspace];
        Assert.That(row.CanRun, what);
        row.Run(ref parameters[0], ref workspace[0]);
        Bits.AssertEqual(workspace, expected, what);
        Array.Fill(elsewhere, float.NaN, 0, k);
        row.Run(ref MemoryMarshal.GetArrayDataReference(x), ref parameters[0], ref elsewhere[0]);
        Bits.AssertEqual(elsewhere.AsSpan(k), expected.AsSpan(k), what + ", the sample elsewhere");
    }
}
