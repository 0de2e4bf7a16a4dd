using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The README's C# is the body of these tests, word for word.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed partial class ReadmeTests
{
    [Test]
    public void FirstNetwork()
    {
        // <FirstNetwork>
        ByteDataset train = DigitsGenerator.Create(10_000, seed: 1), test = DigitsGenerator.Create(2_000, seed: 1, first: 10_000);
        Network network = new Sequential(784).Dense<Relu>(64).Dense(10, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Initializer = new He(), Seed = 1 });
        Trainer trainer = new(network, train, new TrainerOptions { Epochs = 5, LearningRate = 0.1f });
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
            Console.WriteLine($"{trainer.Evaluate(test).Accuracy:P1}");
        }

        // </FirstNetwork>
        Assert.That(trainer.Evaluate(test).Accuracy, Is.GreaterThan(0.95));
    }

    [Test]
    public void OwnActivation()
    {
        Network network = new Sequential(6).Dense<Cube>(4).Compile<Quadratic>(new NetworkOptions { Batch = 3, Seed = 1 });
        FloatDataset data = FloatDataset.Regression(Samples.Array(18, 1), 6, Samples.Array(12, 2), 4);
        Assert.That(GradientCheck.Run(network, data).Passed, Is.True);
    }

    [TestCase("FirstNetwork")]
    [TestCase("OwnActivation")]
    public void The_readme_shows_the_code_that_is_tested(string name)
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        string shown = Block(readme, $@"<!-- test: {name} -->\s*```csharp\n(?:using [\w.]+;\n)*(.*?)```");
        string tested = Block(File.ReadAllText(ThisFile()), $@"// <{name}>\n(.*?)// </{name}>");
        Assert.That(Words(shown), Is.EqualTo(Words(tested)));
        Assert.That(Words(shown), Is.Not.Empty);
    }

    [Test]
    public void The_readmes_code_compiles_and_runs_as_pasted()
    {
        IReadOnlyList<SamplePage.Sample> samples = new SamplePage(Pages.Read("README.md")).Samples;
        Assert.That(samples, Has.Count.EqualTo(2));
        DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-readme-");
        try
        {
            Assert.That(SampleProgram.Compile(folder.FullName, "first", library: false, samples[0].Code), Is.Empty);
            string[] accuracies = SampleProgram.Run(folder.FullName, "first").Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.That(accuracies, Has.Length.EqualTo(5));
            Assert.That(accuracies[^1], Does.Match(@"^9[5-9]\.\d ?%"));

            // Types alone; in one program with the network, too.
            Assert.That(SampleProgram.Compile(folder.FullName, "cube", library: true, samples[1].Code), Is.Empty);
            Assert.That(SampleProgram.Compile(folder.FullName, "both", library: false, samples[0].Code, samples[1].Code), Is.Empty);

            string without = string.Join('\n', samples[0].Code.Split('\n').Where(line => !line.StartsWith("using ", StringComparison.Ordinal)));
            Assert.That(SampleProgram.Compile(folder.FullName, "without", library: false, without), Is.Not.Empty, "the control");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string ThisFile() =>
        Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Documentation", "ReadmeTests.cs");

    private static string Block(string text, string pattern) => Regex.Match(text, pattern, RegexOptions.Singleline).Groups[1].Value;

    private static string Words(string text) => Whitespace().Replace(text, " ").Trim();

    // <OwnActivation>
    internal readonly struct Cube : IActivationFunction
    {
        public static string Name => "cube";
        public static bool DerivativeReadsInput => true;
        public static T Value<T>(T z) where T : struct, ILanes<T> => z * z * z;
        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.Constant(3) * (z * z);
    }

    // </OwnActivation>
    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
