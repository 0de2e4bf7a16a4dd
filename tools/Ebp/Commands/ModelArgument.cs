using System.CommandLine;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>The model file that several verbs take.</summary>
internal static class ModelArgument
{
    public static Argument<string> Create(bool optional = false) => new("MODEL")
    {
        Description = "The model file, as train wrote it.",
        Arity = optional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
    };
}
