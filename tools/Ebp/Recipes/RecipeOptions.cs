using System.CommandLine;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The options that several verbs share: described once, read as text, understood by <see cref="Recipe"/>.</summary>
internal sealed class RecipeOptions
{
    /// <summary>Where the samples come from.</summary>
    public static readonly string[] Data = ["data", "data-dir", "label", "target", "ignore", "test", "test-fraction", "fold", "image", "window", "steps", "resample", "padding"];

    /// <summary>Which of the training samples are used.</summary>
    public static readonly string[] Parts = ["limit", "validation", "validation-fold"];

    /// <summary>What the network is.</summary>
    public static readonly string[] Model = ["net", "layers", "activation", "output-activation", "loss", "arithmetic"];

    /// <summary>How it is trained.</summary>
    public static readonly string[] Training = ["optimizer", "lr", "momentum", "l2", "weight-decay", "init", "init-gain", "batch", "epochs", "seed"];

    /// <summary>What is done to gradients and to the learning rate in the course of training, and when it ends early.</summary>
    public static readonly string[] Refinements =
    [
        "augment", "label-smoothing", "class-weights", "l1", "clip-value", "clip-norm", "schedule", "schedule-every", "schedule-factor", "schedule-floor", "warm-up-steps", "max-norm", "freeze", "average", "average-decay", "average-from",
        "accumulate", "patience",
    ];

    private static readonly Dictionary<string, (string Argument, string Help)> Descriptions = new(StringComparer.Ordinal)
    {
        ["data"] = ("digits|mnist|csv:FILE|strokes:PATH", "The samples: digits drawn by the program, the MNIST files, a table, or labelled gestures (a JSON file or a folder of them)."),
        ["data-dir"] = ("DIR", "The folder with MNIST's four IDX files, plain or .gz (default: mnist)."),
        ["label"] = ("NAME|INDEX", "CSV: the column that is to be predicted (default: the last one)."),
        ["target"] = ("classes|numbers", "CSV: what the label is (default: classes, unless there are numbers that are not whole)."),
        ["ignore"] = ("NAMES", "CSV: columns that are no inputs, by name or index, with commas between."),
        ["test"] = ("FILE", "CSV: the file to test on."),
        ["test-fraction"] = ("F", "CSV: the share of rows that is drawn by the seed to test on (default: 0.2)."),
        ["fold"] = ("K/N", "CSV, strokes: tests on the samples whose position modulo N is K, as in 4/5."),
        ["image"] = ("HxW", "CSV: a row is an image (CxHxW with several channels): for convolutions and --augment; all pixels are standardised together."),
        ["window"] = ("N", "CSV in order of time: a sample is a row with up to N - 1 rows before it."),
        ["steps"] = ("N", "CSV: a row is a sequence of N steps; strokes: the steps that they are filled up to (default: those of the longest)."),
        ["resample"] = ("N", "Strokes: every one is drawn out or pressed to N steps."),
        ["padding"] = ("start|end|mask", "Where short sequences are filled up with zeros; mask: at their end, and a second input of the net says which steps count (default: start)."),
        ["limit"] = ("N", "Train on the first N training samples only."),
        ["validation"] = ("N", "Hold out the last N training samples and judge every epoch by them, too."),
        ["validation-fold"] = ("K/N", "Holds out the training samples whose position among them modulo N is K instead, as in 3/4: also where neighbours are alike."),
        ["net"] = ("TEXT", "The network layer by layer, as in \"conv 8 5x5 relu; maxpool 2; dense 10\", instead of --layers and --activation; docs/nets.md lists the layers."),
        ["layers"] = ("SIZES", "Inputs, hidden layers, outputs, as in 784,30,10 (default: what fits the data)."),
        ["activation"] = ("NAME", $"Of the hidden layers: {string.Join(", ", Names.Activations)} (default: relu)."),
        ["output-activation"] = ("NAME", "Of the last layer (default: what fits the loss)."),
        ["loss"] = ("NAME", $"{string.Join(", ", Names.Losses)} (default: what fits the outputs)."),
        ["optimizer"] = ("NAME", $"{string.Join(", ", Names.Optimizers)} (default: sgd); rprop takes all samples at once."),
        ["lr"] = ("RATE", "The learning rate (default: what suits optimizer and loss)."),
        ["momentum"] = ("M", "Momentum's and Nesterov's factor (default: 0.9)."),
        ["l2"] = ("L", "The factor of the weights in the gradient: Nielsen's lambda/n. Biases are left alone."),
        ["weight-decay"] = ("W", "Like --l2, but decoupled from the gradient with adamw (its default there: 0.01)."),
        ["l1"] = ("L", "The factor of the weights' signs in the gradient. Biases are left alone."),
        ["augment"] = ("CHANGES", "Changes training images a little, otherwise in every epoch: shift=PIXELS,rotate=DEGREES,scale=SHARE,elastic=PIXELS, each of them or not."),
        ["label-smoothing"] = ("E", "The share of each target that is spread over all classes, with the cross-entropies (default: 0)."),
        ["class-weights"] = ("balanced|W,W,...", "What samples of each class weigh in the loss; balanced lets rare classes weigh as much as common ones (default: 1 each)."),
        ["clip-value"] = ("V", "Holds every element of the gradient between -V and V; 0 does not (the default)."),
        ["clip-norm"] = ("V", "Scales the whole gradient down to the Euclidean norm V where it is longer; 0 does not (the default)."),
        ["schedule"] = ("NAME", $"How the learning rate changes: {string.Join(", ", Names.Schedules)} (default: constant)."),
        ["schedule-every"] = ("N", "Epochs from one fall of the rate to the next, with --schedule step, or without a better --validation that make it fall, with plateau (default: 10)."),
        ["schedule-factor"] = ("F", "What the rate is multiplied by: at a fall with step (default: 0.1) or plateau (default: 0.5), over an epoch with exponential (default: 0.95)."),
        ["schedule-floor"] = ("RATE", "The rate that --schedule cosine ends with, after the last of --epochs, or the lowest one of plateau (default: 0)."),
        ["warm-up-steps"] = ("N", "Updates in which the rate rises from 0 at first, before any schedule (with --schedule warm-up 1000, else none)."),
        ["max-norm"] = ("C", "The longest vector of incoming weights that a neuron may have after an update; 0 sets no bound (the default)."),
        ["freeze"] = ("LAYERS", "Layers that keep their weights, by name with commas between, as in conv1,dense1; most useful with --from."),
        ["average"] = ("none|ema|swa", "Judges and predicts by averaged weights: ema follows every update, swa is the mean of the epochs' ends (default: none)."),
        ["average-decay"] = ("D", "The share of the average that --average ema keeps at an update (default: 0.999)."),
        ["average-from"] = ("N", "Epochs before the average begins (default: 0; with swa three quarters of --epochs)."),
        ["accumulate"] = ("N", "Batches whose gradients make one update, with the bits of one batch of that size (to rounding where weights are used more than once, as in recurrent layers; default: 1)."),
        ["patience"] = ("N", "Stops after N epochs without a better --validation accuracy (or loss), and predicts with the best epoch's weights; 0 never stops."),
        ["init"] = ("NAME", $"Initial weights: {string.Join(", ", Names.Initializers)}; normal is N(0,1), scaled-normal N(0,1/n) (default: what suits the activation)."),
        ["init-gain"] = ("G", "The length of the weight vectors with --init orthogonal: 1 (the default), 5/3 for tanh, 1.414 for relu."),
        ["batch"] = ("N", "Samples of one update, or of a part of it with --accumulate (default: 32; 10 for small tables)."),
        ["epochs"] = ("N", "Passes over the training data; the total when a training is resumed (default: by the number of samples)."),
        ["seed"] = ("N", "Of weights, shuffling, splits and the built-in digits (default: 1)."),
        ["arithmetic"] = ("fused|separate", "Whether products are added in one rounding; separate is for chips that cannot (default: fused, or what a model was trained with)."),
    };

    private readonly Dictionary<string, Option<string>> options = new(StringComparer.Ordinal);

    /// <summary>Adds options to a verb.</summary>
    public RecipeOptions(Command command, params ReadOnlySpan<string[]> groups)
    {
        foreach (string[] group in groups)
        {
            foreach (string name in group)
            {
                (string argument, string help) = Descriptions[name];
                Option<string> option = new("--" + name) { Description = help, HelpName = argument };
                options.Add(name, option);
                command.Options.Add(option);
            }
        }
    }

    /// <summary>What was said on the command line.</summary>
    public Recipe Read(ParseResult parsed)
    {
        Recipe recipe = Recipe.Parse(name => options.TryGetValue(name, out Option<string>? option) ? parsed.GetValue(option) : null);
        if (recipe.Net is not null && (recipe.Layers is not null || recipe.Activation is not null))
        {
            throw ToolException.Usage($"--{(recipe.Layers is not null ? "layers" : "activation")}: --net says what the layers are");
        }

        return recipe;
    }
}
