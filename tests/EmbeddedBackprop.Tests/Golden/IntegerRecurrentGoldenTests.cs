using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Recurrent layers on integers against integers that a program apart from the engine computed, over several steps.</summary>
internal sealed class IntegerRecurrentGoldenTests
{
    /// <summary>The cases of layers.</summary>
    public static IEnumerable<IntegerCase> Layers => IntegerCase.Of("recurrent").Where(c => c.Text("cell") != "curves");

    [Test]
    public void The_curves_S_and_tanh()
    {
        IntegerDifferences differences = new();
        IntegerCase c = IntegerCase.Of("recurrent").Single(part => part.Text("cell") == "curves");
        int[] v = c.Ints("v");
        differences.Add("table", IntegerGates.Table, c.Ints("table"));
        differences.Add("S", [.. v.Select(IntegerGates.Sigmoid)], c.Ints("sigmoid"));
        differences.Add("tanh", [.. v.Select(IntegerGates.Tanh)], c.Ints("tanh"));
        c.AssertAllRead();
        differences.AssertNone("curves");
    }

    [Test]
    public void Hidden_states_of_all_steps()
    {
        IntegerDifferences differences = new();
        int count = 0;
        foreach (IntegerCase c in Layers)
        {
            Run(c, allSteps: true).Check(c.Where, c.Ints("h"), differences);
            // The cell is seen through the hidden states; multipliers are those of scales.
            _ = (c.Has("c") && c.Ints("c").Length > 0, c.Ints("multiplier_ih"), c.Ints("shift_ih"), c.Ints("multiplier_hh"), c.Ints("shift_hh"));
            c.AssertAllRead();
            count++;
        }

        Assert.That(count, Is.GreaterThanOrEqualTo(10));
        differences.AssertNone("recurrent");
    }

    [Test]
    public void Hidden_states_of_the_last_step()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in Layers)
        {
            int[] h = c.Ints("h"), shape = c.Shape("h");
            int row = shape[1] * shape[2];
            int[] last = [.. h.Where((_, i) => i % row >= row - shape[2])];
            Run(c, allSteps: false).Check(c.Where, last, differences);
        }

        differences.AssertNone("recurrent, last step");
    }

    [Test]
    public void Control_a_forgotten_zero_point_a_wrong_cell_range_and_shifted_weights_are_found()
    {
        foreach (IntegerCase c in Layers)
        {
            IntegerGoldenRun run = Run(c, allSteps: true);
            (IntegerType type, Shape shape, int[] integers) = run.Inputs[0];
            if (type.ZeroPoint != 0)
            {
                AssertFound(c, run with { Inputs = [(type with { ZeroPoint = 0 }, shape, integers)] });
            }

            if (run.State.TryGetValue("cell_range", out float[]? range))
            {
                AssertFound(c, run with { State = new(run.State) { ["cell_range"] = [range[0] * (c.Int("cell_shift") < 7 ? 2f : 0.5f), 0f] } });
            }

            float[] weights = run.Parameters["weight_ih"];
            if (weights.Length > 1)
            {
                AssertFound(c, run with { Parameters = new(run.Parameters) { ["weight_ih"] = [.. weights.Skip(1), weights[0]] } });
            }
        }
    }

    private static void AssertFound(IntegerCase c, IntegerGoldenRun run)
    {
        IntegerDifferences differences = new();
        run.Check(c.Where, c.Ints("h"), differences);
        Assert.That(differences.Any, Is.True, c.Where);
    }

    /// <summary>The network of a case.</summary>
    public static IntegerGoldenRun Run(IntegerCase c, bool allSteps)
    {
        IntegerType x = c.Type("x_type"), h = c.Type("h_type");
        int hidden = c.Shape("h")[2];
        RecurrentOptions options = new() { AllSteps = allSteps };
        Recurrent layer = c.Text("cell") switch
        {
            "gru" => new Gru(hidden, options),
            "lstm" => new Lstm(hidden, options),
            "rnn" => new Rnn(hidden, RecurrentFunction.Tanh, options),
            "rnn-relu" => new Rnn(hidden, RecurrentFunction.Relu, options),
            string other => throw new AssertionException($"{c.Where}: the cell {other} is not understood"),
        };
        IntegerGoldenRun run = new()
        {
            Inputs = [(x, c.SampleShape("x"), c.Ints("x"))],
            Output = h,
            Build = (graph, inputs) =>
            {
                Op? integers = layer.Quantized(new QuantizeContext([inputs[0].Integers!], 16));
                Assert.That(integers, Is.Not.Null, $"{layer.Kind} has an integer form");
                return graph.Apply(integers!, inputs[0]);
            },
        };
        foreach ((string part, float scale) in ((string, float)[])[("ih", x.Scale), ("hh", h.Scale)])
        {
            float[] scales = c.Floats($"weight_{part}_scale");
            int columns = c.Shape($"weight_{part}")[1];
            run.State.Add($"weight_{part}_scale", scales);
            run.Parameters.Add($"weight_{part}", [.. c.Ints($"weight_{part}").Select((q, i) => q * scales[i / columns])]);
            run.Parameters.Add($"bias_{part}", [.. c.Ints($"bias_{part}").Select((q, o) => (float)(q * ((double)scale * scales[o])))]);
        }

        if (c.Has("cell_shift"))
        {
            run.State.Add("cell_range", [MathF.ScaleB(1f, c.Int("cell_shift") - 15), 0f]);
        }

        return run;
    }
}
