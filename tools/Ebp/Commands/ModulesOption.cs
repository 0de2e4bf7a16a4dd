using System.CommandLine;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>--modules: which module of PyTorch each layer is, for import and export of weights.</summary>
internal static class ModulesOption
{
    public static Option<string?> Create() => new("--modules")
    {
        HelpName = "PAIRS",
        Description = "PyTorch's module of each layer, as in \"conv1=features.0 dense1=classifier\"; the second layer of a stack is lstm:1.",
    };

    /// <exception cref="ToolException">A word is no pair, or a layer occurs twice.</exception>
    public static Dictionary<string, string> Read(string? text)
    {
        Dictionary<string, string> modules = new(StringComparer.Ordinal);
        foreach (string pair in (text ?? "").Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !modules.TryAdd(pair[..equals], pair[(equals + 1)..]))
            {
                throw ToolException.Usage($"--modules: expected LAYER=MODULE, each layer once, got '{pair}'");
            }
        }

        return modules;
    }
}
