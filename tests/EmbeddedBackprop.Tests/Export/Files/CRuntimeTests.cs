using System.Globalization;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Models that share a runtime file have the engine's bits, and one copy of exp and tanh in flash.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CRuntimeTests
{
    private static readonly (string Name, string Net, Arithmetic Arithmetic, bool Trains)[] Models =
    [
        ("gru", "x = input 4x3; gru 5; dense 3 softmax", Arithmetic.Fused, false),
        ("lstm", "x = input 4x3; lstm 5; dense 4 gelu; dense 2", Arithmetic.Fused, false),
        ("learns", "x = input 6; dense 5 tanh; dense 4 mish; dense 3 softmax", Arithmetic.Fused, true),
        ("apart", "x = input 6; dense 5 sigmoid; dense 3 softplus", Arithmetic.Separate, false),
    ];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O2")]
    [TestCase("clang -O1 -fsanitize=address,undefined -fno-sanitize-recover=all")]
    [TestCase("gcc -O3 -DEBP_PORTABLE", Category = "Slow")]
    public void Models_that_share_a_runtime_have_the_bits_of_the_engine(string compiler)
    {
        string[] files = Export("shared");
        build.Compile(compiler, "program", files);
        Assert.That(build.Run("program"), Is.Zero);
        Assert.That(files, Does.Contain("shared_fused.c").And.Contain("shared_separate.c"));
        Assert.That(build.Read("gru.c"), Does.Not.Contain(" gru_exp(").And.Contain("shared_fused_exp("));
        build.CheckSymbols("gcc -O1", "gru", "gru", "shared_fused");
    }

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m3")]
    public void On_a_device_they_take_less_flash(string name)
    {
        CDevice device = CDevice.Of(name);
        (int alone, int shared) = (Flash(device, null), Flash(device, "shared"));
        TestContext.Out.WriteLine(FormattableString.Invariant($"{name} -Os: {alone} bytes with functions of their own, {shared} with one runtime"));
        Assert.That(shared, Is.LessThan(alone - 500));
    }

    [Test]
    public void Every_export_writes_the_same_runtime()
    {
        string[] texts = [.. Models.Where(model => model.Arithmetic == Arithmetic.Fused).Select(model =>
            Generate(model, "shared").Single(file => file.Name == "shared_fused.c").Text)];
        Assert.That(texts.Distinct().Count(), Is.EqualTo(1));
        Assert.That(Generate(Models[0], null).Select(file => file.Name), Has.None.Contains("fused"));
    }

    [Test]
    public void Control_a_runtime_of_another_export_is_refused_and_a_wrong_one_is_found()
    {
        string[] files = Export("shared");
        string header = build.Read("shared_fused.h"), source = build.Read("shared_fused.c");
        build.Write("shared_fused.h", header.Replace("VERSION 2", "VERSION 1", StringComparison.Ordinal));
        Assert.That(() => build.Compile("gcc -O1", "program", files), Throws.Exception.With.Message.Contains("is of another format"));
        build.Write("shared_fused.h", header);
        Assert.That(source, Does.Contain("0.5f"));
        build.Write("shared_fused.c", source.Replace("0.5f", "0.50001f", StringComparison.Ordinal));
        build.Compile("gcc -O1", "program", files);
        Assert.That(build.Run("program"), Is.Not.Zero);
    }

    [Test]
    public void A_runtime_called_like_its_model_is_refused() =>
        Assert.That(
            () => Generate(Models[0] with { Name = "shared_fused" }, "shared"),
            Throws.ArgumentException.With.Message.Contains("shared_fused.h"));

    [Test]
    public void Its_header_is_good_for_C_plus_plus_11()
    {
        Export("shared");
        build.Write("main.cpp", "#include \"shared_fused.h\"\n#include \"shared_separate.h\"\nint main() { return 0; }\n");
        Tools.RunChecked(
            build.Folder, Tools.Require("g++", "g++"), ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "main.cpp"]);
    }

    private static IReadOnlyList<(string Name, string Text)> Generate(
        (string Name, string Net, Arithmetic Arithmetic, bool Trains) model, string? runtime)
    {
        Network network = NetCompiler.Compile(
            model.Net, model.Trains ? new SoftmaxCrossEntropy() : null, new NetworkOptions { Arithmetic = model.Arithmetic, Seed = 3 });
        CExportOptions options = new()
        {
            Name = model.Name, Runtime = runtime, Training = model.Trains ? CTrainingOptions.Of(network, 0.1f) : null,
        };
        return CExporter.Generate(network.InferencePlan, network.Parameters, options, network.State);
    }

    /// <summary>Writes all models and a program that runs their self-tests.</summary>
    private string[] Export(string? runtime)
    {
        HashSet<string> files = ["main.c"];
        foreach ((string Name, string Net, Arithmetic Arithmetic, bool Trains) model in Models)
        {
            foreach ((string name, string text) in Generate(model, runtime))
            {
                build.Write(name, text);
                if (name.EndsWith(".c", StringComparison.Ordinal))
                {
                    files.Add(name);
                }
            }
        }

        build.Write("main.c", $$"""
            {{string.Concat(Models.Select(model => $"#include \"{model.Name}.h\"\n"))}}
            static float output[16], memory[2048];

            int main(void)
            {
                uint32_t wrong = 0u;
            {{string.Concat(Models.Select(model => $"    wrong |= {model.Name}_selftest({(model.Trains ? "" : "output, ")}memory);\n"))}}    return (int)wrong;
            }

            """);
        return [.. files];
    }

    /// <summary>Bytes of the program that only predicts, without the functions that nothing calls.</summary>
    private int Flash(CDevice device, string? runtime)
    {
        string[] files = Export(runtime);
        build.Write("main.c", $$"""
            {{string.Concat(Models.Select(model => $"#include \"{model.Name}.h\"\n"))}}
            static float input[16], output[16], memory[2048];
            static learns_model model;

            int main(void)
            {
            {{string.Concat(Models.Select(model => model.Trains
                ? "    learns_start(&model, memory);\n    learns_predict(&model, input, output);\n"
                : $"    {model.Name}_predict(input, output, memory);\n"))}}    return output[0] > 0.0f ? 0 : 1;
            }

            """);
        device.Compile(
            build, "-Os -ffunction-sections -fdata-sections -Wl,--gc-sections", "program",
            [.. files.Where(file => !file.Contains("selftest", StringComparison.Ordinal))]);
        string size = Tools.RunChecked(build.Folder, Tools.Require("arm-none-eabi-size", "binutils-arm-none-eabi"), "program");
        return int.Parse(size.Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    }
}
