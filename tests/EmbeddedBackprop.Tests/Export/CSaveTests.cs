using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>What a device has learnt survives power cuts, flipped bits and other networks' copies, and training goes on with the same bits.</summary>
[TestFixture]
internal sealed class CSaveTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O1")]
    [TestCase("clang -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    [TestCase("gcc -O2 -fanalyzer", Category = "Slow")]
    public void A_power_cut_at_any_byte_leaves_the_copy_before_or_the_new_one(string compiler)
    {
        Export("net");
        Assert.That(Run(compiler, PowerCuts, text => text), Is.Zero);
    }

    [TestCase("(newest == 0u) ? 1u : 0u", "(newest == 1u) ? 1u : 0u", PowerCuts, TestName = "Control: a save over the newest copy")]
    [TestCase("(word != crc)", "(word == crc + 1u)", PowerCuts, TestName = "Control: a sum that is not looked at, and a power cut")]
    [TestCase("(word != crc)", "(word == crc + 1u)", FlippedBits, TestName = "Control: a sum that is not looked at, and flipped bits")]
    [TestCase("counts[0] = model->step;", "counts[0] = 0u;", GoingOn, TestName = "Control: a step that is not kept")]
    [TestCase("(second - first)", "(first - second)", GoingOn, TestName = "Control: the older copy is loaded")]
    public void Control_a_planted_mistake_is_seen(string text, string planted, string program)
    {
        Export("net");
        int code = Run("gcc -O1", program, source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(code, Is.Not.Zero);
    }

    [Test]
    public void Every_flipped_bit_is_refused()
    {
        Export("net");
        Assert.That(Run("gcc -O2", FlippedBits, text => text), Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Training_goes_on_with_the_same_bits(int accumulate)
    {
        Export("net", accumulate: accumulate);
        Assert.That(Run("gcc -O1", GoingOn, text => text), Is.Zero);
    }

    [Test]
    public void A_copy_of_another_network_is_refused()
    {
        // The same sizes, and so the same number of bytes.
        Export("net");
        Export("other", activation: new Activation<Tanh>());
        Assert.That(Run("gcc -O1", OtherNet, text => text, "other.c", "other_weights.c", "other_storage.c"), Is.Zero);
    }

    [Test]
    public void Other_weights_another_rate_and_another_loss_are_the_same_network()
    {
        uint Fingerprint(ulong seed = 1, Activation? activation = null, Optimizer? optimizer = null, float rate = 0.05f, Arithmetic arithmetic = Arithmetic.Fused) =>
            FingerprintOf(Make(seed, activation, optimizer, arithmetic), rate);
        uint own = Fingerprint();
        Assert.That(Fingerprint(seed: 2), Is.EqualTo(own));
        Assert.That(Fingerprint(rate: 0.5f), Is.EqualTo(own));
        Assert.That(Fingerprint(activation: new Activation<Tanh>()), Is.Not.EqualTo(own));
        Assert.That(Fingerprint(optimizer: new Momentum()), Is.Not.EqualTo(own));
        Assert.That(Fingerprint(arithmetic: Arithmetic.Separate), Is.Not.EqualTo(own));
    }

    [TestCase("gcc -O0")]
    [TestCase("clang -O2", Category = "Slow")]
    public void It_needs_no_library_and_writes_no_global(string compiler)
    {
        Export("net");
        build.CheckSymbols(compiler, "net");
    }

    private const string Head = """
        #include <stdlib.h>
        #include <string.h>
        #include "net.h"

        #define BYTES (2 * NET_SLOT_BYTES)

        static unsigned char cells[BYTES];
        static long budget = -1; /* bytes until the power fails; -1: never */
        static int fails;        /* what a read returns */
        static float memory[NET_TRAIN_FLOATS];
        static net_model model;
        static uint32_t drawn = 1u;

        static int read_cells(void *user, uint32_t offset, void *bytes, size_t count)
        {
            if (user != cells || offset + count > BYTES) abort();
            memcpy(bytes, cells + offset, count);
            return fails;
        }

        static int write_cells(void *user, uint32_t offset, const void *bytes, size_t count)
        {
            size_t i;
            if (user != cells || offset + count > BYTES) abort();
            for (i = 0; i < count; i++) {
                if (budget == 0) return 1;
                if (budget > 0) budget--;
                cells[offset + i] = ((const unsigned char *)bytes)[i];
            }
            return 0;
        }

        static const net_storage storage = { read_cells, write_cells, cells };

        static float draw(void)
        {
            drawn = drawn * 1664525u + 1013904223u;
            return (float)(drawn >> 8) / 16777216.0f;
        }

        static void train(int steps)
        {
            static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_TARGETS];
            for (; steps > 0; steps--) {
                int i;
                for (i = 0; i < NET_BATCH * NET_INPUTS; i++) x[i] = draw();
                for (i = 0; i < NET_BATCH * NET_TARGETS; i++) y[i] = draw();
                (void)net_train_step(&model, x, y);
            }
        }

        static uint32_t restart(void)
        {
            memset(memory, 0, sizeof memory);
            net_start(&model, memory);
            return net_load(&model, &storage) == NET_STORED ? net_checksum(&model) : 0u;
        }


        """;

    private const string PowerCuts = Head + """
        int main(void)
        {
            static unsigned char before[BYTES];
            static float trained[NET_TRAIN_FLOATS];
            net_model at_hand;
            uint32_t old_sum, new_sum;
            int round;
            long cut;
            memset(cells, 0xFF, sizeof cells);
            net_start(&model, memory);
            if (net_load(&model, &storage) != NET_STORAGE_EMPTY) return 1;
            for (round = 0; round < 3; round++) {
                /* In the first round there is no copy before. */
                old_sum = round == 0 ? 0u : restart();
                if (round != 0 && old_sum == 0u) return 2;
                train(2 * NET_ACCUMULATE);
                new_sum = net_checksum(&model);
                if (new_sum == old_sum) return 3;
                memcpy(before, cells, sizeof cells);
                memcpy(trained, memory, sizeof memory);
                at_hand = model;
                for (cut = 0; cut <= NET_COPY_BYTES; cut++) {
                    uint32_t sum;
                    int result;
                    memcpy(cells, before, sizeof cells);
                    memcpy(memory, trained, sizeof memory);
                    model = at_hand;
                    budget = cut;
                    result = net_save(&model, &storage);
                    budget = -1;
                    if ((result == NET_STORED) != (cut == NET_COPY_BYTES)) return 4;
                    sum = restart();
                    if (result == NET_STORED ? sum != new_sum : (sum != old_sum && sum != new_sum)) return 5;
                    /* After the cut saving works again. */
                    memcpy(memory, trained, sizeof memory);
                    model = at_hand;
                    if (net_save(&model, &storage) != NET_STORED || restart() != new_sum) return 6;
                }
            }
            /* A storage that cannot be read: nothing is lost. */
            fails = 1;
            if (net_load(&model, &storage) != NET_STORAGE_FAILED || net_save(&model, &storage) != NET_STORAGE_FAILED) return 7;
            fails = 0;
            return restart() == new_sum ? 0 : 8;
        }

        """;

    private const string FlippedBits = Head + """
        int main(void)
        {
            uint32_t old_sum, new_sum;
            long i;
            int bit;
            net_start(&model, memory);
            train(NET_ACCUMULATE);
            old_sum = net_checksum(&model);
            if (net_save(&model, &storage) != NET_STORED) return 1;
            train(NET_ACCUMULATE);
            new_sum = net_checksum(&model);
            if (net_save(&model, &storage) != NET_STORED || restart() != new_sum) return 2;
            for (i = 0; i < NET_COPY_BYTES; i++) {
                for (bit = 0; bit < 8; bit++) {
                    cells[NET_SLOT_BYTES + i] ^= (unsigned char)(1 << bit);
                    if (restart() != old_sum) return 3;
                    cells[NET_SLOT_BYTES + i] ^= (unsigned char)(1 << bit);
                }
            }
            cells[NET_SLOT_BYTES + 70] ^= 1;
            cells[70] ^= 1;
            new_sum = model.step;
            if (net_load(&model, &storage) != NET_STORAGE_EMPTY || model.step != new_sum) return 4;
            return net_checksum(&model) == old_sum ? 0 : 5;
        }

        """;

    private const string GoingOn = Head + """
        int main(void)
        {
            uint32_t expected, state;
            int part;
            net_start(&model, memory);
            train(24 * NET_ACCUMULATE);
            expected = net_checksum(&model);
            drawn = 1u;
            net_start(&model, memory);
            for (part = 0; part < 4; part++) {
                train(6 * NET_ACCUMULATE);
                model.learning_rate = model.learning_rate * 1.0f;
                if (net_save(&model, &storage) != NET_STORED) return 1;
                /* Samples of an update that is not complete are forgotten. */
                if (NET_ACCUMULATE > 1) {
                    state = drawn;
                    train(1);
                    drawn = state;
                }
                if (restart() == 0u || model.step != 6u * (uint32_t)(part + 1) || model.collected != 0u) return 2;
            }
            return net_checksum(&model) == expected ? 0 : 3;
        }

        """;

    private const string OtherNet = Head + """
        #include "other.h"

        int main(void)
        {
            static float others[OTHER_TRAIN_FLOATS];
            const other_storage same = { read_cells, write_cells, cells };
            other_model other;
            if (OTHER_COPY_BYTES != NET_COPY_BYTES) return 1;
            net_start(&model, memory);
            train(NET_ACCUMULATE);
            if (net_save(&model, &storage) != NET_STORED || restart() == 0u) return 2;
            other_start(&other, others);
            if (other_load(&other, &same) != OTHER_STORAGE_EMPTY) return 3;
            /* Its own copies go where there is none of its own: here into the first slot. */
            if (other_save(&other, &same) != OTHER_STORED || other_load(&other, &same) != OTHER_STORED) return 4;
            return net_load(&model, &storage) == NET_STORAGE_EMPTY ? 0 : 5;
        }

        """;

    /// <summary>A net with everything that is kept: an optimiser's state, running means (where gradients are not accumulated), and draws by step.</summary>
    private static Network Make(ulong seed, Activation? activation, Optimizer? optimizer, Arithmetic arithmetic)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(5), "input");
        Node hidden = graph.Apply(new Dense(6, activation ?? new Activation<Sigmoid>()), input, "hidden");
        Node output = graph.Apply(new Dense(2, new Activation<Identity>()), hidden, "output");
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(new Shape(2), "target"), "loss");
        return new Network(input, output, loss, new NetworkOptions { Seed = seed, Arithmetic = arithmetic, Optimizer = optimizer ?? new Adam() });
    }

    private static CExportOptions Options(Network network, string name, int accumulate = 1, float rate = 0.05f) =>
        new() { Name = name, Training = CTrainingOptions.Of(network, rate) with { Batch = 2, Accumulate = accumulate, SelfTestSteps = 1 } };

    private static uint FingerprintOf(Network network, float rate) =>
        Convert.ToUInt32(CExporter.Generate(network.InferencePlan, network.Parameters, Options(network, "net", rate: rate), network.State)
            .Single(file => file.Name == "net_storage.c").Text.Split("head[5] = { 0x53504245u, 1u, 0x")[1][..8], 16);

    private void Export(string name, Activation? activation = null, int accumulate = 1)
    {
        Network network = Make(1, activation, null, Arithmetic.Fused);
        CExporter.Write(network, build.Folder, Options(network, name, accumulate));
    }

    private int Run(string compiler, string main, Func<string, string> change, params string[] files)
    {
        build.Write("main.c", main);
        build.Write("net_storage.c", change(build.Read("net_storage.c")));
        build.Compile(compiler + " -Wno-conversion", "program", ["main.c", "net.c", "net_weights.c", "net_storage.c", .. files]);
        return build.Run("program");
    }
}
