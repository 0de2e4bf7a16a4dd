using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Names, numbers and folders that mean harm: the export refuses them clearly or writes C that compiles and is right.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CHostileTests
{
    // Words of C, macros and functions of its library, names that the exported C has itself, the characters of comments and trigraphs, and
    // words that are no identifiers.
    private static readonly string[] Names =
    [
        "int", "while", "memcpy", "memset", "main", "arena", "state", "input", "output", "NULL", "EOF", "SIZE_MAX", "INT8", "FLT", "EBP", "ebp",
        "my_ebp_", "string", "Stdint", "7 seas", "", "_", "__LINE__", "*/ #error", "??/\n#error", "a\\", "\"", "%s%n", "..", "../../etc/passwd",
        "con", "\u202Eevil\u0000", "\uD800", "größe", "日本", "a b", "a_b", "A_B", "predict", "selftest", "sizes", "sample", "x", "i", "s", "weight",
        "dense",
    ];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0 -I.", CStorage.Float32)]
    [TestCase("clang -O1 -I.", CStorage.Int8, Category = "Slow")]
    public void Models_of_every_name_link_into_one_program(string compiler, CStorage storage)
    {
        List<string> files = ["every.c"];
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        string includes = "", calls = "";
        foreach (string name in Names)
        {
            string prefix = CText.Prefix(name);
            if (!taken.Add(prefix))
            {
                continue; // the same files as an earlier one's
            }

            CExporter.Write(Net(name), build.Folder, new CExportOptions { Name = name, SelfTestSamples = 2, Storage = storage });
            files.AddRange([prefix + ".c", prefix + "_weights.c", prefix + "_selftest.c"]);
            includes += $"#include \"{prefix}.h\"\n";
            calls += $"    if ({prefix}_selftest(memory, memory + 50) != 0u) return {taken.Count};\n";
        }

        Assert.That(taken, Has.Count.GreaterThan(30));
        build.Write("every.c", $"{includes}\nint main(void)\n{{\n    static float memory[100];\n{calls}    return 0;\n}}\n");
        build.Compile(compiler, "program", files.ToArray());
        Assert.That(build.Run("program"), Is.Zero, "the number of the model that is wrong");
    }

    [TestCase(CStorage.Float32)]
    [TestCase(CStorage.Int8)]
    public void Layers_inputs_and_outputs_of_every_name_stand_side_by_side(CStorage storage)
    {
        Graph graph = new();
        List<Node> outputs = [];
        foreach (string name in Names.Append(new string('w', 5000)).Append(new string('w', 5001)).Where(name => name.Length > 0))
        {
            // A layer called like its input, and one whose name differs from it in a sign that C does not have.
            Node input = graph.Input(new Shape(2), name);
            outputs.Add(graph.Apply(new Dense(3, new Activation<Tanh>()), input, name + "!"));
        }

        Plan plan = Plan.ForInference(graph, new PlanOptions(), [.. outputs]);
        foreach (
            (string name, string text) in CExporter.Generate(plan, Samples.Array(plan.ParameterLength, 5), new CExportOptions { Storage = storage }))
        {
            build.Write(name, text);
        }

        build.Compile("gcc -O0 -DMODEL_SELFTEST_MAIN", "selftest", "model.c", "model_weights.c", "model_selftest.c");
        Assert.That(build.Run("selftest"), Is.Zero);
        Assert.That(File.ReadAllLines(Path.Combine(build.Folder, "model_weights.c")).Max(line => line.Length), Is.LessThan(300));
    }

    [Test]
    public void A_model_called_like_a_header_of_C_hides_none()
    {
        CExporter.Write(Net("a"), build.Folder, new CExportOptions { Name = "String" });
        Assert.That(File.Exists(Path.Combine(build.Folder, "String_net.h")), Is.True);
        Assert.That(CText.Prefix("strings and more"), Is.EqualTo("strings_and_more"));
    }

    [TestCase("file")]
    [TestCase("file/below")]
    [TestCase("/proc")]
    [TestCase("/proc/self/nothing")]
    [TestCase("/dev/null")]
    [TestCase("a\0b")]
    public void A_folder_that_cannot_be_written_is_named(string folder)
    {
        if (folder.StartsWith('/') && !OperatingSystem.IsLinux())
        {
            Assert.Ignore("for Linux");
        }

        build.Write("file", "good");
        string path = Path.Combine(build.Folder, folder);
        Assert.That(() => CExporter.Write(Net("a"), path), Throws.InstanceOf<IOException>().With.Message.Contains(path));
        Assert.That(build.Read("file"), Is.EqualTo("good"));
    }

    [Test]
    public void A_folder_in_the_place_of_a_file_is_named()
    {
        Directory.CreateDirectory(Path.Combine(build.Folder, "model.c", "below"));
        Assert.That(() => CExporter.Write(Net("a"), build.Folder), Throws.InstanceOf<IOException>().With.Message.Contains("model.c"));
        Assert.That(
            Directory.GetFileSystemEntries(build.Folder).Select(Path.GetFileName),
            Is.SubsetOf(new[] { "model.h", "model.c" }),
            "no temporary file");
    }

    [TestCase("model.h")]
    [TestCase("model.c")]
    [TestCase("model_weights.c")]
    [TestCase("model_selftest.c")]
    [TestCase("model_storage.c")]
    [TestCase("model.md")]
    public void A_file_that_no_export_wrote_is_kept_unless_asked(string name)
    {
        const string Mine = "/* my own, years of work */\n";
        Network network = Learner();
        CExportOptions options = new() { Training = CTrainingOptions.Of(network, 0.1f) };
        build.Write(name, Mine);
        Assert.That(
            () => CExporter.Write(network, build.Folder, options),
            Throws.InstanceOf<IOException>().With.Message.Contains(Path.Combine(build.Folder, name)));
        Assert.That(build.Read(name), Is.EqualTo(Mine));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Has.Length.EqualTo(1), "all files are looked at before one is written");

        Assert.That(CExporter.Write(network, build.Folder, options with { ReplaceForeignFiles = true }), Has.Count.EqualTo(6));
        Assert.That(build.Read(name), Does.Contain("Generated by EmbeddedBackprop").And.Not.Contain(Mine));
        Assert.That(CExporter.Write(network, build.Folder, options), Has.Count.EqualTo(6), "an export replaces an export");
    }

    [Test]
    public void A_symbolic_link_is_followed_to_the_file_of_an_export_only()
    {
        const string Mine = "int main(void) { return 0; }\n";
        string folder = Path.Combine(build.Folder, "out"), link = Path.Combine(folder, "model.c");
        Directory.CreateDirectory(folder);
        build.Write("precious.c", Mine);
        File.CreateSymbolicLink(link, Path.Combine("..", "precious.c"));
        Assert.That(() => CExporter.Write(Net("a"), folder), Throws.InstanceOf<IOException>().With.Message.Contains(link));
        Assert.That(build.Read("precious.c"), Is.EqualTo(Mine));

        File.Delete(link);
        File.CreateSymbolicLink(link, Path.Combine("..", "nothing.c"));
        Assert.That(() => CExporter.Write(Net("a"), folder), Throws.InstanceOf<IOException>().With.Message.Contains(link));
        Assert.That(File.Exists(Path.Combine(build.Folder, "nothing.c")), Is.False);

        File.Delete(link);
        File.CreateSymbolicLink(link, Path.Combine("..", "exported.c"));
        build.Write("exported.c", "/* model: Generated by EmbeddedBackprop. */\n");
        CExporter.Write(Net("a"), folder);
        Assert.That(build.Read("exported.c"), Does.Contain("model_predict"));
        Assert.That(new FileInfo(link).LinkTarget, Is.Not.Null, "the link stays");
    }

    [Test]
    public void Files_of_earlier_exports_are_replaced_and_their_remains_removed()
    {
        build.Write("model.h", "/*\n * model: a neural network as C99, generated by EmbeddedBackprop.\n */\n");
        build.Write("model.md", "# model\n\nFused arithmetic, 23 parameters, 18 multiply-adds a sample.\n");
        build.Write("model_storage.c", "/* model: what was learnt, kept in the caller's storage. Generated by EmbeddedBackprop. */\n");
        build.Write("other_storage.c", "/* my own */\n");
        CExporter.Write(Net("a"), build.Folder);
        Assert.That(File.Exists(Path.Combine(build.Folder, "model_storage.c")), Is.False);
        build.Write("model_storage.c", "/* my own */\n");
        CExporter.Write(Net("a"), build.Folder);
        Assert.That(build.Read("model_storage.c"), Is.EqualTo("/* my own */\n"), "an export without training has no file of this name");
    }

    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    public void Numbers_that_are_not_finite_are_refused_wherever_they_stand(float value)
    {
        Graph graph = new();
        Node output = graph.Apply(new BatchNorm(), graph.Apply(new Dense(2, new Activation<Identity>()), graph.Input(new Shape(2))));
        Plan plan = Plan.ForInference(graph, new PlanOptions(), output);
        float[] parameters = new float[plan.ParameterLength], state = new float[plan.StateLength];
        plan.InitializeState<float>(state);
        Assert.That(() => CExporter.Generate(plan, parameters, null, state), Throws.Nothing);
        for (int i = 0; i < plan.Parameters.Length; i++)
        {
            foreach (CStorage storage in Enum.GetValues<CStorage>())
            {
                float[] bad = new float[plan.ParameterLength];
                bad[plan.Parameters[i].Offset] = value;
                Assert.That(
                    () => CExporter.Generate(plan, bad, new CExportOptions { Storage = storage }, state),
                    Throws.ArgumentException.With.Message.StartsWith(plan.Parameters[i].Name + "[0] is "));
            }
        }

        float[] negative = [.. state];
        foreach (StateRange range in plan.State)
        {
            float[] bad = [.. state];
            bad[range.Offset] = value;
            Assert.That(
                () => CExporter.Generate(plan, parameters, null, bad),
                Throws.ArgumentException.With.Message.StartsWith(range.Name + "[0] is "));
            negative[range.Offset] = -1f;
        }

        Assert.That(
            () => CExporter.Generate(plan, parameters, null, negative),
            Throws.ArgumentException.With.Message.Contains("inverse_deviation[0] is NaN"),
            "the root of a negative variance");
    }

    [TestCase(CStorage.Float32, false)]
    [TestCase(CStorage.Int8, true)]
    public void A_compiler_that_cannot_hold_the_largest_array_says_so(CStorage storage, bool fits)
    {
        string compiler = Tools.Require("avr-gcc", "gcc-avr avr-libc");
        CExporter.Write(
            new Sequential(100).Dense<Relu>(90).Compile(new NetworkOptions { Seed = 1, Arithmetic = EmbeddedBackprop.Kernels.Arithmetic.Separate }),
            build.Folder,
            new CExportOptions { Name = "net", Storage = storage });
        Tools.Result result = Tools.Run(build.Folder, compiler, [.. CBuild.Strict, "-mmcu=atmega2560", "-Os", "-c", "net.c"]);
        Assert.That(result.ExitCode == 0, Is.EqualTo(fits), result.Errors);
        Assert.That(
            fits
                || result.Errors.Contains(
                    "#error \"net_dense1_weight has 36000 bytes: this compiler holds no array of that size\"",
                    StringComparison.Ordinal),
            Is.True,
            result.Errors);
    }

    private static Network Learner() =>
        new Sequential(3).Dense<Sigmoid>(2).Compile<EmbeddedBackprop.Losses.Quadratic>(new NetworkOptions { Seed = 3 });

    private static Network Net(string layer)
    {
        Sequential layers = new(4);
        Node hidden = layers.Graph.Apply(new Dense(3, new Activation<Sigmoid>()), layers.Input, layer + " ");
        return new Network(
            layers.Input,
            layers.Graph.Apply(new Dense(2, new Activation<Sigmoid>()), hidden, layer + "."),
            null,
            new NetworkOptions { Seed = 3 });
    }
}
