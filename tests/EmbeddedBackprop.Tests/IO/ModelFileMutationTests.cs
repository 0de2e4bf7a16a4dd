using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A damaged file is refused, and reading allocates little; <see cref="LoaderTests"/> has the mutants.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ModelFileMutationTests
{
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
            Try(file);
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

            Try(mutant);
        }

        Assert.That((accepted, refused, wrong), Is.EqualTo((0, file.Length, 0)));
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

    private void Try(byte[] bytes)
    {
        try
        {
            _ = ModelFile.Parse(bytes, "mutant");
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
