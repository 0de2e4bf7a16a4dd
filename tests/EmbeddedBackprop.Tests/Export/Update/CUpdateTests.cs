using System.Runtime.InteropServices;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported update gives the engine's bits: weights and optimiser state after 100 steps from gradients of every kind.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CUpdateTests
{
    private const int Steps = 100;

    /// <summary>The options of a tested step, and the code that names them in a failure's message.</summary>
    private static readonly (string Name, Regularization Penalty, Clipping Clipping)[] Variants =
    [
        ("plain", Regularization.None, Clipping.None),
        ("l2", new() { L2 = 0.01f }, Clipping.None),
        ("l1", new() { L1 = 0.003f }, Clipping.None),
        ("decay", new() { WeightDecay = 0.02f }, Clipping.None),
        ("all parameters", new() { L1 = 0.003f, L2 = 0.01f, WeightDecay = 0.02f, AllParameters = true }, Clipping.None),
        ("clip value", Regularization.None, new() { Value = 0.3f }),
        ("clip norm", Regularization.None, new() { Norm = 2f }),
        ("max norm", new() { MaxNorm = 0.7f }, Clipping.None),
        ("everything", new() { L1 = 0.003f, L2 = 0.01f, WeightDecay = 0.02f, MaxNorm = 0.7f }, new() { Value = 0.9f, Norm = 2f }),
    ];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0", Arithmetic.Fused)]
    [TestCase("gcc -O3", Arithmetic.Separate, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Separate, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Fused, Category = "Slow")]
    [TestCase("gcc -O3 -DEBP_PORTABLE", Arithmetic.Fused, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Arithmetic.Fused, Category = "Slow")]
    public void Every_optimiser_with_every_option(string compiler, Arithmetic arithmetic)
    {
        List<Case> cases =
        [
            .. Registry.OptimizerNames.SelectMany(name =>
                Variants.Select(variant => new Case(name, variant.Name, variant.Penalty, variant.Clipping, arithmetic))),
        ];
        Assert.That(FirstDifference(compiler, cases, text => text), Is.Null);
    }

    [TestCase("sgd", "plain", "EBP_M(minus_rate, g[i], w[i])", "EBP_M(minus_rate * g[i], 1.0f, w[i])")]
    [TestCase("momentum", "plain", "EBP_M(mu, v[i], g[i])", "(mu * v[i]) + (1.0f - mu) * g[i]")]
    [TestCase("nesterov", "plain", "EBP_M(minus_rate, EBP_M(mu, new_v, gradient)", "EBP_M(minus_rate, (new_v)")]
    [TestCase("adagrad", "plain", "(EBP_SQRTF(new_s) + epsilon)", "EBP_SQRTF(new_s + epsilon)")]
    [TestCase("rmsprop", "plain", "EBP_M(rest * gradient, gradient, alpha * s[i])", "EBP_M(gradient * gradient, rest, alpha * s[i])")]
    [TestCase("adam", "plain", "minus_rate = -(rate / (1.0f - ", "minus_rate = -(rate / (1.0f - 0.0f * ")]
    [TestCase("adam", "plain", "EBP_M(EBP_SQRTF(new_v), inverse_root, epsilon)", "EBP_M(EBP_SQRTF(new_v), inverse_root, 0.0f * epsilon)")]
    [TestCase("adamw", "decay", "EBP_M(minus_decay, weight, weight)", "weight * (1.0f + minus_decay)")]
    [TestCase("rprop", "plain", "previous[i] = new_previous;", "previous[i] = g[i];")]
    [TestCase("sgd", "clip norm", "element % 16u]", "element % 8u]")]
    [TestCase("sgd", "clip norm", " + 0x1.0c6f7ap-20f", "")]
    [TestCase("sgd", "clip value", "g[i] > -bound", "g[i] > 0.0f")]
    [TestCase("sgd", "max norm", "longest / norm", "longest / (norm + 1e-6f)")]
    [TestCase("sgd", "l1", "0.0f > w[i] ? -l1", "0.0f > w[i] ? l1")]
    [TestCase("sgd", "plain", "        return;", "        ;")]
    public void Control_another_formula_gives_other_bits(string optimizer, string variant, string text, string planted)
    {
        (string name, Regularization penalty, Clipping clipping) = Variants.Single(candidate => candidate.Name == variant);
        string? difference = FirstDifference("gcc -O0", [new Case(optimizer, name, penalty, clipping, Arithmetic.Fused)], source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(difference, Is.Not.Null);
    }

    [Test]
    public void An_optimiser_without_text_is_refused() =>
        Assert.That(() => COptimizer.For(new Unknown()), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("'mine'"));

    private string? FirstDifference(string compiler, List<Case> cases, Func<string, string> change)
    {
        StringBuilder declarations = new(), calls = new(), routines = new();
        CFunctions functions = CFunctions.None;
        int longest = 0;
        for (int i = 0; i < cases.Count; i++)
        {
            string prefix = "c" + CText.Number(i);
            (CProgram program, string body, int length, int state) = cases[i].Program(prefix);
            functions |= program.Functions;
            routines.Append(program.Routines).Append($"\nvoid {prefix}_update(update_model *model)\n{{\n{body}}}\n");
            declarations.Append($"extern void {prefix}_update(update_model *model);\n");
            calls.Append($"    if (steps({prefix}_update, {length}, {state}) != 0) return {(i % 100) + 1};\n");
            longest = Math.Max(longest, (2 * length) + state);
        }

        // One file for all of them: most of a compiler's time would go into starting.
        const string Model = "#include <stddef.h>\ntypedef struct {\n    float *memory;\n    float learning_rate;\n} update_model;\n";
        string text = Model + CMath.Source(cases[0].Arithmetic, "ebp", functions) + declarations + routines;
        build.Write("update.c", change(text.Replace("\r", "")));
        build.Write("driver.c", $$"""
            #include <stdio.h>
            {{Model}}{{declarations}}
            static float memory[{{longest}}];
            static FILE *in, *out;

            static int steps(void (*update)(update_model *), size_t length, size_t state)
            {
                update_model model = { memory, 0.0f };
                int step;
                if (fread(memory, sizeof *memory, length, in) != length || fread(memory + 2 * length, sizeof *memory, state, in) != state) return 1;
                for (step = 0; step < {{Steps}}; step++) {
                    if (fread(&model.learning_rate, sizeof(float), 1, in) != 1 || fread(memory + length, sizeof *memory, length, in) != length) return 1;
                    update(&model);
                }
                return fwrite(memory, sizeof *memory, length, out) != length || fwrite(memory + 2 * length, sizeof *memory, state, out) != state;
            }

            int main(void)
            {
                in = fopen("in.bin", "rb");
                out = fopen("out.bin", "wb");
            {{calls}}    return fclose(out);
            }

            """);
        List<float> input = [], expected = [];
        foreach (Case one in cases)
        {
            one.Train(input, expected);
        }

        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<float>(input.ToArray()).ToArray());
        build.Compile(compiler, "program", "driver.c", "update.c");
        Assert.That(build.Run("program"), Is.Zero);
        float[] results = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        Assert.That(results, Has.Length.EqualTo(expected.Count));
        int bad = Bits.FirstDifference(results, expected.ToArray()),
            each = results.Length / cases.Count;
        return bad < 0
            ? null
            : $"near {cases[bad / each].Optimizer}, {cases[bad / each].Variant}: number {bad} is {Bits.Show(results[bad])}, expected {Bits.Show(expected[bad])}";
    }

    private sealed record Case(string Optimizer, string Variant, Regularization Penalty, Clipping Clipping, Arithmetic Arithmetic)
    {
        /// <summary>The update of a net with dense weights, a kernel in file order, factors and biases.</summary>
        public (CProgram Program, string Body, int Length, int State) Program(string prefix)
        {
            Network network = Make();
            CTrainingOptions options = CTrainingOptions.Of(network, 0.1f) with { Batch = 2 };
            Plan plan = CTraining.PlanOf(network.InferencePlan.Graph, Arithmetic, options);
            CTraining training = new(
                options,
                plan,
                [.. plan.Parameters.ToArray().Select(range => new CTable(range.Name, range.Name, new float[range.Count]))],
                0,
                COpList.For);
            CProgram program = new(prefix);
            new CUpdate(training, program).Write();
            string body = program.TakeStatements();
            return (
                program,
                $"{CTrainingFile.Locals(training, body, learns: true)}    const float rate = model->learning_rate;\n{body}",
                training.ParameterLength,
                training.OptimizerLength);
        }

        /// <summary>Adds the input of the C, and its expected output.</summary>
        public void Train(List<float> input, List<float> expected)
        {
            Network network = Make();
            Samples.Array(network.Parameters.Length, 5).CopyTo(network.Parameters);
            network.Parameters[3] = -0f;
            input.AddRange(network.Parameters);
            input.AddRange(network.OptimizerState);
            for (int step = 0; step < Steps; step++)
            {
                float rate = 0.5f / (step + 1);
                float[] gradients = Samples.Array(network.Parameters.Length, 100 + step);
                for (int i = 0; i < gradients.Length; i += 7)
                {
                    gradients[i] = (step % 5) switch { 0 => 0f, 1 => -0f, 2 => 1e-40f, 3 => gradients[i] * 1e-20f, _ => gradients[i] * 10f };
                }

                if (step % 20 == 19)
                {
                    gradients[step] = (step / 20) switch
                    {
                        0 => float.NaN,
                        1 => float.PositiveInfinity,
                        2 => float.NegativeInfinity,
                        3 => 3e38f,
                        _ => 1e19f,
                    };
                }

                input.Add(rate);
                input.AddRange(gradients);
                gradients.CopyTo(network.Gradients);
                network.Update(rate);
            }

            expected.AddRange(network.Parameters);
            expected.AddRange(network.OptimizerState);
        }

        private Network Make()
        {
            Graph graph = new();
            Node input = graph.Input(new Shape(2, 6, 7), "input");
            Node image = graph.Apply(new Conv2D(3, 3, 3, new Activation<Relu>()), input, "conv");
            Node norm = graph.Apply(new BatchNorm(), image, "norm");
            Node hidden = graph.Apply(new Dense(19, new Activation<Sigmoid>()), norm, "hidden");
            Node output = graph.Apply(new Dense(3, new Activation<Identity>()), hidden, "output");
            Node loss = graph.Apply(new Loss<Quadratic>(), [output, graph.Input(new Shape(3), "target")], "loss");
            return new Network(input, output, loss, new NetworkOptions
            {
                Batch = 1,
                Layout = Layout.Compact,
                Execution = Execution.Scalar,
                Arithmetic = Arithmetic,
                Optimizer = Registry.Optimizer(Optimizer),
                Regularization = Penalty,
                Clipping = Clipping,
            });
        }
    }

    private sealed class Unknown : EmbeddedBackprop.Optimizers.Optimizer
    {
        public override string Name => "mine";

        public override void Update(in EmbeddedBackprop.Optimizers.UpdateContext c)
        {
        }

        public override void UpdateScalar(in EmbeddedBackprop.Optimizers.UpdateContext c)
        {
        }
    }
}
