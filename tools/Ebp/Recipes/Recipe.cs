using System.Globalization;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// What is trained on what, and how: one value per option of the command line, null where nothing was said. It is kept in the model file under the
/// options' own names, so that a training can be resumed and a model judged on the data it was made for.
/// </summary>
internal sealed record Recipe
{
    public string? Data { get; init; }

    public string? DataDir { get; init; }

    public string? Label { get; init; }

    public string? Target { get; init; }

    public string? Ignore { get; init; }

    public string? Test { get; init; }

    public float? TestFraction { get; init; }

    /// <summary>Which part of how many is held out to test on, as in 4/5.</summary>
    public string? Fold { get; init; }

    /// <summary>What a row of a table is a picture of, as in 8x8.</summary>
    public string? Image { get; init; }

    /// <summary>Steps of a sequence: how many a row of a table holds, or how many strokes are filled up to.</summary>
    public int? Steps { get; init; }

    public int? Window { get; init; }

    public int? Resample { get; init; }

    public string? Padding { get; init; }

    public string? Augment { get; init; }

    public int? Limit { get; init; }

    public int? Validation { get; init; }

    /// <summary>Which part of how many of the training samples is held out, as in 3/4.</summary>
    public string? ValidationFold { get; init; }

    /// <summary>The network's text; null where layers and activation say what it is.</summary>
    public string? Net { get; init; }

    public int[]? Layers { get; init; }

    public string? Activation { get; init; }

    public string? OutputActivation { get; init; }

    public string? Loss { get; init; }

    public float? LabelSmoothing { get; init; }

    /// <summary>balanced, or numbers with commas between.</summary>
    public string? ClassWeights { get; init; }

    /// <summary>What <see cref="ClassWeights"/> says for the data at hand; no option of its own.</summary>
    public float[]? WeightOfClass { get; init; }

    public string? Optimizer { get; init; }

    public float? LearningRate { get; init; }

    public float? Momentum { get; init; }

    public float? L2 { get; init; }

    public float? WeightDecay { get; init; }

    public float? L1 { get; init; }

    public float? ClipValue { get; init; }

    public float? ClipNorm { get; init; }

    public string? Schedule { get; init; }

    public int? ScheduleEvery { get; init; }

    public float? ScheduleFactor { get; init; }

    public float? ScheduleFloor { get; init; }

    public int? WarmUpSteps { get; init; }

    public float? MaxNorm { get; init; }

    /// <summary>Names of layers that are not trained, with commas between.</summary>
    public string? Freeze { get; init; }

    public string? Average { get; init; }

    public float? AverageDecay { get; init; }

    public int? AverageFrom { get; init; }

    public int? Accumulation { get; init; }

    public int? Patience { get; init; }

    public string? Initializer { get; init; }

    public float? InitializerGain { get; init; }

    public int? Batch { get; init; }

    public int? Epochs { get; init; }

    public ulong? Seed { get; init; }

    public string? Arithmetic { get; init; }

    /// <summary>Whether training samples are held out to judge every epoch by.</summary>
    public bool HoldsOut => Validation is > 0 || ValidationFold is not null;

    /// <summary>The columns that are no inputs.</summary>
    public string[] IgnoredColumns => Ignore?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>The layers that are not trained.</summary>
    public string[] FrozenLayers => Freeze?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Reads every option's text.</summary>
    /// <exception cref="ToolException">A text does not fit its option.</exception>
    public static Recipe Parse(Func<string, string?> text) => new()
    {
        Data = DataName(text("data")),
        DataDir = text("data-dir"),
        Label = text("label"),
        Target = OptionText.Name("target", text("target"), Names.Targets),
        Ignore = text("ignore"),
        Test = text("test"),
        TestFraction = OptionText.Number("test-fraction", text("test-fraction"), zero: false, below: 1),
        Fold = OptionText.Fold("fold", text("fold")),
        Image = OptionText.Image("image", text("image")),
        Steps = OptionText.Integer("steps", text("steps"), 1),
        Window = OptionText.Integer("window", text("window"), 1),
        Resample = OptionText.Integer("resample", text("resample"), 1),
        Padding = OptionText.Name("padding", text("padding"), Names.Paddings),
        Augment = OptionText.Augmentation("augment", text("augment")),
        Limit = OptionText.Integer("limit", text("limit"), 1),
        Validation = OptionText.Integer("validation", text("validation"), 0),
        ValidationFold = OptionText.Fold("validation-fold", text("validation-fold")),
        Net = text("net"),
        Layers = OptionText.Layers(text("layers")),
        Activation = OptionText.Name("activation", text("activation"), Names.Activations),
        OutputActivation = OptionText.Name("output-activation", text("output-activation"), Names.Activations),
        Loss = OptionText.Name("loss", text("loss"), Names.Losses),
        LabelSmoothing = OptionText.Number("label-smoothing", text("label-smoothing"), below: 1),
        ClassWeights = ClassBalance.Check(text("class-weights")),
        Optimizer = OptionText.Name("optimizer", text("optimizer"), Names.Optimizers),
        LearningRate = OptionText.Number("lr", text("lr")),
        Momentum = OptionText.Number("momentum", text("momentum"), below: 1),
        L2 = OptionText.Number("l2", text("l2")),
        WeightDecay = OptionText.Number("weight-decay", text("weight-decay")),
        L1 = OptionText.Number("l1", text("l1")),
        ClipValue = OptionText.Number("clip-value", text("clip-value")),
        ClipNorm = OptionText.Number("clip-norm", text("clip-norm")),
        Schedule = OptionText.Name("schedule", text("schedule"), Names.Schedules),
        ScheduleEvery = OptionText.Integer("schedule-every", text("schedule-every"), 1),
        ScheduleFactor = OptionText.Number("schedule-factor", text("schedule-factor"), zero: false),
        ScheduleFloor = OptionText.Number("schedule-floor", text("schedule-floor")),
        WarmUpSteps = OptionText.Integer("warm-up-steps", text("warm-up-steps"), 1),
        MaxNorm = OptionText.Number("max-norm", text("max-norm")),
        Freeze = text("freeze"),
        Average = OptionText.Name("average", text("average"), Names.Averages),
        AverageDecay = OptionText.Number("average-decay", text("average-decay"), zero: false, below: 1),
        AverageFrom = OptionText.Integer("average-from", text("average-from"), 0),
        Accumulation = OptionText.Integer("accumulate", text("accumulate"), 1),
        Patience = OptionText.Integer("patience", text("patience"), 0),
        Initializer = OptionText.Name("init", text("init"), Names.Initializers),
        InitializerGain = OptionText.Number("init-gain", text("init-gain"), zero: false),
        Batch = OptionText.Integer("batch", text("batch"), 1),
        Epochs = OptionText.Integer("epochs", text("epochs"), 1),
        Seed = OptionText.Seed("seed", text("seed")),
        Arithmetic = OptionText.Name("arithmetic", text("arithmetic"), Names.Arithmetics),
    };

    /// <summary>Every option that has a value, in one way of writing it.</summary>
    public Dictionary<string, string> ToDictionary()
    {
        Dictionary<string, string> all = new(StringComparer.Ordinal);
        Add("data", Data);
        Add("data-dir", DataDir);
        Add("label", Label);
        Add("target", Target);
        Add("ignore", Ignore is null ? null : string.Join(',', IgnoredColumns));
        Add("test", Test);
        Add("test-fraction", Number(TestFraction));
        Add("fold", Fold);
        Add("image", Image);
        Add("steps", Whole(Steps));
        Add("window", Whole(Window));
        Add("resample", Whole(Resample));
        Add("padding", Padding);
        Add("augment", Augment);
        Add("limit", Whole(Limit));
        Add("validation", Whole(Validation));
        Add("validation-fold", ValidationFold);
        Add("net", Net);
        Add("layers", Layers is null ? null : string.Join(',', Layers));
        Add("activation", Activation);
        Add("output-activation", OutputActivation);
        Add("loss", Loss);
        Add("label-smoothing", Number(LabelSmoothing));
        Add("class-weights", ClassWeights);
        Add("optimizer", Optimizer);
        Add("lr", Number(LearningRate));
        Add("momentum", Number(Momentum));
        Add("l2", Number(L2));
        Add("weight-decay", Number(WeightDecay));
        Add("l1", Number(L1));
        Add("clip-value", Number(ClipValue));
        Add("clip-norm", Number(ClipNorm));
        Add("schedule", Schedule);
        Add("schedule-every", Whole(ScheduleEvery));
        Add("schedule-factor", Number(ScheduleFactor));
        Add("schedule-floor", Number(ScheduleFloor));
        Add("warm-up-steps", Whole(WarmUpSteps));
        Add("max-norm", Number(MaxNorm));
        Add("freeze", Freeze is null ? null : string.Join(',', FrozenLayers));
        Add("average", Average);
        Add("average-decay", Number(AverageDecay));
        Add("average-from", Whole(AverageFrom));
        Add("accumulate", Whole(Accumulation));
        Add("patience", Whole(Patience));
        Add("init", Initializer);
        Add("init-gain", Number(InitializerGain));
        Add("batch", Whole(Batch));
        Add("epochs", Whole(Epochs));
        Add("seed", Seed?.ToString(CultureInfo.InvariantCulture));
        Add("arithmetic", Arithmetic);
        return all;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                all.Add(name, value);
            }
        }

        static string? Number(float? value) => value is { } number ? OptionText.Format(number) : null;
        static string? Whole(int? value) => value?.ToString(CultureInfo.InvariantCulture);
    }

    private static string? DataName(string? text)
    {
        bool known = text is null or "digits" or "mnist" || (text.StartsWith("csv:", StringComparison.Ordinal) && text.Length > 4)
            || (text.StartsWith("strokes:", StringComparison.Ordinal) && text.Length > 8);
        return known ? text : throw ToolException.Usage($"--data: expected digits, mnist, csv:FILE or strokes:PATH, got '{text}'");
    }
}
