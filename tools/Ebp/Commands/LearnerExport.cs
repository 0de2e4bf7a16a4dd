using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>What the commands take that need the C export of a learner again: the model, the options of its export, --force and --json.</summary>
internal sealed class LearnerExport
{
    private readonly Argument<string> model = ModelArgument.Create();
    private readonly Option<bool> force = OutputTarget.Force();
    private readonly Option<bool> json = Json.Option();
    private readonly ExportTrainingOptions training;
    private readonly ExportStorageOptions storage;
    private readonly OptionReader arithmetic;

    /// <param name="command">Gets the arguments and options.</param>
    public LearnerExport(Command command)
    {
        training = new ExportTrainingOptions(command, always: true);
        storage = new ExportStorageOptions(command, judges: false);
        arithmetic = new OptionReader(command, [TrainOptions.Arithmetic]);
        command.Arguments.Add(model);
        command.Options.Add(force);
        command.Options.Add(json);
    }

    /// <summary>The command line's.</summary>
    public Given Read(ParseResult parsed) => new(
        parsed.GetRequiredValue(model),
        parsed.GetValue(force),
        parsed.GetValue(json),
        training.Read(parsed)!,
        storage.Read(parsed, new CExportOptions { Arithmetic = ArithmeticOf(arithmetic.Read(parsed)) }));

    /// <summary>The arithmetic of an export; null for the model's own.</summary>
    public static Arithmetic? ArithmeticOf(Recipe given) =>
        given.Get(TrainOptions.Arithmetic) switch { null => null, "fused" => Arithmetic.Fused, _ => Arithmetic.Separate };

    /// <summary>What was given.</summary>
    internal sealed record Given(string Path, bool Force, bool Json, ExportTrainingOptions.Wish Training, CExportOptions Asked)
    {
        /// <summary>The options of the export.</summary>
        /// <exception cref="ToolException">There is no layer of a name.</exception>
        public CExportOptions For(SavedModel saved) => Asked with { Training = Training.For(saved) };
    }
}
