using System.CommandLine;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>The option that every verb has.</summary>
internal static class Json
{
    public static Option<bool> Option() => new("--json") { Description = "The result as one JSON object on the last line of standard output." };
}
