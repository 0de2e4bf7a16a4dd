using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>The options of the C export that add the training step; the model's own training gives the options left out.</summary>
internal sealed class ExportTrainingOptions
{
    private readonly Option<bool> train = new("--train")
    {
        Description = "Adds the training step: the C goes on learning on the device, as the model was trained.",
    };

    private readonly Option<int?> batch = new("--batch") { HelpName = "N", Description = "With --train: samples of one call (default: 1)." };

    private readonly Option<int?> accumulate = new("--accumulate")
    {
        HelpName = "N",
        Description = "With --train: calls of one update, whose gradients are added up (default: 1).",
    };

    private readonly Option<string?> freeze = new("--freeze")
    {
        HelpName = "LAYERS",
        Description =
            "With --train: layers that stay in flash as they are, by name with commas between; nothing below the first trained one is computed backwards.",
    };

    private readonly Option<string?> norms = new("--norms")
    {
        HelpName = "frozen|measured",
        Description =
            "With --train: batch norms compute with what training has measured, as predictions do, and stay as they are (frozen, the default for one sample " +
            "of a call), or with the samples of a call (measured, the default for several).",
    };

    private readonly Option<int?> stepsPerEpoch = new("--steps-per-epoch")
    {
        HelpName = "N",
        Description =
            "With --train: updates of an epoch on the device. Takes the schedule of the learning rate over where that counts epochs; without it the rate stays.",
    };

    private readonly Option<int?> epochs = new("--epochs")
    {
        HelpName = "N",
        Description = "With --steps-per-epoch: epochs until the schedule's end (default: those of the training).",
    };

    private readonly Option<string?> recompute = new("--recompute")
    {
        HelpName = "NODES",
        Description =
            "With --train: nodes whose values are computed again instead of kept, by name with commas between: less RAM, more time, the same bits.",
    };

    /// <summary>The rows of ebp train that say how gradients change weights.</summary>
    private static readonly RecipeOption[] UpdateOptions =
    [
        TrainOptions.Optimizer, TrainOptions.LearningRate, TrainOptions.Momentum, TrainOptions.L2, TrainOptions.WeightDecay, TrainOptions.L1,
        TrainOptions.ClipValue, TrainOptions.ClipNorm, TrainOptions.MaxNorm,
    ];

    private readonly OptionReader update;

    /// <summary>The options that say how the C trains.</summary>
    private readonly Option[] details;

    private readonly bool always;

    /// <param name="command">Gets the options.</param>
    /// <param name="always">Whether there is no question of --train: the C trains.</param>
    public ExportTrainingOptions(Command command, bool always = false)
    {
        this.always = always;
        Option[] own = [batch, accumulate, freeze, norms, recompute, stepsPerEpoch, epochs];
        foreach (Option option in always ? own : [train, .. own])
        {
            command.Options.Add(option);
        }

        update = new OptionReader(command);
        const string Help = "With --train: as in ebp train (default: as the model was trained).";
        const string Draws =
            "With --train: the device draws its first weights itself, with the engine's bits, instead of reading a table: less flash. As in ebp train: ";
        Option<string>[] first =
        [
            update.Add(command, TrainOptions.Initializer, Draws + string.Join(", ", Registry.InitializerNames) + "."),
            update.Add(command, TrainOptions.Seed, "With --init: the seed (default: that of the training)."),
        ];
        details = [.. own, .. first, .. UpdateOptions.Select(row => update.Add(command, row, Help))];
    }

    /// <summary>The command line's options; null without --train.</summary>
    /// <exception cref="ToolException">An option needs --train, or its number is out of range.</exception>
    public Wish? Read(ParseResult parsed)
    {
        Wish wish = new(
            Positive(batch.Name, parsed.GetValue(batch)),
            Positive(accumulate.Name, parsed.GetValue(accumulate)),
            update.Read(parsed),
            parsed.GetValue(freeze),
            OptionText.Name("norms", parsed.GetValue(norms), ["frozen", "measured"]),
            Positive(stepsPerEpoch.Name, parsed.GetValue(stepsPerEpoch)),
            Positive(epochs.Name, parsed.GetValue(epochs)),
            parsed.GetValue(recompute));
        if (!always && !parsed.GetValue(train))
        {
            return !details.Any(option => parsed.GetResult(option) is { Implicit: false })
                ? null
                : throw ToolException.Usage(
                    $"{OptionText.Listed([.. details.Select(option => option.Name)], " and ")} say how the exported C trains: they need --train");
        }

        return !wish.Update.Says(TrainOptions.Seed) || wish.Update.Says(TrainOptions.Initializer)
            ? wish
            : throw ToolException.Usage("--seed: it belongs to --init, which draws the first weights on the device");
    }

    /// <summary>The layers that measure the samples of a call, and are frozen where a call has one.</summary>
    public static IEnumerable<string> WholeBatch(Network network) =>
        network.TrainingPlan!.Steps.ToArray().Where(step => step.Op.DependsOnWholeBatch).Select(step => step.Op.Name).Distinct();

    private static int? Positive(string option, int? value) =>
        value is null or > 0 ? value : throw ToolException.Usage($"{option} {value}: expected a number above 0");

    /// <summary>The options given; null for those left out.</summary>
    public sealed record Wish(
        int? Batch, int? Accumulate, Recipe Update, string? Freeze, string? Norms, int? StepsPerEpoch, int? Epochs, string? Recompute)
    {
        /// <summary>The training step of a model.</summary>
        /// <exception cref="ToolException">There is no layer of a name.</exception>
        public CTrainingOptions For(SavedModel model)
        {
            Network network = model.Network;
            if (network.TrainingPlan is null)
            {
                throw ToolException.BadInput("the model holds no training: there is nothing for --train to go on with");
            }

            // A model imported from a device has weights and no progress of training.
            TrainerOptions? trainer = model.File.State is null ? null : model.File.ToTrainerOptions();
            Optimizer optimizer = OptimizerFor(network);
            bool another = optimizer.Name != network.Options.Optimizer.Name;
            Schedule schedule = trainer?.Schedule ?? new Constant();
            bool counts = CTrainingOptions.CountsEpochs(schedule);
            if (counts && StepsPerEpoch is null)
            {
                Console.Error.WriteLine(
                    $"the learning rate stays: its schedule '{schedule.Name}' counts epochs, and --steps-per-epoch does not say how long one is");
            }

            CTrainingOptions options = CTrainingOptions.Of(network, Rate(model, trainer, another ? optimizer.Name : null));
            Regularization penalty = options.Regularization;
            IReadOnlyList<string> frozen = Freeze is null ? options.Frozen : OptionText.Names(Freeze);
            return options with
            {
                Batch = Batch ?? 1,
                Accumulate = Accumulate ?? 1,
                Optimizer = optimizer,
                Regularization = penalty with
                {
                    L1 = Update.Get(TrainOptions.L1) ?? penalty.L1,
                    L2 = Update.Get(TrainOptions.L2) ?? penalty.L2,
                    WeightDecay = Update.Get(TrainOptions.WeightDecay)
                        ?? (another && penalty.WeightDecay == 0f ? RecipeDefaults.WeightDecay(optimizer.Name) : penalty.WeightDecay),
                    MaxNorm = Update.Get(TrainOptions.MaxNorm) ?? penalty.MaxNorm,
                },
                Clipping = options.Clipping with
                {
                    Value = Update.Get(TrainOptions.ClipValue) ?? options.Clipping.Value,
                    Norm = Update.Get(TrainOptions.ClipNorm) ?? options.Clipping.Norm,
                },
                Initializer = Update.Get(TrainOptions.Initializer) is { } init ? Registry.Initializer(init) : null,
                InitializerSeed = Update.Get(TrainOptions.Seed) ?? options.InitializerSeed,
                Schedule = counts && StepsPerEpoch is null ? new Constant() : schedule,
                StepsPerEpoch = StepsPerEpoch ?? 0,
                Epochs = Epochs ?? Math.Max(1, trainer?.Epochs ?? 1),
                Frozen = [.. frozen, .. FrozenNorms(network, frozen)],
                Recompute = Recompute is null ? [] : OptionText.Names(Recompute),
            };
        }

        /// <summary>The batch norms that are frozen because a call has one sample, or because --norms says so.</summary>
        private string[] FrozenNorms(Network network, IReadOnlyList<string> frozen)
        {
            string[] norms = [.. WholeBatch(network).Except(frozen)];
            if (norms.Length == 0 || Norms == "measured" || (Norms is null && Batch > 1))
            {
                return [];
            }

            if (Norms is null)
            {
                Console.Error.WriteLine(
                    $"frozen, as one sample has no mean and deviation to learn from: {string.Join(", ", norms)}; --batch N measures N samples of a call, --norms frozen says that it is meant");
            }

            return norms;
        }

        /// <summary>The training's optimiser with all its settings, unless another one or another momentum is wanted.</summary>
        private Optimizer OptimizerFor(Network network)
        {
            Optimizer own = network.Options.Optimizer;
            string name = RecipeDefaults.OptimizerAfter(own.Name, Update);
            return name == own.Name && !Update.Says(TrainOptions.Momentum)
                ? own
                : Registry.Optimizer(name, new OptimizerSettings { Momentum = Update.Get(TrainOptions.Momentum) });
        }

        /// <summary>The rate of --lr, that which suits another optimiser than the training's, or the training's; 0 gets a word.</summary>
        private float Rate(SavedModel model, TrainerOptions? trainer, string? optimizer)
        {
            if (optimizer is not null && !Update.Says(TrainOptions.LearningRate))
            {
                float suitable = LearningRates.For(
                    optimizer, model.Recipe.Get(TrainOptions.Loss) ?? "", model.Recipe.Get(TrainOptions.OutputActivation) ?? "");
                Console.Error.WriteLine(
                    $"the learning rate is {OptionText.Format(suitable)}, which suits {optimizer}: that of the training was for {model.Network.Options.Optimizer.Name}; --lr gives another");
                return suitable;
            }

            float rate =
                Update.Get(TrainOptions.LearningRate)
                ?? trainer?.LearningRate
                ?? model.Recipe.Get(TrainOptions.LearningRate)
                ?? throw ToolException.Usage("the model file says nothing about a learning rate: give one by --lr");
            if (rate == 0f)
            {
                Console.Error.WriteLine(
                    $"the learning rate is 0 ({(Update.Says(TrainOptions.LearningRate) ? "--lr" : "as the model was trained")}): the C learns nothing until the program sets model.learning_rate; --lr gives another");
            }

            return rate;
        }
    }
}
