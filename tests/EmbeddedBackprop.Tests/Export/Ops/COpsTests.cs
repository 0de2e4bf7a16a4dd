using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The C of every op gives the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class COpsTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void The_zoo_and_the_nets_of_integers_have_every_op() =>
        Assert.That(new CZoo(1).OpTypes.Union(CIntegerNets.OpTypes), Is.EquivalentTo(COpList.OpTypes));

    [TestCase("gcc -O0", Arithmetic.Fused, 1)]
    [TestCase("clang -O2", Arithmetic.Separate, 2)]
    [TestCase("gcc -std=gnu17 -O2 -march=native", Arithmetic.Separate, 11, Category = "Slow")]
    [TestCase("gcc -O3", Arithmetic.Separate, 3, Category = "Slow")]
    [TestCase("gcc -O3", Arithmetic.Fused, 4, Category = "Slow")]
    [TestCase("gcc -O0", Arithmetic.Separate, 5, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Fused, 6, Category = "Slow")]
    [TestCase("gcc -std=gnu17 -O3 -march=native", Arithmetic.Fused, 7, Category = "Slow")]
    [TestCase("gcc -O2 -DEBP_PORTABLE", Arithmetic.Fused, 10, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Arithmetic.Fused, 8, Category = "Slow")]
    [TestCase("gcc -O2 -fanalyzer", Arithmetic.Separate, 9, Category = "Slow")]
    public void Every_op_gives_the_bits_of_the_engine(string compiler, Arithmetic arithmetic, int seed) =>
        Assert.That(CZooRun.FirstDifference(build, compiler, new CZoo(seed), CZoo.Options(arithmetic)), Is.Null);

    [TestCase("position + (u * dilation) < padding", "position + (u * dilation) <= padding")]
    [TestCase("m[i % 16u] = x[i] > m[i % 16u]", "m[i % 16u] = x[i] >= m[i % 16u]", Category = "Slow")]
    [TestCase("s[i % 16u] = EBP_M(d, d, s[i % 16u]);", "s[i % 8u] = EBP_M(d, d, s[i % 8u]);", Category = "Slow")]
    [TestCase("for (at = 0u; at < positions; at++) {", "for (at = positions; at-- > 0u;) {", Category = "Slow")]
    [TestCase("h[j] = n + (z * (h[j] - n));", "h[j] = (z * h[j]) + ((1.0f - z) * n);", Category = "Slow")]
    [TestCase("(r_sizes->steps - 1u) - s : s", "s : s", Category = "Slow")]
    [TestCase("counts_padding != 0", "counts_padding == 0", Category = "Slow")]
    public void Control_another_formula_gives_other_bits(string text, string planted)
    {
        string? difference = CZooRun.FirstDifference(build, "gcc -O0", new CZoo(1), CZoo.Options(Arithmetic.Fused), source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(difference, Is.Not.Null);
    }

    [TestCase("gcc -O0", Arithmetic.Fused)]
    [TestCase("clang -O2", Arithmetic.Separate, Category = "Slow")]
    [TestCase("gcc -Os -DEBP_PORTABLE", Arithmetic.Fused, Category = "Slow")]
    public void No_op_needs_a_library_or_writes_a_global(string compiler, Arithmetic arithmetic)
    {
        foreach ((string name, string text) in new CZoo(1).Export(CZoo.Options(arithmetic)))
        {
            build.Write(name, text);
        }

        build.CheckSymbols(compiler, "zoo");
    }

    [Test]
    public void The_code_of_a_convolution_does_not_grow_with_its_weights()
    {
        int Length(int filters)
        {
            Graph graph = new();
            Node output = graph.Apply(
                new EmbeddedBackprop.Ops.Conv2D(filters, 3, 3, new EmbeddedBackprop.Activations.Activation<EmbeddedBackprop.Activations.Relu>()),
                graph.Input(new Shape(3, 10, 10)));
            Plan plan = Plan.ForInference(graph, new PlanOptions(), output);
            return CExporter.Generate(plan, new float[plan.ParameterLength]).Single(file => file.Name == "model.c").Text.Length;
        }

        Assert.That(Length(64) - Length(10), Is.LessThan(20));
    }

    [Test]
    public void Statistics_are_tables_and_have_to_be_given()
    {
        CZoo zoo = new(1);
        string header = zoo.Export(CZoo.Options(Arithmetic.Fused))[0].Text;
        Assert.That(header, Does.Contain("running_mean").And.Contain("inverse_deviation").And.Contain("#define ZOO_STATE_FLOATS"));
        Assert.That(() => CExporter.Generate(zoo.Plan, zoo.Parameters), Throws.ArgumentException.With.Message.Contains("state"));
    }

    [Test]
    public void Inputs_and_outputs_of_hostile_names_become_parameters()
    {
        Graph graph = new();
        Node[] inputs = [.. new[] { "int", "*/ #error", "a b", "A_b", "float *x", "\u202E" }.Select(name => graph.Input(new Shape(2), name))];
        Node sum = graph.Apply(new EmbeddedBackprop.Ops.Add(), inputs, "EOF"), twice = graph.Apply(new EmbeddedBackprop.Ops.Scale(2f), [sum], "eof ");
        Plan plan = Plan.ForInference(graph, new PlanOptions(), sum, twice);
        foreach ((string name, string text) in CExporter.Generate(plan, []))
        {
            build.Write(name, text);
        }

        Assert.That(
            build.Read("model.h"),
            Does.Contain("const float *in_int,").And.Contain("float *out_EOF,").And.Contain("#define MODEL_INPUTS_A_B_2 2"));
        build.Compile("gcc -O0 -DMODEL_SELFTEST_MAIN", "selftest", "model.c", "model_weights.c", "model_selftest.c");
        Assert.That(build.Run("selftest"), Is.Zero);
    }

    [Test]
    public void Of_several_inputs_the_first_is_prepared()
    {
        Graph graph = new();
        Node output = graph.Apply(new EmbeddedBackprop.Ops.Multiply(), [graph.Input(new Shape(3), "x"), graph.Input(new Shape(3), "gain")]);
        Plan plan = Plan.ForInference(graph, new PlanOptions(), output);
        foreach (
            (string name, string text) in CExporter.Generate(plan, [], new CExportOptions { InputMeans = [1f, 2f, 3f], InputScales = [4f, 5f, 6f] }))
        {
            build.Write(name, text);
        }

        Assert.That(
            build.Read("model.h"),
            Does.Contain("Reads and writes MODEL_INPUTS_X floats").And.Contain("const float *in_x, const float *in_gain, float *output, float *arena")
        );
        build.Write(
            "main.c",
            """
            #include "model.h"
            int main(void)
            {
                float x[3] = { 2.0f, 3.0f, 5.0f }, gain[3] = { 1.0f, 2.0f, 0.5f }, y[3];
                model_prepare(x, x);
                model_predict(x, gain, y, NULL);
                return y[0] == 4.0f && y[1] == 10.0f && y[2] == 6.0f && model_selftest(y, NULL) == 0u ? 0 : 1;
            }

            """);
        build.Compile("gcc -O1", "program", "main.c", "model.c", "model_weights.c", "model_selftest.c");
        Assert.That(build.Run("program"), Is.Zero);
    }

    [TestCase(0u, 20, "gcc -O0")]
    [TestCase(1000u, 20, "clang -O2", Category = "Slow")]
    [TestCase(100u, 200, "gcc -O1", Category = "Slow")]
    [TestCase(2000u, 60, "clang -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void Random_graphs_give_the_bits_of_the_engine(uint first, int wanted, string compiler) =>
        CRandomNets.Check(build, compiler, first, wanted, CStorage.Float32);
}
