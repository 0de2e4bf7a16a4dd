namespace EmbeddedBackprop.IO;

/// <summary>The names of a model file's metadata strings.</summary>
internal static class ModelKeys
{
    /// <summary>Tells a model file from other safetensors files; its value is <see cref="ModelFormat"/>.</summary>
    public const string Model = "model";

    /// <summary>The format's name and version: a reader refuses any other.</summary>
    public const string ModelFormat = "EmbeddedBackprop 1";

    public const string Net = "net";
    public const string Loss = "loss";
    /// <summary>Label smoothing and class weights; absent where there are none.</summary>
    public const string LossSettings = "loss.settings";

    public const string Target = "target";

    /// <summary>The node that the loss reads, where it is not the output.</summary>
    public const string Judged = "judged";

    /// <summary>The names of several outputs.</summary>
    public const string Outputs = "outputs";

    /// <summary>Several losses: kind, what each judges and compares with, weight.</summary>
    public const string Losses = "losses";

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
