using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>docs/nets.md describes all that a net's text can contain, and nothing else.</summary>
public sealed class NetsTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "nets.md"));

    [Test]
    public void Every_kind_of_statement_is_in_the_table()
    {
        Assert.That(Shown(Lines), Is.EqualTo(NetKinds.Usages));
        Assert.That(
            Shown(Lines.Where(line => !line.StartsWith("| `gru ", StringComparison.Ordinal))),
            Is.Not.EqualTo(NetKinds.Usages),
            "the control: a kind that is left out");
    }

    private static string[] Shown(IEnumerable<string> lines) =>
        [
            .. lines
                .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
                .Select(line => line[3..line.IndexOf("` | ", StringComparison.Ordinal)].Replace("\\|", "|", StringComparison.Ordinal)),
        ];

    [Test]
    public void Every_activation_is_named() =>
        Assert.That(
            Lines.Single(line => line.StartsWith("Activations: ", StringComparison.Ordinal)),
            Is.EqualTo($"Activations: {string.Join(", ", Registry.ActivationNames)}."));

    [Test]
    public void The_example_is_a_net()
    {
        string example = Lines.Single(line => line.StartsWith("    ", StringComparison.Ordinal)).Trim();
        Assert.That(NetText.Build(example, Registry.Activation).Nodes[^1].Shape, Is.EqualTo(new Shape(10)));
    }

    [Test]
    public void The_text_and_the_code_build_the_same_net()
    {
        NetworkOptions options = new() { Batch = 3, Seed = 5 };
        Network code = new Sequential(new Shape(1, 12, 12))
            .Conv2D<Relu>(4, 3, new ConvOptions { Stride = 2 })
            .MaxPool2D(2)
            .Reshape(new Shape(4, 4))
            .Gru(6)
            .Dense(4, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), options);
        Network text = NetCompiler.Compile(
            "conv 4 3x3 s2 relu; maxpool 2; reshape 4x4; gru 6; dense 4 softmax",
            new SoftmaxCrossEntropy(),
            options,
            new Shape(1, 12, 12));
        Assert.That(NetText.Format(text), Is.EqualTo(NetText.Format(code)));
        Assert.That(text.Parameters.SequenceEqual(code.Parameters), Is.True);
        Assert.That(text.Parameters.IndexOfAnyExcept(0f), Is.Not.Negative);
    }
}
