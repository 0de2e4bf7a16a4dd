namespace EmbeddedBackprop.Training;

/// <summary>How a network was looked at by <see cref="Diagnostics"/>.</summary>
public sealed record DiagnosticsOptions
{
    /// <summary>Samples that layers are judged by, taken at equal distances from the data; classes are judged by all. 512 by default.</summary>
    public int Samples { get; init; } = 512;

    /// <summary>The learning rate of the update that is measured against the weights; null, the default, for none.</summary>
    public float? LearningRate { get; init; }

    /// <summary>The loss of each epoch so far, to find a plateau in; empty, the default, if unknown.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    /// <summary>A slope f'(z) below this share of the activation's steepest is flat; 0.05 by default.</summary>
    public float FlatSlope { get; init; } = 0.05f;
}

/// <summary>The findings, with the measured values.</summary>
/// <param name="Loss">Mean loss of the samples that layers were judged by.</param>
/// <param name="Accuracy">Share of right predictions over all data, of several outputs the mean of theirs; 0 without classes.</param>
/// <param name="Plateau">Whether the last epochs brought the loss down by less than 1 % in all; null if there are too few epochs.</param>
/// <param name="Layers">Layer by layer, in forward order.</param>
/// <param name="Classes">Class by class; empty without classes.</param>
/// <param name="Findings">The findings, the gravest first; empty for a healthy network.</param>
public sealed record DiagnosticsReport(
    double Loss,
    double Accuracy,
    bool? Plateau,
    IReadOnlyList<LayerDiagnosis> Layers,
    IReadOnlyList<ClassDiagnosis> Classes,
    IReadOnlyList<Finding> Findings);

/// <summary>The state of one layer.</summary>
/// <param name="Name">The layer's name.</param>
/// <param name="Activation">Its activation's name; empty for none.</param>
/// <param name="Units">Units: elements of one sample's output; of a convolution, its filters.</param>
/// <param name="FlatShare">Share of outputs where f'(z) is flat; null where there is no f'.</param>
/// <param name="DeadUnits">Units whose f'(z) is flat on every sample (and, of a filter, at every position).</param>
/// <param name="MeanSlope">Mean of |f'(z)|; null where there is no f'.</param>
/// <param name="HalfFlat">Whether one side of the activation is flat by nature (ReLU and its kin): then half of all outputs may well be flat.</param>
/// <param name="SlopeCancels">Whether the loss is written on z, so that f'(z) is no factor of delta.</param>
/// <param name="IsOutput">Whether the loss judges it: a saturated output that is right is none to worry about.</param>
/// <param name="LowInputShare">Share of the layer's inputs below 0.05 in size.</param>
/// <param name="GradientNorm">Euclidean norm of the gradient of the layer's parameters; 0 without any.</param>
/// <param name="WeightNorm">Euclidean norm of its parameters.</param>
/// <param name="UpdateRatio">Length of one update over the length of the parameters; null without a learning rate or parameters.</param>
public sealed record LayerDiagnosis(
    string Name, string Activation, int Units, double? FlatShare, IReadOnlyList<int> DeadUnits, double? MeanSlope, bool HalfFlat, bool SlopeCancels,
    bool IsOutput, double LowInputShare, double GradientNorm, double WeightNorm, double? UpdateRatio);

/// <summary>How one class fares.</summary>
/// <param name="Label">The class.</param>
/// <param name="Count">Its samples.</param>
/// <param name="Right">How many of them were recognised.</param>
/// <param name="Predicted">How many samples of any class were taken for it.</param>
/// <param name="MeanOutput">The mean of its output unit over its own samples; null where there is no unit of its own.</param>
/// <param name="MeanSlope">f'(z) of that unit for those samples, on average; null where there is no f'.</param>
public sealed record ClassDiagnosis(int Label, int Count, int Right, int Predicted, double? MeanOutput, double? MeanSlope)
{
    /// <summary>The output that it is a class of, where there are several; else empty.</summary>
    public string Output { get; init; } = "";

    /// <summary>Share of its samples that were recognised; 0 without samples.</summary>
    public double Recall => Count == 0 ? 0 : (double)Right / Count;
}

/// <summary>The subject of a finding.</summary>
public enum FindingKind
{
    /// <summary>A value is not finite.</summary>
    NotFinite,

    /// <summary>A class is never, or almost never, recognised.</summary>
    DeadClass,

    /// <summary>Units whose f'(z) is flat on every sample.</summary>
    DeadUnits,

    /// <summary>Most outputs of a layer lie where its activation is flat.</summary>
    Saturated,

    /// <summary>Gradients of lower layers are far smaller than those of upper ones.</summary>
    VanishingGradient,

    /// <summary>A gradient is far larger than the weights that it is to change.</summary>
    ExplodingGradient,

    /// <summary>An update changes the weights by a large part of their size.</summary>
    LargeUpdate,

    /// <summary>An update changes the weights by next to nothing.</summary>
    SmallUpdate,

    /// <summary>The loss has stopped falling.</summary>
    Plateau,

    /// <summary>Most inputs of a layer are near 0.</summary>
    LowInputs,
}

/// <summary>One thing that ought to be looked at.</summary>
/// <param name="Kind">Its subject.</param>
/// <param name="Where">The layer or the class.</param>
/// <param name="Indices">The units, or the class.</param>
/// <param name="Text">The observation, why it hinders learning, and a possible cure.</param>
public sealed record Finding(FindingKind Kind, string Where, IReadOnlyList<int> Indices, string Text);
