using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

public sealed class NetTextTests
{
    [Test]
    public void A_last_softmax_of_a_vector_is_the_outputs_activation()
    {
        // Its loss then works on the logits, as after "dense 10 softmax"; in the middle, and over the rows of a sequence, it is the op.
        Assert.That(NetText.Format(NetText.Build("input 4; dense 3; softmax", Registry.Activation).Nodes[^1]), Does.EndWith("activate softmax"));
        Assert.That(NetText.Build("input 4; softmax; dense 3", Registry.Activation).Nodes[1].Op!.Kind, Is.EqualTo("softmax"));
        Assert.That(NetText.Build("input 4x3; softmax", Registry.Activation).Nodes[^1].Op!.Kind, Is.EqualTo("softmax"));
    }

    [TestCase("input 784; dense 30 sigmoid; dense 10 softmax")]
    [TestCase("input 1x28x28; dense 10")]
    [TestCase("input 3; activate relu")]
    [TestCase("x = input 4; first = dense 8 tanh; dense 2 relu first", "x = input 4; first = dense 8 tanh; dense 2 relu")]
    [TestCase("input 4; dense 4 tanh; again dense1; again dense1; dense 1 leaky-relu")]
    [TestCase(
        "\"a b\" = input 4; \"\\\"\\\\;\" = dense 4 tanh; dense 4 identity \"\\\"\\\\;\"",
        "\"a b\" = input 4; \"\\\"\\\\;\" = dense 4 tanh; dense 4")]
    [TestCase("input 7x3; gru 5; dense 2")]
    [TestCase(
        "input 1x28x28; conv 8 5x5 relu; maxpool 2; batchnorm; conv 16 3x5 s2x1 p1x0 d2x1 g2; avgpool 3x2 s1 p1 count-include-pad; dropout 0.25; global-avgpool; dense 10 softmax"
    )]
    [TestCase("input 2x9; conv1d 4 3 causal d2 tanh; maxpool1d 3 s2 p1; avgpool1d 2; layernorm all epsilon0.001; transpose; mean-time; dense 1")]
    [TestCase("input 4x3; mask = input 4; max-time input mask; reshape 3x1x1; conv-transpose 2 3x3 s2 p1 o1; global-maxpool; softmax; dense 2")]
    [TestCase(
        "input 6; embedding 11 4; layernorm; batchnorm momentum0.2 epsilon0.01; flatten; dense 3 identity",
        "input 6; embedding 11 4; layernorm; batchnorm momentum0.2 epsilon0.01; flatten; dense 3")]
    [TestCase(
        "x1 = input 5; x2 = input 7; a = dense 6 tanh x1; b = dense 6 relu x2; c = concat a b; s1 = slice 0 6; s2 = slice 6 6 c; multiply \"s1\" \"s2\"; add relu multiply1 \"s1\"; subtract add1 \"s2\"; scale 0.5 trained; dense 3"
    )]
    [TestCase("x1 = input 5; a = dense 5; add identity a x1; scale 2; dense 3")]
    [TestCase("input 5; dense 5 relu; add input; dense 3", "input 5; dense 5 relu; add identity dense1 input; dense 3")]
    [TestCase("x = input 7x3; mask = input 7; rnn 5 all bidirectional truncate3 relu x mask; lstm 4; dense 2 sigmoid")]
    [TestCase("input 1x3; lstm 5 carry all; gru 4 carry; dense 2", "input 1x3; lstm 5 all carry; gru 4 carry; dense 2")]
    [TestCase("input 7x3; relu = gru 4 all; rnn 5 input; dense 2", "nothing reads relu")]
    [TestCase("input 7x3; all = gru 4 all; rnn 5 \"all\"; again rnn1 all; dense 2", "nothing reads rnn1")]
    [TestCase(
        "input 400; preemphasis 0.97; frames 64 hop 32; window hamming symmetric; rfft n128; magnitude; mel 5 rate8000 slaney from100 to3900; log; dct 3; flatten; dense 2"
    )]
    [TestCase("input 400; frames 64 hop 32; window hann; rfft; power; bands 0 500.5 4000 rate8000; log floor0.001; flatten; dense 2")]
    [TestCase("input 1x400; decimate 2 taps9; biquad 0.2 0.4 0.2 -0.5 0.3; frames 64 hop 32; goertzel 440 1000.5 rate4000; dense 2")]
    [TestCase("input 8x64; statistics mean rms deviation skewness kurtosis zero-crossings crest peak; dense 2")]
    [TestCase(
        "input 64; \"rate8000\" = dense 64; \"peak\" = dense 64; statistics peak rms \"peak\"; dense 2 \"rate8000\"",
        "nothing reads statistics1"
    )]
    [TestCase("input 3; scale 1e10; dense 2", "input 3; scale 1E+10; dense 2")]
    [TestCase("input 3; scale 1E+38 trained; \"a+b\" = dense 2; dense 1")]
    [TestCase(" input\t4 ;\n dense   2 identity ; ", "input 4; dense 2")]
    [TestCase("dense1 = input 4; dense 2", "dense1 = input 4; dense 2")]
    [TestCase("input = input 4; dense1 = dense 2 identity", "input 4; dense 2")]
    [TestCase("input 4; dense2 = dense 2; dense1 = dense 2", "input 4; dense2 = dense 2; dense 2")]
    [TestCase("input 4; relu = dense 2; dense 2 \"relu\"", "input 4; relu = dense 2; dense 2")]
    public void A_text_becomes_a_graph_and_the_graph_the_text(string text, string? expected = null)
    {
        if (expected?.StartsWith("nothing", StringComparison.Ordinal) == true)
        {
            Assert.That(() => NetText.Build(text, Registry.Activation), Throws.TypeOf<FormatException>().With.Message.Contains(expected));
            return;
        }

        Graph graph = NetText.Build(text, Registry.Activation);
        string again = NetText.Format(graph.Nodes[^1]);
        Assert.That(again, Is.EqualTo(expected ?? text));
        Assert.That(NetText.Format(NetText.Build(again, Registry.Activation).Nodes[^1]), Is.EqualTo(again));
    }

    [TestCase("dense 30 sigmoid; dense 10", "input 1x4; dense 30 sigmoid; dense 10")]
    [TestCase("a = dense 3 relu x; dense 2 a", "input 1x4; a = dense 3 relu; dense 2")]
    [TestCase("x = dense 3 relu x; dense 2 x", "input 1x4; x = dense 3 relu; dense 2")]
    [TestCase("x = input 7; dense 2", "x = input 7; dense 2")]
    [TestCase("s2 = dense 3; dense 2; dense 4 \"s2\"; again s2 input", null)]
    public void A_text_may_leave_out_its_input(string text, string? expected)
    {
        if (expected is null)
        {
            Assert.That(
                () => NetText.Build(text, Registry.Activation, new Shape(1, 4)),
                Throws.TypeOf<FormatException>().With.Message.Contains("nothing reads"));
            return;
        }

        Assert.That(NetText.Format(NetText.Build(text, Registry.Activation, new Shape(1, 4)).Nodes[^1]), Is.EqualTo(expected));
    }

    [TestCase("", 1, "expected a layer")]
    [TestCase("input 4;; dense 2", 9, "expected a layer")]
    [TestCase("dense 4", 1, "the first statement must be an input")]
    [TestCase("input", 1, "input: expected 1 to 1 words, got 0")]
    [TestCase("input 0", 7, "expected a size from 1")]
    [TestCase("input 4x", 7, "expected a size")]
    [TestCase("input 1x2x3x4", 7, "expected a size")]
    [TestCase("input 70000x70000", 7, "more than 2147483647 numbers")]
    [TestCase("input 4; dense 2x2 relu", 16, "expected a size from 1 to 2147483647, got '2x2'")]
    [TestCase("input 4; dense 30 sigmod", 19, "activation sigmod: there is none of this name; known are identity")]
    [TestCase("input 4; dens 30", 10, "unknown kind of layer 'dens'")]
    [TestCase("input 4; dense 30 relu tanh", 24, "there is no node 'tanh'")]
    [TestCase("input 4; dense 30 relu input input", 30, "dense: unexpected 'input'")]
    [TestCase("input 4; a = dense 3; b = dense 2 relu input", 14, "nothing reads a")]
    [TestCase("input 4; input 5", 10, "a second input needs a name")]
    [TestCase("input 4; input = dense 3", 18, "the graph has a node of this name already")]
    [TestCase("input 4; a = b = dense 3", 16, "'=' stands between")]
    [TestCase("input 4; a = ", 14, "expected a layer after '='")]
    [TestCase("input 4; \"a", 10, "the quote is not closed")]
    [TestCase("input 4; \"\\n\" = dense 3", 12, "a backslash")]
    [TestCase("input 4; \"\" = dense 3", 10, "a name cannot be empty")]
    [TestCase("input 4; \"dense\" 3", 10, "expected a kind of layer")]
    [TestCase("input 4; add", 10, "add: expected at least 1 nodes, got 0")]
    [TestCase("input 1x4x4; maxpool 0", 22, "expected a window")]
    [TestCase("input 1x4x4; maxpool 2 2", 24, "there is no node '2'")]
    [TestCase("input 1x4x4; conv 3", 14, "conv: expected a kernel")]
    [TestCase("input 1x4x4; conv 3 5x5", 14, "")]
    [TestCase("input 4; dropout 1.5", 10, "")]
    [TestCase("input 4; slice 3 2", 10, "")]
    [TestCase("input 4; reshape 3", 10, "")]
    [TestCase("input 4, dense 3", 8, "unexpected character ','")]
    [TestCase("input 4; again input", 16, "is an input and cannot be applied again")]
    [TestCase("input 4; dense 3; again dense1", 19, "expected 4 inputs, got 3")]
    public void A_wrong_text_is_refused_with_its_position(string text, int character, string message) =>
        Assert.That(
            () => NetText.Build(text, Registry.Activation),
            Throws.TypeOf<FormatException>().With.Message.StartsWith($"net, character {character}: ").And.Message.Contains(message));

    [Test]
    public void Too_many_statements_are_refused()
    {
        string text = "input 1" + string.Concat(Enumerable.Repeat("; dense 1", 1023));
        Assert.That(NetText.Build(text, Registry.Activation).Nodes, Has.Count.EqualTo(1024));
        Assert.That(
            () => NetText.Build(text + "; dense 1", Registry.Activation),
            Throws.TypeOf<FormatException>().With.Message.Contains("more than 1024"));
    }

    [Test]
    public void Texts_of_any_letters_give_a_graph_or_the_error()
    {
        string[] words =
        [
            "input", "dense", "again", "activate", "add", "slice", "maxpool", "conv", "gru", "scale", "reshape", "concat", "s2", "relu", "softmax",
            "4", "2", "1x2", ";", ";", "=", "\"", "\\", "a", "dense1", "x", " ", " ", "é",
        ];
        Random random = new(11);
        int graphs = 0;
        for (int i = 0; i < 50_000; i++)
        {
            string text =
                "input 4; "
                + string.Concat(
                    Enumerable.Range(0, random.Next(12)).Select(_ => words[random.Next(words.Length)] + (random.Next(3) == 0 ? "" : " ")));
            try
            {
                Graph graph = NetText.Build(text, Registry.Activation);
                graphs++;
                _ = NetText.Build(NetText.Format(graph.Nodes[^1]), Registry.Activation);
            }
            catch (FormatException)
            {
            }
        }

        Assert.That(graphs, Is.GreaterThan(50));
    }
}
