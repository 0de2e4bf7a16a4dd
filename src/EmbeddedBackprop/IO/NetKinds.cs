using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Every kind of op that a net's text can name. Reading a text roots them all; a program that builds its net in code and only writes the text does not.
/// </summary>
internal static class NetKinds
{
    private static readonly NetKind[] Known =
    [
        new("dense", "dense SIZE [ACTIVATION] [NODE]", words =>
        {
            int outputs = words.Count("a size");
            return f => new Dense(outputs, f);
        })
        { Activates = true },
        new("activate", "activate ACTIVATION [NODE]", _ => f => new Activate(f)) { Activates = true, NeedsActivation = true },
    ];

    private static readonly Dictionary<string, NetKind> ByName = Known.ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    /// <summary>The kind of this name; null if there is none.</summary>
    public static NetKind? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Whether ops of this kind end in an activation.</summary>
    public static bool Activates(string kind) => Find(kind) is { Activates: true, NeedsActivation: false };

    /// <summary>All names, for an error message.</summary>
    public static string Names => string.Join(", ", ByName.Keys);

    /// <summary>The form of every statement, in the order of the table.</summary>
    public static IEnumerable<string> Usages => Known.Select(kind => kind.Usage);
}
