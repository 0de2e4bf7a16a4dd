using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tests.Data;

[TestFixture]
public sealed class MnistFilesTests
{
    [Test]
    public void The_real_files_hold_what_their_description_says()
    {
        string folder = RealData.Path("mnist");
        ByteDataset training = MnistFiles.LoadTraining(folder);
        ByteDataset test = MnistFiles.LoadTest(folder);
        Check(training, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], 0.1307);
        Check(test, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9], 0.1325);
    }

    [TestCase("train-images-idx3-ubyte", "train-labels-idx1-ubyte", false)]
    [TestCase("train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz", true)]
    public void The_names_have_two_forms_and_may_be_compressed(string images, string labels, bool compressed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-mnist-");
        try
        {
            File.WriteAllBytes(Path.Combine(folder.FullName, images), IdxReaderTests.File(new byte[18], false, 2, 3, 3));
            File.WriteAllBytes(Path.Combine(folder.FullName, labels), IdxReaderTests.File([4, 9], compressed, 2));
            ByteDataset data = MnistFiles.LoadTraining(folder.FullName);
            Assert.That((data.Count, data.InputLength, data.Label(1)), Is.EqualTo((2, 9, 9)));
            FileNotFoundException e = Assert.Throws<FileNotFoundException>(() => MnistFiles.LoadTest(folder.FullName))!;
            Assert.That(e.Message, Does.Contain("t10k-images-idx3-ubyte").And.Contain("LeCun").And.Contain("CC BY-SA"));
            Assert.That(e.FileName, Does.EndWith("t10k-images-idx3-ubyte"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void A_missing_folder_is_named() =>
        Assert.That(
            () => MnistFiles.LoadTraining("no-such-folder"),
            Throws.TypeOf<FileNotFoundException>().With.Message.Contains("the folder 'no-such-folder' does not exist"));

    private static void Check(ByteDataset data, int[] counts, int[] first, double mean)
    {
        int[] seen = new int[10];
        foreach (byte label in data.Labels)
        {
            seen[label]++;
        }

        Assert.That(seen, Is.EqualTo(counts));
        Assert.That(Enumerable.Range(0, 10).Select(data.Label), Is.EqualTo(first));
        long sum = 0;
        foreach (byte pixel in data.Inputs)
        {
            sum += pixel;
        }

        Assert.That(sum / 255.0 / data.Inputs.Length, Is.EqualTo(mean).Within(0.00005));
    }
}
