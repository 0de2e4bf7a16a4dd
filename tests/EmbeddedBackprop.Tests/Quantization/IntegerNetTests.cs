using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>Nets of one op of each kind: what quantising makes of the op, and that a prediction in integers allocates nothing.</summary>
internal sealed class IntegerNetTests
{
    private const string Computes = "computes", Moves = "moves", Floats = "floats";

    private static readonly Dictionary<string, (string Net, string Form)> Kinds = new()
    {
        ["dense"] = ("input 4; dense 3", Computes),
        ["conv"] = ("input 2x6x6; conv 3 3x3", Computes),
        ["conv1d"] = ("input 2x8; conv1d 3 3", Computes),
        ["conv-transpose"] = ("input 2x4x4; conv-transpose 3 3x3", Computes),
        ["activate"] = ("input 4; activate gelu", Computes),
        ["rnn"] = ("input 5x3; rnn 4", Computes),
        ["gru"] = ("input 5x3; gru 4 all", Computes),
        ["lstm"] = ("input 5x3; lstm 4 bidirectional", Computes),
        ["maxpool"] = ("input 2x6x6; maxpool 2", Moves),
        ["avgpool"] = ("input 2x6x6; avgpool 3 s2 p1", Computes),
        ["maxpool1d"] = ("input 2x6; maxpool1d 2", Moves),
        ["avgpool1d"] = ("input 2x6; avgpool1d 2", Computes),
        ["global-avgpool"] = ("input 2x6x6; global-avgpool", Computes),
        ["global-maxpool"] = ("input 2x6x6; global-maxpool", Moves),
        ["batchnorm"] = ("input 2x6x6; batchnorm", Computes),
        ["layernorm"] = ("input 6; layernorm", Floats),
        ["dropout"] = ("input 6; dropout 0.5", Moves),
        ["embedding"] = ("input 6; embedding 9 3", Computes),
        ["add"] = ("input 6; add gelu input input", Computes),
        ["multiply"] = ("input 6; multiply input input", Computes),
        ["subtract"] = ("input 6; subtract input input", Computes),
        ["concat"] = ("input 6; concat input input", Moves),
        ["scale"] = ("input 6; scale -0.7 trained", Computes),
        ["slice"] = ("input 6; slice 2 3", Moves),
        ["reshape"] = ("input 6; reshape 2x3", Moves),
        ["flatten"] = ("input 2x3; flatten", Moves),
        ["transpose"] = ("input 2x3; transpose", Moves),
        ["softmax"] = ("input 2x3; softmax", Computes),
        ["max-time"] = ("input 5x3; max-time", Moves),
        ["mean-time"] = ("input 5x3; mean-time", Computes),
        ["frames"] = ("input 12; frames 4 hop 2", Floats),
        ["preemphasis"] = ("input 12; preemphasis 0.97", Floats),
        ["window"] = ("input 2x6; window hann", Floats),
        ["rfft"] = ("input 2x8; rfft", Floats),
        ["magnitude"] = ("input 2x10; magnitude", Floats),
        ["power"] = ("input 2x10; power", Floats),
        ["mel"] = ("input 2x33; mel 3 rate8000", Floats),
        ["bands"] = ("input 2x33; bands 0 1000 4000 rate8000", Floats),
        ["goertzel"] = ("input 12; goertzel 440 rate8000", Floats),
        ["biquad"] = ("input 12; biquad 0.2 0.4 0.2 -0.5 0.3", Floats),
        ["decimate"] = ("input 40; decimate 2 taps5", Floats),
        ["statistics"] = ("input 2x9; statistics mean rms", Floats),
        ["log"] = ("input 6; log", Floats),
        ["dct"] = ("input 2x6; dct 3", Floats),
        ["keep"] = ("input 5x3; keep 2", Moves),
        ["begun"] = ("input 5x3; begun 2", Floats),
    };

    [Test]
    public void Every_kind_has_a_net() =>
        Assert.That(Kinds.Keys.Order(), Is.EqualTo(NetKinds.Usages.Select(usage => usage.Split(' ')[0]).Order()), "the library's own kinds");

    [Test]
    public void An_op_computes_on_integers_or_moves_them_or_stays_float([ValueSource(nameof(Names))] string kind)
    {
        (string text, string form) = Kinds[kind];
        using Network network = QuantizationNets.Compile(text, 1);
        Op op = network.Output.Op!;
        QuantizeContext context = new([.. network.Output.Inputs.Select(_ => new IntegerValue(8, op))], 8);
        Op? integers = op.Quantized(in context);
        Assert.That(op.KeepsIntegers ? Moves : integers is null ? Floats : Computes, Is.EqualTo(form));
        if (form == Computes)
        {
            // With the activation of the float op as its own, if it has one.
            Assert.That(integers, Is.InstanceOf<EmbeddedBackprop.Ops.Integer.IntegerOp>());
            Assert.That((integers!.Kind, integers.Settings), Is.EqualTo((op.Kind, op.Settings)), "reports name it as the float op");
        }
    }

    // All of them behind a layer, one sample and several. An embedding reads indices, which no layer gives.
    [Test]
    public void A_prediction_allocates_nothing([ValueSource(nameof(NamesAfterALayer))] string kind)
    {
        string text = Kinds[kind].Net;
        string[] words = text.Split("; ");
        string shape = words[0].Split(' ')[1];
        int length = shape.Split('x').Aggregate(1, (x, y) => x * int.Parse(y));
        string last = words[1].Replace("input", "x", StringComparison.Ordinal);
        Network network = QuantizationNets.Compile($"input 5; dense {length} relu; x = reshape {shape}; {last}", 1);
        using QuantizedModel model = Quantizer.Quantize(network, QuantizationNets.Data(network, 20, 1));
        Samples.Array(model.Network.PredictionInput(4).Length, 3).CopyTo(model.Network.PredictionInput(4));
        Assert.That(Allocations.Of(3, () => _ = model.Network.Predict(1)), Is.Zero);
        Assert.That(Allocations.Of(3, () => _ = model.Network.Predict(4)), Is.Zero);
    }

    private static string[] Names() => [.. Kinds.Keys];

    private static string[] NamesAfterALayer() => [.. Kinds.Keys.Where(kind => kind != "embedding")];
}
