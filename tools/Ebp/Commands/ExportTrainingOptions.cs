using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
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

    private readonly Option<float?> rate = new("--lr")
    {
        HelpName = "RATE",
        Description = "With --train: the learning rate (default: the one that the model was trained with).",
    };

    private readonly Option<string?> freeze = new("--freeze")
    {
        HelpName = "LAYERS",
        Description =
            "With --train: layers that stay in flash as they are, by name with commas between; nothing below the first trained one is computed backwards.",
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

    /// <summary>The options that say how the C trains.</summary>
    private readonly Option[] details;

    private readonly bool always;

    /// <param name="command">Gets the options.</param>
    /// <param name="always">Whether there is no question of --train: the C trains.</param>
    public ExportTrainingOptions(Command command, bool always = false)
    {
        this.always = always;
        details = [batch, accumulate, rate, freeze, recompute, stepsPerEpoch, epochs];
        foreach (Option option in always ? details : [train, .. details])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The command line's options; null without --train.</summary>
    /// <exception cref="ToolException">An option needs --train, or its number is out of range.</exception>
    public Wish? Read(ParseResult parsed)
    {
        Wish wish = new(
            Positive(batch.Name, parsed.GetValue(batch)),
            Positive(accumulate.Name, parsed.GetValue(accumulate)),
            parsed.GetValue(rate),
            parsed.GetValue(freeze),
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

        return wish.Rate is not { } given || (given >= 0f && float.IsFinite(given))
            ? wish
            : throw ToolException.Usage($"--lr {given}: expected a number that is not negative");
    }

    private static int? Positive(string option, int? value) =>
        value is null or > 0 ? value : throw ToolException.Usage($"{option} {value}: expected a number above 0");

    /// <summary>The options given; null for those left out.</summary>
    public sealed record Wish(int? Batch, int? Accumulate, float? Rate, string? Freeze, int? StepsPerEpoch, int? Epochs, string? Recompute)
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
            float rate =
                Rate
                ?? trainer?.LearningRate
                ?? model.Recipe.Get(TrainOptions.LearningRate)
                ?? throw ToolException.Usage("the model file says nothing about a learning rate: give one by --lr");
            CTrainingOptions options = CTrainingOptions.Of(network, rate);
            Schedule schedule = trainer?.Schedule ?? new Constant();
            bool counts = CTrainingOptions.CountsEpochs(schedule);
            if (counts && StepsPerEpoch is null)
            {
                Console.Error.WriteLine(
                    $"the learning rate stays: its schedule '{schedule.Name}' counts epochs, and --steps-per-epoch does not say how long one is");
            }

            return options with
            {
                Batch = Batch ?? 1,
                Accumulate = Accumulate ?? 1,
                Schedule = counts && StepsPerEpoch is null ? new Constant() : schedule,
                StepsPerEpoch = StepsPerEpoch ?? 0,
                Epochs = Epochs ?? Math.Max(1, trainer?.Epochs ?? 1),
                Frozen = Freeze is null ? options.Frozen : OptionText.Names(Freeze),
                Recompute = Recompute is null ? [] : OptionText.Names(Recompute),
            };
        }
    }
}
