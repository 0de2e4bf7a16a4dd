using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.DataSources;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// Every option of a <see cref="Recipe"/>, one row each: the command line, the help, model files, --json and --resume read these rows.
/// Their order is that of the help within a group, and that of model files and --json.
/// </summary>
internal static class TrainOptions
{
    private static readonly List<RecipeOption> Rows = [];

    public static readonly RecipeOption<DataName?> Data = Row(
        OptionGroup.Data, "data", string.Join('|', DataSource.All.Select(source => source.Usage)),
        $"The samples: {OptionText.Listed([.. DataSource.All.Select(source => source.About)], ", or ")}.",
        DataName.Parse, data => data!.Text);

    public static readonly RecipeOption<string?> DataDir = Text(
        OptionGroup.Data, "data-dir", "DIR", "The folder with MNIST's four IDX files, plain or .gz (default: mnist).");

    /// <summary>What the names of recordings tell: a pattern or a table.</summary>
    public static readonly RecipeOption<string?> Files = Text(
        OptionGroup.Data, "files", "PATTERN|CSV",
        "Recordings: what their names tell, as in {label}_{speaker}_*.wav, or a CSV file that lists names (first column) with labels and " +
        "more (default: a folder for each class); strokes: the same for --group.");

    public static readonly RecipeOption<string?> Label = Text(
        OptionGroup.Data, "label", "NAME|INDEX",
        "CSV: the column that is to be predicted (default: the last one); recordings: a field or column of --files (default: label).");

    public static readonly RecipeOption<string?> Target = Choice(
        OptionGroup.Data, "target", "classes|numbers",
        "CSV: what the label is (default: classes, unless there are numbers that are not whole).");

    /// <summary>The label of normal samples, which an autoencoder learns to reproduce.</summary>
    public static readonly RecipeOption<string?> Normal = Text(
        OptionGroup.Data, "normal", "LABEL",
        "CSV: the net learns to reproduce its inputs, from rows of this label alone; eval judges how well it tells all others from them.");

    /// <summary>The columns that are no inputs.</summary>
    public static readonly RecipeOption<string[]?> Ignore = Names(
        OptionGroup.Data, "ignore", "NAMES", "CSV: columns that are no inputs, by name or index, with commas between.");

    /// <summary>What stays on one side of every split.</summary>
    public static readonly RecipeOption<string?> Group = Text(
        OptionGroup.Data, "group", "NAME",
        "What every split keeps together: of recordings a field or column of --files, as in speaker (default: file), of strokes the " +
        "same, or file; CSV: a column, which is no input.");

    public static readonly RecipeOption<string?> Time = Text(
        OptionGroup.Data, "time", "NAME|INDEX", "CSV with --window: the column of times, which is no input; no window crosses a gap.");

    public static readonly RecipeOption<string?> Gaps = Choice(
        OptionGroup.Data, "gaps", "refuse|split",
        "CSV with --time: what a step that is not within a half and one and a half of the usual one does (default: refuse).");

    public static readonly RecipeOption<string[]?> TestGroup = Names(
        OptionGroup.Data, "test-group", "NAMES", "The groups to test on, with commas between.");

    public static readonly RecipeOption<string?> Test = Text(OptionGroup.Data, "test", "FILE", "The file or path to test on.");

    public static readonly RecipeOption<float?> TestFraction = Number(
        OptionGroup.Data, "test-fraction", "F",
        "The share of rows, or of samples in whole groups, that is drawn by the seed to test on (default: 0.2).", zero: false, below: 1);

    /// <summary>Which part of how many is held out to test on, as in 4/5.</summary>
    public static readonly RecipeOption<string?> Fold = Row(
        OptionGroup.Data, "fold", "K/N",
        "Tests on the samples (where there are groups, the groups) whose position modulo N is K, as in 4/5.", OptionText.Fold, text => text!);

    /// <summary>The shape of a row of a table seen as a picture, as in 8x8.</summary>
    public static readonly RecipeOption<string?> Image = Row(
        OptionGroup.Data, "image", "HxW",
        "CSV: a row is an image (CxHxW with several channels): for convolutions and --augment; all pixels are standardised together.",
        OptionText.Image, text => text!);

    public static readonly RecipeOption<int?> Window = Integer(
        OptionGroup.Data, "window", "N",
        "CSV in order of time: a sample is a row with up to N - 1 rows before it; recordings: samples of a window (default: those of the " +
        "longest recording).",
        minimum: 1);

    public static readonly RecipeOption<int?> Hop = Integer(
        OptionGroup.Data, "hop", "N",
        "Recordings: samples from the beginning of a window to that of the next (default: one window a recording); CSV: rows from the end " +
        "of a window to that of the next (default: 1).",
        minimum: 1);

    public static readonly RecipeOption<string?> Short = Choice(
        OptionGroup.Data, "short", "pad|drop",
        "Recordings and stretches of a table that are shorter than a window: filled up with zeros, or left out (default: pad).");

    public static readonly RecipeOption<int?> Rate = Integer(
        OptionGroup.Data, "rate", "HZ", "The rate that all recordings must have (default: that of the first one).", minimum: 1);

    public static readonly RecipeOption<int?> Channel = Integer(
        OptionGroup.Data, "channel", "N", "The channel that is read of recordings with several, from 0 on.", minimum: 0);

    /// <summary>Steps of a sequence: how many a row of a table holds, or how many strokes are filled up to.</summary>
    public static readonly RecipeOption<int?> Steps = Integer(
        OptionGroup.Data, "steps", "N",
        "CSV: a row is a sequence of N steps; strokes: the steps that they are filled up to (default: those of the longest).", minimum: 1);

    public static readonly RecipeOption<int?> Resample = Integer(
        OptionGroup.Data, "resample", "N", "Strokes: every one is drawn out or pressed to N steps.", minimum: 1);

    public static readonly RecipeOption<string?> Padding = Choice(
        OptionGroup.Data, "padding", "start|end|mask",
        "Where short sequences are filled up with zeros; mask: at their end, and a second input of the net says which steps " +
        "count (default: start).");

    public static readonly RecipeOption<string?> Augment = Row(
        OptionGroup.Refinements, "augment", "CHANGES",
        "Changes training images a little, otherwise in every epoch: shift=PIXELS,rotate=DEGREES,scale=SHARE,elastic=PIXELS, " +
        "each of them or not; recordings: speed=SHARE,shift=SAMPLES,gain=DB,noise=DB,band=SHARE,mask=SAMPLES.",
        OptionText.Augmentation, text => text!);

    public static readonly RecipeOption<int?> Limit = Integer(
        OptionGroup.Split, "limit", "N", "Train on the first N training samples only.", minimum: 1);

    public static readonly RecipeOption<int?> Validation = Integer(
        OptionGroup.Split, "validation", "N", "Hold out the last N training samples and judge every epoch by them, too.", minimum: 0);

    /// <summary>Which part of how many of the training samples is held out, as in 3/4.</summary>
    public static readonly RecipeOption<string?> ValidationFold = Row(
        OptionGroup.Split, "validation-fold", "K/N",
        "Holds out the training samples whose position among them modulo N is K instead, as in 3/4: also where neighbours are alike.",
        OptionText.Fold, text => text!);

    public static readonly RecipeOption<string[]?> ValidationGroup = Names(
        OptionGroup.Split, "validation-group", "NAMES", "Holds out these groups of the training samples instead, with commas between.");

    /// <summary>The network's text; null where layers and activation describe it.</summary>
    public static readonly RecipeOption<string?> Net = Text(
        OptionGroup.Model, "net", "TEXT",
        "The network layer by layer, as in \"conv 8 5x5 relu; maxpool 2; dense 10\", instead of --layers and --activation; " +
        "docs/nets.md lists the layers.");

    public static readonly RecipeOption<int[]?> Layers = Row(
        OptionGroup.Model, "layers", "SIZES", "Inputs, hidden layers, outputs, as in 784,30,10 (default: what fits the data).",
        (_, text) => OptionText.Layers(text), sizes => string.Join(',', sizes!));

    public static readonly RecipeOption<string?> Activation = Named(
        OptionGroup.Model, "activation", names => $"Of the hidden layers: {names} (default: relu).", Registry.ActivationNames);

    public static readonly RecipeOption<string?> OutputActivation = Named(
        OptionGroup.Model, "output-activation", _ => "Of the last layer (default: what fits the loss).", Registry.ActivationNames);

    // A loss on logits replaces its namesake after its output activation: no user asks for it.
    public static readonly RecipeOption<string?> Loss = Named(
        OptionGroup.Model, "loss", names => $"{names} (default: what fits the outputs).",
        [.. Registry.LossNames.Where(name => !name.EndsWith("-with-logits", StringComparison.Ordinal))]);

    public static readonly RecipeOption<float?> LabelSmoothing = Number(
        OptionGroup.Refinements, "label-smoothing", "E",
        "The share of each target that is spread over all classes, with the cross-entropies (default: 0).", below: 1);

    /// <summary>balanced, or numbers with commas between.</summary>
    public static readonly RecipeOption<string?> ClassWeights = Row(
        OptionGroup.Refinements, "class-weights", "balanced|W,W,...",
        "What samples of each class weigh in the loss; balanced lets rare classes weigh as much as common ones (default: 1 each).",
        ClassBalance.Check, text => text!);

    public static readonly RecipeOption<string?> Optimizer = Named(
        OptionGroup.Training, "optimizer", names => $"{names} (default: sgd); rprop takes all samples at once.", Registry.OptimizerNames);

    public static readonly RecipeOption<float?> LearningRate = Number(
        OptionGroup.Training, "lr", "RATE", "The learning rate (default: what suits optimizer and loss).");

    public static readonly RecipeOption<float?> Momentum = Number(
        OptionGroup.Training, "momentum", "M", "Momentum's and Nesterov's factor (default: 0.9).", below: 1);

    public static readonly RecipeOption<float?> L2 = Number(
        OptionGroup.Training, "l2", "L",
        "The factor of the weights in the gradient: Nielsen's lambda/n. Biases are left alone.", byDefault: 0);

    public static readonly RecipeOption<float?> WeightDecay = Number(
        OptionGroup.Training, "weight-decay", "W", "Like --l2, but decoupled from the gradient with adamw (its default there: 0.01).");

    public static readonly RecipeOption<float?> L1 = Number(
        OptionGroup.Refinements, "l1", "L", "The factor of the weights' signs in the gradient. Biases are left alone.", byDefault: 0);

    public static readonly RecipeOption<float?> ClipValue = Number(
        OptionGroup.Refinements, "clip-value", "V",
        "Holds every element of the gradient between -V and V; 0 does not (the default).", byDefault: 0);

    public static readonly RecipeOption<float?> ClipNorm = Number(
        OptionGroup.Refinements, "clip-norm", "V",
        "Scales the whole gradient down to the Euclidean norm V where it is longer; 0 does not (the default).", byDefault: 0);

    public static readonly RecipeOption<string?> Schedule = Named(
        OptionGroup.Refinements, "schedule",
        names => $"How the learning rate changes: {names} (default: constant).", Registry.ScheduleNames);

    public static readonly RecipeOption<int?> ScheduleEvery = Integer(
        OptionGroup.Refinements, "schedule-every", "N",
        "Epochs from one fall of the rate to the next, with --schedule step, or without a better --validation that make it " +
        "fall, with plateau (default: 10).",
        minimum: 1);

    public static readonly RecipeOption<float?> ScheduleFactor = Number(
        OptionGroup.Refinements, "schedule-factor", "F",
        "What the rate is multiplied by: at a fall with step (default: 0.1) or plateau (default: 0.5), over an epoch with " +
        "exponential (default: 0.95).",
        zero: false);

    public static readonly RecipeOption<float?> ScheduleFloor = Number(
        OptionGroup.Refinements, "schedule-floor", "RATE",
        "The rate that --schedule cosine ends with, after the last of --epochs, or the lowest one of plateau (default: 0).");

    public static readonly RecipeOption<int?> WarmUpSteps = Integer(
        OptionGroup.Refinements, "warm-up-steps", "N",
        "Updates in which the rate rises from 0 at first, before any schedule (with --schedule warm-up 1000, else none).", minimum: 1);

    public static readonly RecipeOption<float?> MaxNorm = Number(
        OptionGroup.Refinements, "max-norm", "C",
        "The longest vector of incoming weights that a neuron may have after an update; 0 sets no bound (the default).", byDefault: 0);

    /// <summary>Names of layers that are not trained.</summary>
    public static readonly RecipeOption<string[]?> Freeze = Names(
        OptionGroup.Refinements, "freeze", "LAYERS",
        "Layers that keep their weights, by name with commas between, as in conv1,dense1; most useful with --from.");

    public static readonly RecipeOption<string?> Average = Choice(
        OptionGroup.Refinements, "average", "none|ema|swa",
        "Judges and predicts by averaged weights: ema follows every update, swa is the mean of the epochs' ends (default: none).");

    public static readonly RecipeOption<float?> AverageDecay = Number(
        OptionGroup.Refinements, "average-decay", "D",
        "The share of the average that --average ema keeps at an update (default: 0.999).", zero: false, below: 1);

    public static readonly RecipeOption<int?> AverageFrom = Integer(
        OptionGroup.Refinements, "average-from", "N",
        "Epochs before the average begins (default: 0; with swa three quarters of --epochs).", minimum: 0);

    public static readonly RecipeOption<int?> Accumulation = Integer(
        OptionGroup.Refinements, "accumulate", "N",
        "Batches whose gradients make one update, with the bits of one batch of that size (to rounding where weights are used " +
        "more than once, as in recurrent layers; default: 1).",
        minimum: 1);

    public static readonly RecipeOption<int?> Patience = Integer(
        OptionGroup.Refinements, "patience", "N",
        "Stops after N epochs without a better --validation accuracy (or loss), and predicts with the best epoch's weights; 0 never stops.",
        minimum: 0, byDefault: 0);

    public static readonly RecipeOption<string?> Quantize = Choice(
        OptionGroup.Refinements, "quantize", "int8|int16",
        "Ends in a model that computes on integers: the last epochs are trained on them; values between layers are int8 or int16.");

    public static readonly RecipeOption<int?> QuantizeAfter = Integer(
        OptionGroup.Refinements, "quantize-after", "N",
        "Epochs in floats before --quantize (default: 0.7 of --epochs).", minimum: 0);

    public static readonly RecipeOption<string?> Initializer = Named(
        OptionGroup.Training, "init",
        names => $"Initial weights: {names}; normal is N(0,1), scaled-normal N(0,1/n) (default: what suits the activation).",
        Registry.InitializerNames);

    public static readonly RecipeOption<float?> InitializerGain = Number(
        OptionGroup.Training, "init-gain", "G",
        "The length of the weight vectors with --init orthogonal: 1 (the default), 5/3 for tanh, 1.414 for relu.", zero: false);

    public static readonly RecipeOption<int?> Batch = Integer(
        OptionGroup.Training, "batch", "N",
        "Samples of one update, or of a part of it with --accumulate (default: 32; 10 for small tables).", minimum: 1);

    public static readonly RecipeOption<int?> Epochs = Integer(
        OptionGroup.Training, "epochs", "N",
        "Passes over the training data; the total when a training is resumed (default: by the number of samples).", minimum: 1);

    public static readonly RecipeOption<ulong?> Seed = Row<ulong?>(
        OptionGroup.Training, "seed", "N", "Of weights, shuffling, splits and the built-in digits (default: 1).",
        OptionText.Seed, seed => seed!.Value.ToString(CultureInfo.InvariantCulture), byDefault: 1);

    public static readonly RecipeOption<string?> Arithmetic = Choice(
        OptionGroup.Model, "arithmetic", "fused|separate",
        "Whether products are added in one rounding; separate is for chips that cannot (default: fused, or what a model was trained with).",
        byDefault: "fused");

    public static IReadOnlyList<RecipeOption> All => Rows;

    public static RecipeOption[] Of(OptionGroup group) => [.. Rows.Where(option => option.Group == group)];

    private static RecipeOption<T> Row<T>(
        OptionGroup group, string name, string argument, string help,
        Func<string, string, T> read, Func<T, string> write, T byDefault = default!)
    {
        RecipeOption<T> row = new(group, name, argument, help, read, write, byDefault);
        Rows.Add(row);
        return row;
    }

    private static RecipeOption<string?> Text(OptionGroup group, string name, string argument, string help) =>
        Row<string?>(group, name, argument, help, (_, text) => text, text => text!);

    /// <summary>One of the names that the argument lists.</summary>
    private static RecipeOption<string?> Choice(OptionGroup group, string name, string argument, string help, string? byDefault = null) =>
        Row(group, name, argument, help, (option, text) => OptionText.Name(option, text, argument.Split('|')), text => text!, byDefault);

    /// <summary>One of the names of a registry.</summary>
    private static RecipeOption<string?> Named(OptionGroup group, string name, Func<string, string> help, IReadOnlyList<string> known) =>
        Row(group, name, "NAME", help(string.Join(", ", known)), (option, text) => OptionText.Name(option, text, known), text => text!);

    private static RecipeOption<string[]?> Names(OptionGroup group, string name, string argument, string help) =>
        Row<string[]?>(group, name, argument, help, (_, text) => OptionText.Names(text), names => string.Join(',', names!));

    private static RecipeOption<int?> Integer(
        OptionGroup group, string name, string argument, string help, int minimum, int? byDefault = null) => Row(
            group, name, argument, help,
            (option, text) => OptionText.Integer(option, text, minimum),
            value => value!.Value.ToString(CultureInfo.InvariantCulture), byDefault);

    private static RecipeOption<float?> Number(
        OptionGroup group, string name, string argument, string help,
        bool zero = true, float below = float.PositiveInfinity, float? byDefault = null) => Row(
            group, name, argument, help,
            (option, text) => OptionText.Number(option, text, zero, below),
            value => OptionText.Format(value!.Value), byDefault);
}
