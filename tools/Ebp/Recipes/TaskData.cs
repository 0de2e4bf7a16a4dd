using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The samples of a task, cut into their parts.</summary>
/// <param name="Training">The training samples.</param>
/// <param name="Validation">The last training samples, held out; null if none were asked for.</param>
/// <param name="Test">The samples that judge the result.</param>
/// <param name="Preparation">The preparation of the inputs, and the names of inputs and classes.</param>
/// <param name="Fingerprint">Tells whether a later run trains on the same samples.</param>
internal sealed record TaskData(IBatchSource Training, IBatchSource? Validation, IBatchSource Test, Preparation Preparation, string Fingerprint)
{
    /// <summary>Steps of a gathered sequence; 0 where samples are none.</summary>
    public int Steps { get; init; }

    /// <summary>Samples of a window of a recording; 0 where there are none.</summary>
    public int Window { get; init; }

    /// <summary>Samples a second of recordings; 0 where there are none.</summary>
    public int Rate { get; init; }

    /// <summary>What was done with the data, a line each: how they were cut and split, what is odd about them.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public int Inputs => Training.InputLength;

    public Shape InputShape => Training.InputShape;

    /// <summary>0 where values are to be predicted.</summary>
    public int Classes => Training.ClassCount;

    /// <summary>The same samples, those for training changed a little in every epoch, where the recipe says so.</summary>
    public TaskData Augmented(Recipe recipe)
    {
        if (recipe.Get(TrainOptions.Augment) is not { } text)
        {
            return this;
        }

        ulong seed = recipe.Get(TrainOptions.Seed)!.Value;
        try
        {
            if (Window > 0)
            {
                return this with { Training = new AugmentedSignals(Training, SignalAugmentation.Parse(text), seed) };
            }

            _ = AugmentationOptions.Parse(text);
        }
        catch (FormatException exception)
        {
            throw ToolException.Usage($"--augment: {exception.Message}");
        }

        return InputShape.Rank >= 2 && Steps == 0
            ? this with { Training = new AugmentedImages(Training, AugmentationOptions.Parse(text), seed) }
            : throw ToolException.Usage($"--augment: it changes images and recordings, the data are {recipe.Get(TrainOptions.Data)}");
    }

    /// <summary>The same samples for a network that reproduces them.</summary>
    public TaskData Reproduced() => this with
    {
        Training = new ReproducedInputs(Training),
        Validation = Validation is null ? null : new ReproducedInputs(Validation),
        Test = new ReproducedInputs(Test),
        Preparation = Preparation with { ClassNames = null, Classes = 0 },
    };

    /// <summary>The same samples for a network with this many outputs: one for two classes, or as many as the data need.</summary>
    public TaskData ForOutputs(int outputs) => outputs == Training.TargetLength ? this : this with
    {
        Training = new BinaryTarget(Training), Validation = Validation is null ? null : new BinaryTarget(Validation), Test = new BinaryTarget(Test),
    };
}

/// <summary>The preparation that a prediction shares with training: kept in the model file.</summary>
/// <param name="Standardizer">Fitted on the training part; null where inputs are taken as they are.</param>
/// <param name="InputNames">The header of the table; null if there was none.</param>
/// <param name="ClassNames">The names of the classes; null where they are numbers from 0 on.</param>
/// <param name="Classes">How many classes there are; 0 where values are predicted.</param>
internal sealed record Preparation(Standardizer? Standardizer, IReadOnlyList<string>? InputNames, IReadOnlyList<string>? ClassNames, int Classes);
