using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The layers of a <see cref="Sequential"/> by name, as in <c>new Sequential(new Shape(1, 28, 28)).MaxPool2D(2).Flatten().Dense&lt;Softmax&gt;(10)</c>. A layer
/// refuses an input of another form than its own with an <see cref="ArgumentException"/> that names both.
/// </summary>
public static class SequentialLayers
{
    /// <summary>Adds a <see cref="Ops.MaxPool2D"/>; the stride is the window unless given.</summary>
    public static Sequential MaxPool2D(this Sequential net, int window, int stride = 0, int padding = 0) => Then(net, new MaxPool2D(window, stride, padding));

    /// <summary>Adds a <see cref="Ops.AveragePool2D"/>; the stride is the window unless given.</summary>
    public static Sequential AveragePool2D(this Sequential net, int window, int stride = 0, int padding = 0, bool countIncludePad = false) =>
        Then(net, new AveragePool2D(window, stride, padding) { CountIncludePad = countIncludePad });

    /// <summary>Adds a <see cref="Ops.MaxPool1D"/>; the stride is the window unless given.</summary>
    public static Sequential MaxPool1D(this Sequential net, int window, int stride = 0, int padding = 0) => Then(net, new MaxPool1D(window, stride, padding));

    /// <summary>Adds an <see cref="Ops.AveragePool1D"/>; the stride is the window unless given.</summary>
    public static Sequential AveragePool1D(this Sequential net, int window, int stride = 0, int padding = 0, bool countIncludePad = false) =>
        Then(net, new AveragePool1D(window, stride, padding) { CountIncludePad = countIncludePad });

    /// <summary>Adds a <see cref="Ops.GlobalAveragePool"/>: one number a channel.</summary>
    public static Sequential GlobalAveragePool(this Sequential net) => Then(net, new GlobalAveragePool());

    /// <summary>Adds a <see cref="Ops.GlobalMaxPool"/>: one number a channel.</summary>
    public static Sequential GlobalMaxPool(this Sequential net) => Then(net, new GlobalMaxPool());

    /// <summary>Adds a <see cref="Ops.BatchNorm"/>.</summary>
    public static Sequential BatchNorm(this Sequential net) => Then(net, new BatchNorm());

    /// <summary>Adds a <see cref="Ops.LayerNorm"/> over the last axis, or over the whole sample.</summary>
    public static Sequential LayerNorm(this Sequential net, bool wholeSample = false) => Then(net, new LayerNorm { WholeSample = wholeSample });

    /// <summary>Adds a <see cref="Ops.Dropout"/> with the given probability.</summary>
    public static Sequential Dropout(this Sequential net, float probability) => Then(net, new Dropout(probability));

    /// <summary>Adds an <see cref="Ops.Embedding"/> of count rows of the given size.</summary>
    public static Sequential Embedding(this Sequential net, int count, int size) => Then(net, new Embedding(count, size));

    /// <summary>Adds a <see cref="Ops.Reshape"/>.</summary>
    public static Sequential Reshape(this Sequential net, Shape shape) => Then(net, new Reshape(shape));

    /// <summary>Adds a <see cref="Ops.Flatten"/>.</summary>
    public static Sequential Flatten(this Sequential net) => Then(net, new Flatten());

    /// <summary>Adds a <see cref="SwapAxes"/>: [time, features] to [features, time], and back.</summary>
    public static Sequential Transpose(this Sequential net) => Then(net, new SwapAxes());

    /// <summary>Adds a <see cref="Ops.MeanOverTime"/>: [time, features] to [features].</summary>
    public static Sequential MeanOverTime(this Sequential net) => Then(net, new MeanOverTime());

    /// <summary>Adds a <see cref="Ops.MaxOverTime"/>: [time, features] to [features].</summary>
    public static Sequential MaxOverTime(this Sequential net) => Then(net, new MaxOverTime());

    private static Sequential Then(Sequential net, Op op)
    {
        ArgumentNullException.ThrowIfNull(net);
        return net.Apply(op);
    }
}
