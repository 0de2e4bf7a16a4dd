using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>What header and report say of a network, and the example of the report: right for each kind of network, and for no other.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CWordsTests
{
    private static readonly string[] Kinds =
    [
        "plain", "measured", "arena", "pair", "two", "carried", "stored", "blob", "large", "learns", "collects", "integers", "integers-arena",
        "indices", "integers-carried", "integers-masked", "integers-pooled", "integers-convs", "scaled", "factor",
        "pairwise", "padded",
    ];

    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> files = [];

    [OneTimeSetUp]
    public void ExportAll()
    {
        foreach (string kind in Kinds)
        {
            using CBuild build = new();
            files.Add(kind, Export(build, kind).ToDictionary(file => file, build.Read));
        }
    }

    [TestCase("net.h", "RAM that a prediction needs beside its output. */", "arena two")]
    [TestCase("net.h", "RAM that a call needs beside its output. */", "integers-arena indices")]
    [TestCase("net.h", ": it needs none, but C has no empty arrays", "plain measured large")]
    [TestCase("net.h", "NET_INPUTS floats of the arena, writes", "arena")]
    [TestCase("net.h", " that net_prepare wrote, writes", "measured")]
    [TestCase("net.h", "measured and input may be the same array.", "measured")]
    [TestCase("net.h", "works in NET_ARENA_FLOATS floats (none: NULL will do).", "plain measured large")]
    [TestCase("net.h", "calls with different output, arena and state may run", "carried")]
    [TestCase("net.h", "calls with different output and arena may run", "plain measured arena pair two stored blob large padded")]
    [TestCase("net.h", "Uses output, arena and state (lost!) as net_predict does.", "carried")]
    [TestCase("net.h", "Uses output and arena as net_predict does.", "plain measured arena pair two stored blob large padded")]
    [TestCase("net.h", "void net_reset(float *state);", "carried")]
    [TestCase("net.h", "#define NET_STATE_FLOATS 4\n#define NET_STATE_BYTES 16\n", "carried")]
    [TestCase("net.h", "The arena holds the input, to be", "arena")]
    [TestCase("net.h", "The arena holds the inputs, to be", "two")]
    [TestCase("net.h", "/* x */\n#define NET_INPUTS_X 3\n", "pair two")]
    [TestCase("net.h", "floats out. */\n#define NET_INPUTS 4\n", "plain measured arena learns collects scaled factor pairwise")]
    [TestCase("net.h", "weights as int8 (36 of them scales)", "stored")]
    [TestCase("net.h", " are weights as ", "stored")]
    [TestCase("net.h", "In front of every table of the self-test: define it", "blob")]
    [TestCase("net.h", " has 72000 bytes: this compiler holds no array of that size\"", "large")]
    [TestCase("net.h", "this compiler holds no array of that size", "large")]
    [TestCase("net.h", "/* nothing is learnt until the program sets model.learning_rate */", "collects")]
    [TestCase("net.h", "their gradients (where they are not applied at once), the", "learns scaled factor pairwise")]
    [TestCase("net.h", "/* before the schedule; may be changed at any time */", "collects")]
    [TestCase("net.h", "/* may be changed at any time */", "learns scaled factor pairwise")]
    [TestCase("net.h", "/* Begins: draws the weights (he", "collects")]
    [TestCase("net.h", "/* Begins: copies the weights from the tables into", "learns scaled factor pairwise")]
    [TestCase("net.h", "forward, backward, and at every call number NET_ACCUMULATE an update by", "collects")]
    [TestCase("net.h", "forward, backward, update. Reads input[NET_INPUTS], target[NET_TARGETS], and", "learns scaled factor pairwise")]
    [TestCase("net.h", "Reads input[NET_BATCH][NET_INPUTS], target[NET_BATCH][NET_TARGETS], and", "collects")]
    [TestCase("net.h", "An update with a gradient that is not finite is left out.", "collects")]
    [TestCase("net.h", "A loss that is not finite says that the weights are lost.", "learns scaled factor pairwise")]
    [TestCase("net.h", "#define NET_STEPS_PER_EPOCH 3\n", "collects")]
    [TestCase("net.h", "#define NET_EPOCHS 2\n", "collects")]
    [TestCase("net.h", "of 8 bits in, integers of 16 bits out.",
        "integers integers-arena integers-carried integers-masked integers-pooled integers-convs")]
    [TestCase("net.h", "    uint16_t u16[NET_ARENA_BYTES / 2];\n", "indices")]
    [TestCase("net.h", "The memory holds the input, to be", "integers-arena indices")]
    [TestCase("net.h", "elements of the memory, writes", "integers-arena indices")]
    [TestCase("net.h", "calls with different output, memory and state may run", "integers-carried")]
    [TestCase("net.h", "Uses output, memory and state (lost!) as", "integers-carried")]
    [TestCase("net.h", "Uses output and memory as", "integers integers-arena indices integers-masked integers-pooled integers-convs")]
    [TestCase("net.h", "_STATE_INTEGERS ", "integers-carried")]
    [TestCase("net.h", "#define NET_LABELS", "plain learns collects scaled factor pairwise")]
    [TestCase("net.h", " * Arithmetic: separate multiply-add.", "large")]
    [TestCase("net.md", "Separate arithmetic, ", "large")]
    [TestCase("net.md", "Integers, ", "integers integers-arena indices integers-carried integers-masked integers-pooled integers-convs")]
    [TestCase("net.md", " multiply-adds a time step.", "carried")]
    [TestCase("net.md", "| RAM, input (in the arena) | 16 of these |", "arena")]
    [TestCase("net.md", " of these |", "arena two")]
    [TestCase("net.md", "| RAM, input (in the arena) |", "arena two integers-arena indices")]
    [TestCase("net.md", "| RAM, state (the caller's, kept from call to call) | 16 |", "carried")]
    [TestCase("net.md", "| RAM, state (the caller's, kept", "carried integers-carried")]
    [TestCase("net.md", "| weights stored as |", "stored")]
    [TestCase("net.md", "| RAM, gradients (applied at once) | 0 |", "learns scaled factor pairwise")]
    [TestCase("net.md", "| RAM, a sample and its target", "learns scaled factor pairwise")]
    [TestCase("net.md", "| RAM, the samples of a call and its target", "collects")]
    [TestCase("net.md", " | applied at once |", "learns scaled factor pairwise")]
    [TestCase("net.md", "    net_prepare(input, input); /* in training every input had mean 0 and variance 1 */", "measured")]
    [TestCase("net.md", "    net_reset(state); /* once in front of every sequence", "carried")]
    [TestCase("net.md", "    net_reset(state); /* once before every sequence */", "integers-carried")]
    [TestCase("net.md", "(arena); /* to be written before every call */", "arena two")]
    [TestCase("net.c", " Where the mask is not above 0 the state stays as it is.", "integers-masked")]
    [TestCase("net.c", ", of which the largest of every window becomes an integer; the", "integers-pooled")]
    [TestCase("net.c", ", backwards: dx = factor dy */", "scaled")]
    [TestCase("net.c", ", backwards: dx = factor dy; the gradient of the trained number is", "factor")]
    [TestCase("net.c", "what is kept for the whole network moves on", "collects")]
    [TestCase("net.c", "factors of this update", "collects")]
    [TestCase("net.c", "Adam (AdamW where decay is not 0): w = w", "collects")]
    [TestCase("net.c", "d, backwards: every input gets the gradient */", "pairwise")]
    [TestCase("net.c", "c, backwards: every input gets the gradient, the second one its negative */", "pairwise")]
    [TestCase("net.c", "dropout: in a prediction the same numbers", "pairwise")]
    [TestCase("net.h", "is filled up with zeros after its last step, as in training. */", "padded")]
    public void The_files_of_these_networks_say(string file, string words, string kinds) =>
        Assert.That(string.Join(' ', Kinds.Where(kind => files[kind][file].Contains(words, StringComparison.Ordinal))), Is.EqualTo(kinds));

    [Test]
    public void The_report_adds_up_the_memory_of_a_training()
    {
        string bytes = files["learns"]["net.h"].Split("#define NET_TRAIN_BYTES ")[1].Split('\n')[0];
        int all = int.Parse(bytes, CultureInfo.InvariantCulture) + CTrainingReport.ModelBytes;
        Assert.That(files["learns"]["net.md"], Does.Contain($"| **RAM, training in all** | **{all}** |"));
    }

    /// <summary>The report's lines of C in a function, compiled with its line for the self-test.</summary>
    [Test]
    public void The_example_of_the_report_is_C_and_its_self_test_passes([ValueSource(nameof(Kinds))] string kind)
    {
        using CBuild build = new();
        string[] exported = Export(build, kind);
        Example(build, exported, text => text);
        Assert.That(build.Run("a.out"), Is.Zero);
    }

    [TestCase("net_predict(input, ", "net_predict(")]
    [TestCase("output[NET_OUTPUTS]", "output[NET_INPUTS][2]")]
    [TestCase("static float ", "static double ")]
    public void Control_another_example_is_no_C(string words, string planted)
    {
        using CBuild build = new();
        string[] exported = Export(build, "plain");
        Assert.That(build.Read("net.md"), Does.Contain(words));
        Assert.That(
            () => Example(build, exported, text => text.Replace(words, planted, StringComparison.Ordinal)), Throws.TypeOf<AssertionException>());
    }

    private static void Example(CBuild build, string[] exported, Func<string, string> change)
    {
        string[] code = [.. change(build.Read("net.md")).Split('\n').Where(line => line.StartsWith("    ", StringComparison.Ordinal))];
        string[] command = code[^1].Trim().Split(' ');
        Assert.That(command[..3], Is.EqualTo(new[] { "cc", "-std=c99", "-O2" }));
        build.Write("example.c", $$"""
            {{code[0].Trim()}}
            float loss;
            void example(void);
            void example(void)
            {
            {{string.Join('\n', code[1..^1])}}
            }

            """);
        string[] rest = [.. exported.Where(file => file.EndsWith("_storage.c", StringComparison.Ordinal))];
        build.Compile("gcc -O0 -Wno-unused-variable " + command[3], "a.out", ["example.c", .. command[4..], .. rest]);
    }

    private static string[] Export(CBuild build, string kind)
    {
        CExportOptions options = new() { Name = "net", SelfTestSamples = 4 };
        switch (kind)
        {
            case "plain":
                return Write(build, "input 4; dense 3 softmax", options);
            case "measured":
                return Write(build, "input 4; dense 3", options with { InputMeans = [1f, 2f, 3f, 4f], InputScales = [1f, 2f, 3f, 4f] });
            case "arena":
                return Write(build, "input 4; dense 5 tanh; dense 3", options with { InputInArena = true });
            case "pair":
                return Write(build, "x = input 3; y = input 2; concat x y; dense 2", options);
            case "two":
                return Write(build, "x = input 3; y = input 2; concat x y; dense 2", options with { InputInArena = true });
            case "carried":
                return Write(build, "input 5x3; gru 4; dense 2", options with { Carry = true });
            case "stored":
                return Write(build, "input 8; dense 6 tanh; dense 3", options with { Storage = CStorage.Int8 });
            case "blob":
                return Write(build, "input 8; dense 6 tanh; dense 3", options with { BinaryWeights = true });
            case "large":
                return Write(build, "input 9000; dense 2", options with { Arithmetic = Arithmetic.Separate });
            case "learns":
                return Learning(build, options, new NetworkOptions { Batch = 1 }, training => training);
            case "scaled" or "factor":
                string factor = kind == "scaled" ? "scale 0.5" : "scale 0.5 trained";
                return Learning(
                    build, options, new NetworkOptions { Batch = 1 }, training => training, $"input 4; dense 5; {factor}; dense 3 softmax");
            case "pairwise":
                const string Pairwise = "x = input 4; a = dense 5 x; b = dense 5 x; c = subtract a b; d = add c b; dropout 0.5; dense 3 softmax";
                return Learning(build, options, new NetworkOptions { Batch = 1 }, training => training, Pairwise);
            case "padded":
                return Write(build, "input 5x3; gru 4; dense 2", options with { Padding = SequencePadding.End });
            case "collects":
                NetworkOptions adam = new() { Batch = 8, Optimizer = new Adam() };
                return Learning(build, options, adam, training => training with
                {
                    Batch = 4, Accumulate = 2, LearningRate = 0f, Initializer = new He(), Schedule = new Cosine(), StepsPerEpoch = 3, Epochs = 2,
                });
            default:
                string name = kind switch
                {
                    "indices" => "tokens",
                    "integers-carried" => "carried",
                    "integers-masked" => "masked",
                    "integers-pooled" => "pooled",
                    "integers-convs" => "convolutions",
                    _ => "dense",
                };
                using (Network network = CIntegerNets.Make(name))
                {
                    return Write(build, network, options with { InputInArena = kind is "integers-arena" or "indices" });
                }
        }
    }

    private static string[] Learning(
        CBuild build,
        CExportOptions options,
        NetworkOptions network,
        Func<CTrainingOptions, CTrainingOptions> change,
        string text = "input 4; dense 5 tanh; dense 3 softmax")
    {
        using Network learning = NetCompiler.Compile(text, new SoftmaxCrossEntropy(), network);
        return Write(build, learning, options with { Training = change(CTrainingOptions.Of(learning, 0.1f)) });
    }

    private static string[] Write(CBuild build, string text, CExportOptions options)
    {
        using Network network = NetCompiler.Compile(text, null, new NetworkOptions { Seed = 3 });
        return Write(build, network, options);
    }

    private static string[] Write(CBuild build, Network network, CExportOptions options) =>
        [.. CExporter.Write(network, build.Folder, options).Select(path => Path.GetFileName(path))];
}
