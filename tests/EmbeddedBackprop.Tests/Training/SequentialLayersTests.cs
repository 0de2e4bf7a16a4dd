using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Nets of several kinds of layers, written layer by layer.</summary>
internal sealed class SequentialLayersTests
{
    [Test]
    public void An_image_net_has_the_shapes_that_its_layers_give() =>
        Shapes(
            new Sequential(new Shape(2, 12, 10))
                .MaxPool2D(2)
                .BatchNorm()
                .AveragePool2D(3, 1, 1, countIncludePad: true)
                .Dropout(0.25f)
                .LayerNorm(wholeSample: true)
                .Flatten()
                .Dense<Relu>(7)
                .Reshape(new Shape(1, 7))
                .MaxPool1D(2)
                .AveragePool1D(3)
                .GlobalAveragePool(),
            "2x12x10 2x6x5 2x6x5 2x6x5 2x6x5 2x6x5 60 7 1x7 1x3 1x1 1");

    [Test]
    public void A_sequence_net_has_the_shapes_that_its_layers_give() => Shapes(
        new Sequential(6).Embedding(9, 4).Transpose().GlobalMaxPool().Reshape(new Shape(2, 2)).MeanOverTime().Reshape(new Shape(2, 1)).MaxOverTime(),
        "6 6x4 4x6 4 2x2 2 2x1 1");

    [Test]
    public void A_signal_net_has_the_shapes_that_its_layers_give() => Shapes(
        new Sequential(400).PreEmphasis().Frames(64, 32).Window().Spectrum().Power().Mel(5, 8000).Log().Dct(3),
        "400 400 11x64 11x64 11x66 11x33 11x5 11x5 11x3");

    [Test]
    public void Layers_with_an_activation_are_those_of_the_text()
    {
        Network network = new Sequential(new Shape(2, 9, 9)).Conv2D<Relu>(3, 3, new ConvOptions { Stride = 2 })
            .ConvTranspose2D<Tanh>(2, 3).Activate<Sigmoid>().Scale(0.5f).Reshape(new Shape(2, 36)).Conv1D<Elu>(4, 5).Compile(new NetworkOptions());
        Assert.That(
            NetText.Format(network),
            Does.EndWith("input 2x9x9; conv 3 3x3 s2 relu; conv-transpose 2 3x3 tanh; activate sigmoid; scale 0.5; reshape 2x36; conv1d 4 5 elu"));
    }

    [Test]
    public void It_trains()
    {
        Network network = new Sequential(new Shape(1, 4, 4)).MaxPool2D(2).BatchNorm().Flatten().Dense<Sigmoid>(1)
            .Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = 3 });
        Assert.That(network.Output.Shape, Is.EqualTo(new Shape(1)));
        Assert.That(network.State.Length, Is.GreaterThan(0));
    }

    private static void Shapes(Sequential net, string expected)
    {
        _ = net.Compile(new NetworkOptions { Batch = 2 });
        Assert.That(string.Join(' ', net.Graph.Nodes.Select(node => node.Shape)), Is.EqualTo(expected));
    }
}
