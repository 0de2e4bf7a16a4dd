using System.Buffers.Binary;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Any bytes give a model or a <see cref="DataFormatException"/>, whatever is done with the file.</summary>
public sealed class ModelFileMutationTests
{
    private const int Seed = 20261120;

    private int accepted, refused, wrong;

    [SetUp]
    public void Reset() => (accepted, refused, wrong) = (0, 0, 0);

    [Test]
    public void Every_flip_of_a_bit_is_refused()
    {
        byte[] file = ModelNets.Saved();
        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            Try(file, build: false);
            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.That((accepted, refused, wrong), Is.EqualTo((0, 8 * file.Length, 0)));
    }

    [Test]
    public void Every_truncation_is_refused([Values] bool seal)
    {
        byte[] file = ModelNets.Saved();
        for (int length = 0; length < file.Length; length++)
        {
            byte[] mutant = file[..length];
            if (seal)
            {
                SafetensorsBytes.Seal(mutant);
            }

            Try(mutant, build: false);
        }

        Assert.That((accepted, refused, wrong), Is.EqualTo((0, file.Length, 0)));
    }

    /// <summary>The safetensors reader has its own million; these change the strings, so all but one in eight have valid sums.</summary>
    [TestCase(100_000)]
    [TestCase(1_000_000, Category = "Exhaustive")]
    public void Mutants_give_a_model_or_the_format_error(int count)
    {
        Mutate(count, mutant => Try(mutant, build: true));
        TestContext.Out.WriteLine($"{count} mutants, seed {Seed}: {accepted} accepted, {refused} refused, {wrong} other exceptions");
        Assert.That(wrong, Is.Zero);
        Assert.That(accepted, Is.GreaterThan(count / 100));
        Assert.That(refused, Is.GreaterThan(count / 4));
    }

    /// <summary>The control: a reader that believes the strings meets other exceptions among the same mutants.</summary>
    [Test]
    public void A_trusting_reader_is_caught_by_the_same_mutants()
    {
        Mutate(20_000, mutant =>
        {
            try
            {
                SafetensorsFile file = SafetensorsFile.Parse(mutant, "mutant");
                _ = NetText.Build(file.Metadata["net"], Registry.Activation);
                _ = Registry.Loss(file.Metadata["loss"]);
                _ = ulong.Parse(file.Metadata["seed"], System.Globalization.CultureInfo.InvariantCulture);
            }
            catch (DataFormatException)
            {
                refused++;
            }
            catch (Exception error) when (error is ArgumentException or FormatException or KeyNotFoundException)
            {
                wrong++;
            }
        });
        Assert.That(wrong, Is.GreaterThan(1000));
    }

    [Test]
    public void Allocation_is_bounded()
    {
        Network network = new Sequential(300).Dense<EmbeddedBackprop.Activations.Tanh>(200).Dense<EmbeddedBackprop.Activations.Tanh>(10)
            .Compile<EmbeddedBackprop.Losses.Quadratic>(ModelNets.Options());
        byte[] bytes = ModelFile.ToArray(network);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelFile.Parse(bytes, "m").LoadWeights(network);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before + bytes.Length, Is.LessThanOrEqualTo((4L * bytes.Length) + 65536));
    }

    private static readonly byte[][] s_words =
    [
        .. new[]
        {
            "0", "-1", "99999", "1e9", "NaN", ";", "=", "\\\"", "x", " ", "relu", "softmax", "input", "dense", "again", "activate", "adam", "cosine",
            "true",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    private static void Mutate(int count, Action<byte[]> use)
    {
        byte[] file = ModelNets.Saved(extra: new Dictionary<string, string> { ["data"] = "digits" });
        int header = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        int metadata = file.AsSpan(8, header).IndexOf("\"sha256.data"u8);
        Random random = new(Seed);
        for (int i = 0; i < count; i++)
        {
            byte[] mutant = [.. file];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                // Most in the strings of the metadata, a few in names, shapes and numbers.
                int at = 8 + random.Next(random.Next(8) == 0 ? mutant.Length - 8 : metadata);
                Change(random, mutant, at);
            }

            if (random.Next(8) != 0)
            {
                SafetensorsBytes.Seal(mutant);
            }

            use(mutant);
        }
    }

    private static void Change(Random random, byte[] file, int at)
    {
        switch (random.Next(4))
        {
            case 0:
                file[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                file[at] = (byte)random.Next(32, 127);
                break;
            case 2:
                int digit = file.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
                file[at + Math.Max(digit, 0)] = (byte)('0' + random.Next(10));
                break;
            default:
                byte[] word = s_words[random.Next(s_words.Length)];
                word.AsSpan(0, Math.Min(word.Length, file.Length - at)).CopyTo(file.AsSpan(at));
                break;
        }
    }

    private void Try(byte[] bytes, bool build)
    {
        try
        {
            ModelFile file = ModelFile.Parse(bytes, "mutant");
            if (build)
            {
                // The batch is the one number that asks for memory without bytes to show for it; its limit has a test of its own.
                Network network = file.ToNetwork(batch: 1);
                if (file.State is not null)
                {
                    _ = file.ToTrainerOptions();
                }

                _ = network.Predict(new float[network.Input.Shape.Length]);
            }

            accepted++;
        }
        catch (DataFormatException)
        {
            refused++;
        }
        catch (Exception error)
        {
            if (wrong++ < 3)
            {
                TestContext.Out.WriteLine(error);
            }
        }
    }
}
