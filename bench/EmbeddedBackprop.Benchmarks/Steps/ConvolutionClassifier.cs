using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>A small convolution net for 28x28: conv 8 5x5 relu; maxpool 2; conv 16 5x5 relu; maxpool 2; ten classes, SGD.</summary>
internal static class ConvolutionClassifier
{
    /// <summary>Compiles the net: for training with softmax and cross-entropy, or for predictions of one sample.</summary>
    public static Network Make(int batch, bool training, Execution execution = Execution.Vector)
    {
        Sequential net = new Sequential(new Shape(1, 28, 28))
            .Apply(new Conv2D(8, 5, 5, new Activation<Relu>())).Apply(new MaxPool2D(2))
            .Apply(new Conv2D(16, 5, 5, new Activation<Relu>())).Apply(new MaxPool2D(2))
            .Dense(10, new Softmax());
        NetworkOptions options = new() { Batch = batch, Seed = 1, Initializer = new Glorot(), Execution = execution };
        return training ? net.Compile(new SoftmaxCrossEntropy(), options) : net.Compile(options);
    }
}
