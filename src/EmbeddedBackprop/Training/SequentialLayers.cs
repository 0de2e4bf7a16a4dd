using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The layers of a <see cref="Sequential"/> by name, as in <c>new Sequential(new Shape(1, 28, 28)).Conv2D&lt;Relu&gt;(8, 5).MaxPool2D(2).Dense(10,
/// new Softmax())</c>. A layer refuses an input of another form than its own with an <see cref="ArgumentException"/> that names both.
/// </summary>
public static class SequentialLayers
{
    /// <summary>Adds a <see cref="Ops.Conv2D"/> with a square kernel and an element-wise activation.</summary>
    public static Sequential Conv2D<TFunction>(this Sequential net, int filters, int kernel, ConvOptions? options = null)
        where TFunction : struct, IActivationFunction => Then(net, new Conv2D(filters, kernel, kernel, new Activation<TFunction>(), options));

    /// <summary>Adds a <see cref="Ops.Conv1D"/> with an element-wise activation.</summary>
    public static Sequential Conv1D<TFunction>(this Sequential net, int filters, int kernel, ConvOptions? options = null)
        where TFunction : struct, IActivationFunction => Then(net, new Conv1D(filters, kernel, new Activation<TFunction>(), options));

    /// <summary>Adds a <see cref="Ops.ConvTranspose2D"/> with a square kernel and an element-wise activation.</summary>
    public static Sequential ConvTranspose2D<TFunction>(this Sequential net, int filters, int kernel, ConvOptions? options = null)
        where TFunction : struct, IActivationFunction =>
        Then(net, new ConvTranspose2D(filters, kernel, kernel, new Activation<TFunction>(), options));

    /// <summary>
    /// Adds a <see cref="Ops.Rnn"/>: [steps, features] to [hidden], or to [steps, hidden] with <see cref="RecurrentOptions.AllSteps"/>.
    /// </summary>
    public static Sequential Rnn(this Sequential net, int hidden, RecurrentOptions? options = null) => Then(net, new Rnn(hidden, options: options));

    /// <summary>
    /// Adds a <see cref="Ops.Gru"/>: [steps, features] to [hidden], or to [steps, hidden] with <see cref="RecurrentOptions.AllSteps"/>.
    /// </summary>
    public static Sequential Gru(this Sequential net, int hidden, RecurrentOptions? options = null) => Then(net, new Gru(hidden, options));

    /// <summary>
    /// Adds an <see cref="Ops.Lstm"/>: [steps, features] to [hidden], or to [steps, hidden] with <see cref="RecurrentOptions.AllSteps"/>.
    /// </summary>
    public static Sequential Lstm(this Sequential net, int hidden, RecurrentOptions? options = null) => Then(net, new Lstm(hidden, options));

    /// <summary>Adds an <see cref="Ops.Activate"/>: an element-wise activation by itself.</summary>
    public static Sequential Activate<TFunction>(this Sequential net) where TFunction : struct, IActivationFunction =>
        Then(net, new Activate(new Activation<TFunction>()));

    /// <summary>Adds a <see cref="Ops.Scale"/>.</summary>
    public static Sequential Scale(this Sequential net, float factor, bool trained = false) => Then(net, new Scale(factor, trained));

    /// <summary>Adds a <see cref="Ops.MaxPool2D"/>; the stride is the window unless given.</summary>
    public static Sequential MaxPool2D(this Sequential net, int window, int stride = 0, int padding = 0) =>
        Then(net, new MaxPool2D(window, stride, padding));

    /// <summary>Adds a <see cref="Ops.AveragePool2D"/>; the stride is the window unless given.</summary>
    public static Sequential AveragePool2D(this Sequential net, int window, int stride = 0, int padding = 0, bool countIncludePad = false) =>
        Then(net, new AveragePool2D(window, stride, padding) { CountIncludePad = countIncludePad });

    /// <summary>Adds a <see cref="Ops.MaxPool1D"/>; the stride is the window unless given.</summary>
    public static Sequential MaxPool1D(this Sequential net, int window, int stride = 0, int padding = 0) =>
        Then(net, new MaxPool1D(window, stride, padding));

    /// <summary>Adds an <see cref="Ops.AveragePool1D"/>; the stride is the window unless given.</summary>
    public static Sequential AveragePool1D(this Sequential net, int window, int stride = 0, int padding = 0, bool countIncludePad = false) =>
        Then(net, new AveragePool1D(window, stride, padding) { CountIncludePad = countIncludePad });

    /// <summary>Adds a <see cref="Ops.GlobalAveragePool"/>: one float a channel.</summary>
    public static Sequential GlobalAveragePool(this Sequential net) => Then(net, new GlobalAveragePool());

    /// <summary>Adds a <see cref="Ops.GlobalMaxPool"/>: one float a channel.</summary>
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

    /// <summary>Adds <see cref="Ops.Frames"/>: a signal becomes [frames, length].</summary>
    public static Sequential Frames(this Sequential net, int length, int hop) => Then(net, new Frames(length, hop));

    /// <summary>Adds a <see cref="Ops.PreEmphasis"/>.</summary>
    public static Sequential PreEmphasis(this Sequential net, float factor = 0.97f) => Then(net, new PreEmphasis(factor));

    /// <summary>Adds a <see cref="Ops.Window"/> over every frame.</summary>
    public static Sequential Window(this Sequential net, WindowFunction function = WindowFunction.Hann, bool symmetric = false) =>
        Then(net, new Window(function, symmetric));

    /// <summary>Adds the Fourier transform of every frame: a <see cref="Ops.Spectrum"/>.</summary>
    public static Sequential Spectrum(this Sequential net, int n = 0) => Then(net, new Spectrum(n));

    /// <summary>Adds the <see cref="Ops.Magnitude"/> of every frequency.</summary>
    public static Sequential Magnitude(this Sequential net) => Then(net, new Magnitude());

    /// <summary>Adds the <see cref="Ops.Power"/> of every frequency.</summary>
    public static Sequential Power(this Sequential net) => Then(net, new Power());

    /// <summary>Adds <see cref="Ops.Mel"/> bands of powers or magnitudes.</summary>
    public static Sequential Mel(this Sequential net, int bands, float rate, MelScale scale = MelScale.Htk, float from = 0, float to = 0) =>
        Then(net, new Mel(bands, rate, scale, from, to));

    /// <summary>Adds the <see cref="Ops.Log"/> of powers or magnitudes.</summary>
    public static Sequential Log(this Sequential net, float floor = 1e-6f) => Then(net, new Log(floor));

    /// <summary>Adds a <see cref="Ops.Dct"/>.</summary>
    public static Sequential Dct(this Sequential net, int count) => Then(net, new Dct(count));

    private static Sequential Then(Sequential net, Op op)
    {
        ArgumentNullException.ThrowIfNull(net);
        return net.Apply(op);
    }
}
