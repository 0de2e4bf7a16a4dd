using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>
/// A source of samples: its name for --data, its options, and the reading of its samples. A source is one file and one row of <see cref="All"/>.
/// </summary>
internal abstract class DataSource
{
    /// <summary>The sources; the first one is the default of a training.</summary>
    public static IReadOnlyList<DataSource> All { get; } =
        [new DigitsSource(), new MnistSource(), new CsvSource(), new StrokesSource(), new WavSource(), new RawSource()];

    /// <summary>Its name for --data: a word, or a word, a colon and an argument, as in csv:FILE.</summary>
    public abstract string Usage { get; }

    /// <summary>Its samples, for the help.</summary>
    public abstract string About { get; }

    /// <summary>The options of <see cref="OptionGroup.Data"/> that it understands; --padding is understood where samples are sequences.</summary>
    public virtual IReadOnlyList<RecipeOption> Reads => [];

    /// <summary>The names of the inputs where the data give none.</summary>
    public virtual IReadOnlyList<string> InputNames => [];

    /// <summary>The factor from a byte to an input before it is standardised, where samples are bytes; else null.</summary>
    public virtual float? ByteScale(Recipe recipe) => null;

    /// <summary>The factor from a sample of 16 bits to an input, where samples are recordings; else null.</summary>
    public virtual float? SampleScale(Recipe recipe) => null;

    /// <summary>Whether a training may be resumed with the same samples from another path.</summary>
    public virtual bool MayMove => false;

    /// <summary>Whether the recipe's samples are sequences.</summary>
    public virtual bool IsSequence(Recipe recipe) => false;

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="ToolException">They do.</exception>
    public virtual void Check(Recipe recipe)
    {
    }

    /// <summary>Training, validation and test samples.</summary>
    public abstract TaskData Load(Recipe recipe);

    /// <summary>The samples that a finished model is judged by: the test part, or all.</summary>
    /// <param name="recipe">Names the data.</param>
    /// <param name="whole">Whether data that could be split are taken whole.</param>
    /// <param name="preparation">The training's preparation of inputs, and its names of classes.</param>
    public abstract IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation);

    /// <summary>The recipe as the model file keeps it, once the data are known.</summary>
    public virtual Recipe Recorded(Recipe recipe, TaskData data) => recipe;
}
