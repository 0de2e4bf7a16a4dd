using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Weights stored as float16 or int8: the C gives the bits that the engine gives with the stored weights, and these are near the network's own.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CStorageTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0", Arithmetic.Fused, CStorage.Int8, 11)]
    [TestCase("clang -O2", Arithmetic.Separate, CStorage.Float16, 12)]
    [TestCase("gcc -O3", Arithmetic.Separate, CStorage.Int8, 13, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Fused, CStorage.Int8, 14, Category = "Slow")]
    [TestCase("gcc -O3 -mfma", Arithmetic.Fused, CStorage.Int8, 15, Category = "Slow")]
    [TestCase("gcc -O3 -mfma", Arithmetic.Fused, CStorage.Float16, 16, Category = "Slow")]
    [TestCase("gcc -O0", Arithmetic.Separate, CStorage.Float16, 17, Category = "Slow")]
    [TestCase("clang -O0", Arithmetic.Separate, CStorage.Int8, 18, Category = "Slow")]
    [TestCase("clang -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Arithmetic.Fused, CStorage.Int8, 19, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Arithmetic.Separate, CStorage.Float16, 20, Category = "Slow")]
    [TestCase("gcc -O2 -fanalyzer", Arithmetic.Fused, CStorage.Int8, 21, Category = "Slow")]
    [TestCase("gcc -O2 -fanalyzer", Arithmetic.Separate, CStorage.Float16, 22, Category = "Slow")]
    public void Every_op_gives_the_bits_of_the_engine_with_the_stored_weights(string compiler, Arithmetic arithmetic, CStorage storage, int seed) =>
        Assert.That(CZooRun.FirstDifference(build, compiler, new CZoo(seed), CZoo.Options(arithmetic, storage)), Is.Null);

    [TestCase(CStorage.Int8, "const float f0 = w_scale[o];", "const float f0 = w_scale[0];")]
    [TestCase(CStorage.Int8, "w_scale + ((o / outputs) * channels)", "w_scale", Category = "Slow")]
    [TestCase(CStorage.Int8, "const float f1 = w_scale[j + 1u];", "const float f1 = w_scale[j];", Category = "Slow")]
    [TestCase(CStorage.Int8, "* table_scale[j]", "* table_scale[0]", Category = "Slow")]
    [TestCase(CStorage.Float16, "* 0x1p112f", "* 0x1p111f", Category = "Slow")]
    [TestCase(CStorage.Float16, "zoo_upper_half(pair0)", "zoo_half(pair0)", Category = "Slow")]
    public void Control_another_scale_gives_other_bits(CStorage storage, string text, string planted) =>
        Assert.That(CZooRun.FirstDifference(build, "gcc -O0", new CZoo(1), CZoo.Options(Arithmetic.Fused, storage), source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        }), Is.Not.Null);

    [TestCase(CStorage.Float16, 5, "gcc -O1")]
    [TestCase(CStorage.Int8, 5, "gcc -O1")]
    [TestCase(CStorage.Float16, 100, "clang -O2", Category = "Slow")]
    [TestCase(CStorage.Int8, 100, "clang -O2", Category = "Slow")]
    public void Random_graphs_give_the_bits_of_the_engine_with_the_stored_weights(CStorage storage, int wanted, string compiler) =>
        CRandomNets.Check(build, compiler, 3000u, wanted, storage);

    [TestCase("gcc -O0")]
    [TestCase("gcc -O3")]
    [TestCase("clang -O2")]
    [TestCase("clang -O2 -mfma")]
    [TestCase("gcc -O2 -D__SOFTFP__")]
    [TestCase("clang -O1 -D__SOFTFP__")]
    public void Every_binary16_is_decoded_exactly(string compiler)
    {
        WriteHalves();
        build.Compile(compiler, "half", "half.c");
        Assert.That(build.Run("half"), Is.Zero);
    }

    [TestCase("cortex-m4f", "-O2", "vcvtt")]
    [TestCase("cortex-m4f", "-O0", "vcvtb")]
    [TestCase("cortex-m4f", "-Os -DEBP_PORTABLE", null)]
    [TestCase("cortex-m7", "-O2", "vcvtb")]
    [TestCase("cortex-m3", "-O2", null)]
    [TestCase("rv32imafc", "-O2", null)]
    public void Every_binary16_is_decoded_exactly_on_a_device(string name, string options, string? instruction)
    {
        CDevice device = CDevice.Of(name);
        WriteHalves();
        device.RunChecked(build, options, "half.c");
        device.CompileObject(build, options + " -S", "half.c", "half.s");
        Assert.That(build.Read("half.s").Contains(instruction ?? "vcvtb", StringComparison.Ordinal), Is.EqualTo(instruction is not null));
    }

    [TestCase("gcc -O1", "* 0x1p112f", "* 0x1p111f")]
    [TestCase("gcc -O1", "net_half(word >> 16)", "net_half(word)")]
    [TestCase("gcc -O1", "& 0x8000u) << 16", "& 0x8000u) << 15")]
    [TestCase("gcc -O1 -D__SOFTFP__", "+= 0x38000000u", "+= 0x38800000u")]
    public void Control_a_wrong_decoder_is_caught(string compiler, string text, string planted)
    {
        WriteHalves();
        string source = build.Read("half.c");
        Assert.That(source, Does.Contain(text));
        build.Write("half.c", source.Replace(text, planted, StringComparison.Ordinal));
        build.Compile(compiler, "half", "half.c");
        Assert.That(build.Run("half"), Is.EqualTo(1));
    }

    [Test]
    public void Weights_of_every_size_are_rounded_to_the_nearest_number_that_can_be_stored()
    {
        // Columns from denormals of float over those of binary16 to its largest numbers; one is all 0.
        const int Inputs = 50;
        float[] sizes = [0f, 1e-45f, 1e-42f, 1e-38f, 1e-8f, 6e-8f, 1e-5f, 6.2e-5f, 1e-3f, 1f, 100f, 65519f];
        Network network = Net(sizes.Length, Inputs);
        ParameterRange weight = network.InferencePlan.Parameters[0];
        float[] own = new float[weight.Count]; // [output][input]
        for (int output = 0; output < sizes.Length; output++)
        {
            float[] row = Samples.Array(Inputs, output + 1);
            row[0] = 1f;
            Array.ConvertAll(row, value => value * sizes[output]).CopyTo(own, output * Inputs);
        }

        weight.CopyFrom<float>(own, network.Parameters);
        float[] halves = Stored(network, CStorage.Float16), bytes = Stored(network, CStorage.Int8);
        for (int i = 0; i < own.Length; i++)
        {
            Bits.AssertEqual([halves[i]], [(float)(Half)own[i]], $"weight {i}, {own[i]}");
            // Half a step of the output's largest weight, and the rounding of two products.
            float largest = sizes[i / Inputs], step = largest / 127f;
            Assert.That(MathF.Abs(bytes[i] - own[i]), Is.LessThanOrEqualTo((step * 0.500001f) + 1e-43f), $"weight {i}, {own[i]}");
        }

        foreach (CStorage storage in (CStorage[])[CStorage.Float16, CStorage.Int8])
        {
            CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Storage = storage });
            Network expected = Net(sizes.Length, Inputs);
            CExporter
                .StoredParameters(network.InferencePlan, network.Parameters, new CExportOptions { Storage = storage })
                .CopyTo(expected.Parameters);
            build.CheckBits(expected, "gcc -O1", Samples.Array(Inputs * 20, 3));
        }
    }

    [Test]
    public void The_largest_floats_are_stored_as_bytes_and_refused_as_binary16()
    {
        Network network = Net(2, 3);
        network.InferencePlan.Parameters[0].CopyFrom<float>([1f, float.MaxValue, -1f, -float.MaxValue, 0f, 65519.996f], network.Parameters);
        Assert.That(Stored(network, CStorage.Int8), Has.All.Matches<float>(float.IsFinite));
        Assert.That(() => Stored(network, CStorage.Float16), Throws.ArgumentException.With.Message.Contains("float16 holds nothing above 65504"));
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { Storage = CStorage.Float16 }),
            Throws.ArgumentException.With.Message.StartsWith("dense1.weight["));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    [Test]
    public void Flash_and_errors_are_in_header_and_report_and_code_grows_with_the_variants_in_use_only()
    {
        Network network = Net(10, 784, 30);
        string whole = Source(CStorage.Float32, "net.c"),
            bytes = Source(CStorage.Int8, "net.c");
        Assert.That(
            bytes,
            Does.Contain("net_dense_10_i8(784u, 30u, input, net_dense1_weight, net_dense1_weight_scale, net_dense1_bias, arena);")
                .And.Not.Contain("net_dense_10("));
        Assert.That(bytes.Length, Is.LessThan(whole.Length + 1000));
        Assert.That(whole, Does.Not.Contain("_scale").And.Not.Contain("_half"));
        Assert.That(
            Source(CStorage.Int8, "net.h"),
            Does.Contain("#define NET_PARAMETERS 23860\n")
                .And.Contain("#define NET_FLASH_BYTES 24140\n")
                .And.Contain("extern const int8_t net_dense1_weight[23520]; ")
                .And.Contain("/* 23980 bytes of it are weights as int8 (160 of them scales): "));
        Assert.That(
            Source(CStorage.Float16, "net.h"),
            Does.Contain("#define NET_FLASH_BYTES 47800\n").And.Contain("extern const uint16_t net_dense1_weight[23520]; "));
        Assert.That(Source(CStorage.Float16, "net.md"), Does.Contain("| float16 | 23820 | 47640 | 0 | "));
        Assert.That(Source(CStorage.Float32, "net.md"), Does.Not.Contain("weights stored as"));

        string Source(CStorage storage, string file)
        {
            CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Storage = storage });
            return build.Read(file);
        }
    }

    [Test]
    public void Single_layers_have_a_storage_of_their_own()
    {
        Network network = Net(3, 8, 6), expected = Net(3, 8, 6);
        CExportOptions options = new()
        {
            Name = "net", Storage = CStorage.Int8, StorageOf = new Dictionary<string, CStorage> { ["dense2"] = CStorage.Float16 },
        };
        CExporter.Write(network, build.Folder, options);
        Assert.That(build.Read("net.h"), Does.Contain("const int8_t net_dense1_weight[48]").And.Contain("const uint16_t net_dense2_weight[18]"));
        CExporter.StoredParameters(network.InferencePlan, network.Parameters, options).CopyTo(expected.Parameters);
        build.CheckBits(expected, "gcc -O1", Samples.Array(8 * 20, 3));
        Assert.That(
            () =>
                CExporter.Write(network, build.Folder, options with { StorageOf = new Dictionary<string, CStorage> { ["sigmoid"] = CStorage.Int8 } }),
            Throws.ArgumentException.With.Message.Contains("'sigmoid'").And.Message.Contains("dense1, dense2"));
    }

    [TestCase(CStorage.Float16)]
    [TestCase(CStorage.Int8)]
    public void Control_a_changed_table_is_caught(CStorage storage)
    {
        CExporter.Write(Net(3, 8), build.Folder, new CExportOptions { Name = "net", Storage = storage });
        string[] lines = build.Read("net_weights.c").Split('\n');
        int line = Array.FindIndex(lines, text => text.EndsWith("] = {", StringComparison.Ordinal)) + 1;
        lines[line] =
            storage == CStorage.Int8
                ? "    1" + lines[line][lines[line].IndexOf(',')..]
                : lines[line][..9] + (lines[line][9] == '1' ? "2" : "1") + lines[line][10..];
        build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "right", "net.c", "net_weights.c", "net_selftest.c");
        build.Write("net_weights.c", string.Join('\n', lines));
        build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "wrong", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("right"), Is.Zero);
        Assert.That(build.Run("wrong") & 1, Is.EqualTo(1));
    }

    /// <summary>
    /// A program that decodes every finite binary16, alone and as either of two neighbours, and compares check sums of the results with the engine's.
    /// </summary>
    private void WriteHalves()
    {
        uint sum = 2166136261u;
        for (int i = 0; i < 65536; i++)
        {
            Half half = BitConverter.UInt16BitsToHalf((ushort)i);
            sum = Half.IsFinite(half) ? unchecked((sum ^ BitConverter.SingleToUInt32Bits((float)half)) * 16777619u) : sum;
        }

        build.Write("half.c", CMath.Source(Arithmetic.Separate, "net", CFunctions.Half | CFunctions.HalfPair) + $$"""

            static uint32_t more(uint32_t sum, float x)
            {
                uint32_t bits;
                (void)memcpy(&bits, &x, sizeof bits);
                return (sum ^ bits) * 16777619u;
            }

            int main(void)
            {
                uint32_t alone = 2166136261u;
                uint32_t lower = 2166136261u;
                uint32_t upper = 2166136261u;
                uint32_t i;
                for (i = 0u; i < 65536u; i++) {
                    const uint16_t other = (uint16_t)((i * 5u) & 0xFFFFu);
                    uint16_t pair[2];
                    if ((i & 0x7C00u) != 0x7C00u) {
                        pair[0] = (uint16_t)i;
                        pair[1] = other;
                        alone = more(alone, net_half(pair[0]));
                        lower = more(lower, net_half(net_two_halves(pair)));
                        pair[0] = other;
                        pair[1] = (uint16_t)i;
                        upper = more(upper, net_upper_half(net_two_halves(pair)));
                    }
                }
                return (alone == {{sum}}u && lower == alone && upper == alone) ? 0 : 1;
            }

            """);
    }

    private static Network Net(int outputs, int inputs, params int[] hidden)
    {
        Sequential layers = new(inputs);
        foreach (int size in hidden)
        {
            layers.Dense<Sigmoid>(size);
        }

        return layers.Dense<Identity>(outputs).Compile(new NetworkOptions { Seed = 7 });
    }

    /// <summary>The first layer's weights as they are stored, [output][input].</summary>
    private static float[] Stored(Network network, CStorage storage)
    {
        ParameterRange weight = network.InferencePlan.Parameters[0];
        float[] compact = new float[weight.Count];
        weight.CopyTo<float>(
            CExporter.StoredParameters(network.InferencePlan, network.Parameters, new CExportOptions { Storage = storage }),
            compact);
        return compact;
    }
}
