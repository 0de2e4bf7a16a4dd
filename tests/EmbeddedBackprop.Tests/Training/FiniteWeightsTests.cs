using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Steps and predictions of one sample leave out products with zeros while weights are known to be finite: the bits of the scalar twins, whatever
/// becomes of the weights.
/// </summary>
[TestFixture]
internal sealed class FiniteWeightsTests
{
    private const int Inputs = 300;

    /// <summary>An input that is 0 in every sample.</summary>
    private const int Dead = 4;

    [Test]
    public void Steps_of_one_sample_have_the_bits_of_their_twins(
        [Values] Arithmetic arithmetic, [Values] Layout layout, [Values(0f, 0.01f)] float l2, [Values("32,3", "16,1", "40,32,3")] string layers)
    {
        NetworkOptions options = new()
        {
            Batch = 3, Seed = 2, Arithmetic = arithmetic, Layout = layout, Regularization = new Regularization { L2 = l2 },
        };
        using Network vector = Make(options, layers), scalar = Make(options with { Execution = Execution.Scalar }, layers);
        for (int step = 0; step < 60; step++)
        {
            // A batch of several samples in between, and a prediction.
            int batch = step % 17 == 16 ? 3 : 1;
            Assert.That(Step(vector, batch, step, 0.3f), Is.EqualTo(Step(scalar, batch, step, 0.3f)), $"loss {step}");
            if (step % 7 == 6)
            {
                Bits.AssertEqual(vector.Predict(Sample(step)), scalar.Predict(Sample(step)), $"prediction {step}");
            }
        }

        Bits.AssertEqual(SmallNet.Parameters(vector), SmallNet.Parameters(scalar), "parameters");
    }

    [Test]
    public void Weights_that_something_else_changes_are_looked_at_again([Values] Change change, [Values] bool trains)
    {
        using Network vector = Make(new NetworkOptions { Batch = 1, Seed = 2 });
        using Network scalar = Make(new NetworkOptions { Batch = 1, Seed = 2, Execution = Execution.Scalar });
        float[] a = Results(vector, change, trains), b = Results(scalar, change, trains);

        // The control: a change that nobody can see shows that the products with zeros are left out.
        Assert.That(Bits.FirstDifference(a, b) < 0, Is.EqualTo(change != Change.Hidden));

        static float[] Results(Network net, Change change, bool trains)
        {
            List<float> results = [];
            for (int step = 0; step < 12; step++)
            {
                if (step == 6)
                {
                    Weights(net, change)[0] = float.PositiveInfinity;
                }

                if (trains)
                {
                    try
                    {
                        results.Add(Step(net, 1, step, 0.3f));
                    }
                    catch (NotFiniteNumberException)
                    {
                        results.Add(float.NaN);
                        break;
                    }
                }
                else
                {
                    results.AddRange(net.Predict(Sample(step)));
                }
            }

            return [.. results];
        }

        static Span<float> Weights(Network net, Change change)
        {
            Span<float> all = change switch
            {
                Change.Exposed => net.Parameters,
                Change.Borrowed => net.BorrowParameters(),
                _ => MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(net.ReadParameters()), net.ReadParameters().Length),
            };
            ParameterRange range = net.InferencePlan.Parameters[0];
            return all.Slice(range.Offset + (Dead * range.Stride), range.Stride);
        }
    }

    [TestCase(1e10f)]
    [TestCase(1e25f)]
    [TestCase(1e38f)]
    public void Steps_that_lead_beyond_all_bounds_end_as_their_twins(float rate)
    {
        List<string> ends = [];
        foreach (Execution execution in (Execution[])[Execution.Vector, Execution.Scalar])
        {
            using Network net = Make(new NetworkOptions { Batch = 1, Seed = 2, Execution = execution });
            int step = 0;
            try
            {
                for (; step < 40; step++)
                {
                    Step(net, 1, step, rate);
                    ends.Add(WeightsHash.Of(SmallNet.Parameters(net)));
                }
            }
            catch (NotFiniteNumberException)
            {
                ends.Add($"not finite in step {step}");
            }

            ends.Add("end");
        }

        int half = ends.IndexOf("end") + 1;
        List<string> vector = ends[..half], twin = ends[half..];
        Assert.That(vector, Is.EqualTo(twin));
    }

    [Test]
    public void What_is_known_ends_with_a_large_change_a_missing_report_and_another_version()
    {
        float[] weights = [1, -2, 1e30f];
        FiniteWeights known = new(layers: 2);
        Assert.That(known.Begin(4, weights));
        known.Report(1e24f, 0);
        known.Report(0, 1);
        known.End(6);

        // Not looked at: the weights are what they should not be.
        weights[0] = float.NaN;
        Assert.That(known.Begin(6, weights), "known without looking");
        known.Report(1, 0);
        known.End(8);
        Assert.That(known.Begin(8, weights), Is.False, "a layer did not report");
        weights[0] = 1;
        Assert.That(known.Begin(8, weights));
        Assert.That(known.Begin(9, weights), Is.False, "something changes them");
        foreach ((float largest, float shrinks) in (ReadOnlySpan<(float, float)>)[(2e24f, 0), (float.NaN, 0), (0, 1.5f), (0, -1), (0, float.NaN)])
        {
            weights[0] = 1;
            Assert.That(known.Begin(10, weights));
            known.Report(largest, shrinks);
            known.Report(0, 0);
            known.End(12);
            weights[0] = float.PositiveInfinity;
            Assert.That(known.Begin(12, weights), Is.False, $"{largest} {shrinks}");
        }

        weights[0] = 2e30f;
        Assert.That(known.Begin(14, weights), Is.False, "too large to be sure");
        weights[0] = 1;
        int version = 16;
        for (int step = 0; step < 1 << 16; step++, version += 2)
        {
            Assert.That(known.Begin(version, weights));
            known.Report(0, 0);
            known.Report(0, 0);
            known.End(version + 2);
        }

        weights[0] = float.NaN;
        Assert.That(known.Begin(version, weights), Is.False, "after 2^16 steps they are looked at");
    }

    /// <summary>Who changes a weight.</summary>
    public enum Change
    {
        /// <summary>Code of the library, which says so.</summary>
        Borrowed,

        /// <summary>The caller, by a span.</summary>
        Exposed,

        /// <summary>The test, behind everybody's back.</summary>
        Hidden,
    }

    private static Network Make(NetworkOptions options, string layers = "32,3")
    {
        int[] sizes = [.. layers.Split(',').Select(int.Parse)];
        Sequential net = new(Inputs);
        foreach (int size in sizes.AsSpan(0, sizes.Length - 1))
        {
            net.Dense<Sigmoid>(size);
        }

        return net.Dense<Identity>(sizes[^1]).Compile<Quadratic>(options);
    }

    private static float[] Sample(int step)
    {
        float[] sample = Samples.Array(Inputs, step);
        for (int i = 0; i < sample.Length; i++)
        {
            sample[i] = i != Dead && (i + step) % 5 == 0 ? sample[i] : i % 2 == 0 ? 0f : -0f;
        }

        return sample;
    }

    private static float Step(Network net, int batch, int step, float rate)
    {
        Span<float> x = net.TrainingInput(batch), y = net.TrainingTarget(batch);
        y.Clear();
        for (int b = 0; b < batch; b++)
        {
            Sample(step + b).CopyTo(x[(b * net.InputStride)..]);
            y[b * net.TargetStride] = 0.5f;
        }

        return net.TrainStep(batch, rate);
    }
}
