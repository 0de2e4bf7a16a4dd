using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.Ebp;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The README's first command gives what README shows: the accuracy, the hash of the weights, the files, and C that reads digits.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed partial class ReadmeCommandTests
{
    private static readonly string Readme = Pages.Read("README.md");
    private readonly EbpProcess ebp = new();
    private string output = "";

    [OneTimeSetUp]
    public void Train()
    {
        EbpProcess.Result result = ebp.Run("train");
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        output = result.Output + result.Errors;
    }

    [OneTimeTearDown]
    public void Delete() => ebp.Dispose();

    [Test]
    public void The_readme_shows_accuracy_hash_and_files_of_the_default_training()
    {
        // The lines without times, which differ from run to run.
        string[] shown = [.. Readme.Split('\n').Where(line => Steady().IsMatch(line))];
        Assert.That(shown, Has.Length.EqualTo(3));
        Assert.That(shown.Where(line => !Says(line)), Is.Empty, output);
        Assert.That(
            Says(shown.Single(line => line.StartsWith("weights ", StringComparison.Ordinal)).Replace('8', '9')),
            Is.False,
            "the control: another hash");
    }

    [Test]
    public void The_readmes_c_reads_digits_as_the_engine_does()
    {
        const int Digits = 200;
        string gcc = Tools.Require("gcc", "gcc"), files = Path.Combine(ebp.Folder, "ebp-out");
        string block = Regex.Match(Readme, @"<!-- test: ReadDigit -->\s*```c\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.That(block, Is.Not.Empty);
        File.WriteAllText(Path.Combine(files, "read.c"), block + """

            #include <stdio.h>

            int main(void)
            {
                static float pixels[MODEL_INPUTS];
                while (fread(pixels, sizeof *pixels, MODEL_INPUTS, stdin) == MODEL_INPUTS) {
                    printf("%d\n", read_digit(pixels));
                }
                return 0;
            }

            """);
        Tools.RunChecked(files, gcc, [.. CBuild.Strict, "-O2", "read.c", "model.c", "model_weights.c", "-o", "read"]);

        // Digits that follow those of the training and of the test.
        ByteDataset data = DigitsGenerator.Create(Digits, seed: 1, first: 50_000);
        float[] pixels = new float[Digits * data.InputLength], targets = new float[Digits * data.TargetLength];
        data.Gather([.. Enumerable.Range(0, Digits)], pixels, data.InputLength, targets, data.TargetLength);
        File.WriteAllBytes(Path.Combine(files, "in.bin"), MemoryMarshal.AsBytes(pixels.AsSpan()).ToArray());
        string[] read = Tools.RunChecked(files, "/bin/sh", "-c", "./read < in.bin").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Network network = ModelFile.Open(Path.Combine(files, "model.safetensors")).ToNetwork(best: true);
        string[] expected =
        [
            .. Enumerable
                .Range(0, Digits)
                .Select(i =>
                    TensorPrimitives
                        .IndexOfMax(network.Predict(pixels.AsSpan(i * data.InputLength, data.InputLength)))
                        .ToString(CultureInfo.InvariantCulture)),
        ];
        Assert.That(read, Is.EqualTo(expected));
        Assert.That(Enumerable.Range(0, Digits).Count(i => expected[i] == data.Label(i).ToString(CultureInfo.InvariantCulture)), Is.GreaterThan(180));
    }

    [Test]
    public void Every_accuracy_of_the_readme_is_among_the_results()
    {
        string results = Pages.Read("docs/results.md");
        string[] shown =
        [
            .. Accuracy()
                .Matches(Readme[Readme.IndexOf("## Results", StringComparison.Ordinal)..Readme.IndexOf("## Speed", StringComparison.Ordinal)])
                .Select(match => match.Value),
        ];
        Assert.That(shown, Has.Length.GreaterThanOrEqualTo(5));
        Assert.That(shown.Where(figure => !results.Contains(figure, StringComparison.Ordinal)), Is.Empty);
        Assert.That(results, Does.Not.Contain("98.49 %"), "the control: a figure that nothing printed");
    }

    private bool Says(string line) => output.Split('\n').Select(said => said.TrimEnd()).Contains(line.TrimEnd());

    [GeneratedRegex(@"^(test accuracy|weights|written:) ")]
    private static partial Regex Steady();

    [GeneratedRegex(@"\d+\.\d\d %")]
    private static partial Regex Accuracy();
}
