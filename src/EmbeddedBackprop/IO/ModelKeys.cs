namespace EmbeddedBackprop.IO;

/// <summary>The names of a model file's metadata strings.</summary>
internal static class ModelKeys
{
    /// <summary>Tells a model file from other safetensors files; its value is <see cref="ModelFormat"/>.</summary>
    public const string Model = "model";

    /// <summary>The format's name and version: a reader refuses any other.</summary>
    public const string ModelFormat = "EmbeddedBackprop 1";

    /// <summary>The format of quantised models, which engines of before refuse.</summary>
    public const string QuantizedFormat = "EmbeddedBackprop 2";

    /// <summary>How the float net of <see cref="Net"/> became integers; only in <see cref="QuantizedFormat"/>.</summary>
    public const string Quantization = "quantization";

    /// <summary>
    /// The type of a quantised model's weights: <see cref="IntegerWeights"/> where the model is deployed, <see cref="FloatWeights"/> where it trains
    /// on.
    /// </summary>
    public const string Weights = "weights";

    public const string IntegerWeights = "int8";

    public const string FloatWeights = "float32";

    public const string Net = "net";
    public const string Loss = "loss";
    /// <summary>Label smoothing and class weights; absent where there are none.</summary>
    public const string LossSettings = "loss.settings";

    public const string Target = "target";

    /// <summary>The node that the loss reads, where it is not the output.</summary>
    public const string Judged = "judged";

    /// <summary>The names of several outputs.</summary>
    public const string Outputs = "outputs";

    /// <summary>Several losses: kind, judged node, target, weight.</summary>
    public const string Losses = "losses";

    /// <summary>
    /// Every node of a network of several outputs or losses, as a net's text: <see cref="Net"/> holds only the nodes that the first output
    /// depends on. With it come <see cref="Inputs"/>, <see cref="Predicted"/>, <see cref="Minimised"/> and a <see cref="GraphLoss"/> for
    /// every loss.
    /// </summary>
    public const string Graph = "graph";

    /// <summary>The names of the inputs that samples are dealt out to.</summary>
    public const string Inputs = "graph.inputs";

    /// <summary>The names of the outputs.</summary>
    public const string Predicted = "graph.outputs";

    /// <summary>The names of the losses whose sum is minimised, in its order.</summary>
    public const string Minimised = "graph.minimised";

    /// <summary>Before the index of a loss in <see cref="Graph"/>: its kind and its settings.</summary>
    public const string GraphLoss = "graph.loss.";

    public const string Arithmetic = "arithmetic";
    public const string Batch = "batch";
    public const string Seed = "seed";
    public const string Initializer = "initializer";
    public const string Optimizer = "optimizer";
    public const string OptimizerState = "optimizer.state";
    public const string Regularization = "regularization";
    public const string Clipping = "clipping";

    /// <summary>Names of layers that are not trained, one a line; absent where all are.</summary>
    public const string Frozen = "frozen";
    public const string Step = "step";

    public const string Training = "training";
    public const string Schedule = "schedule";
    public const string Samples = "samples";
    public const string Epochs = "epochs";
    public const string State = "state";

    /// <summary>Before the names of the caller's own strings.</summary>
    public const string ExtraPrefix = "extra.";
}
