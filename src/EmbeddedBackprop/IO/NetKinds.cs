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
        new("rnn", "rnn SIZE [relu] [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentFunction function = words.Flag("relu") ? RecurrentFunction.Relu : RecurrentFunction.Tanh;
            RecurrentOptions options = Recurrence(words);
            return _ => new Rnn(hidden, function, options);
        })
        { MaximumOperands = 2 },
        new("gru", "gru SIZE [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentOptions options = Recurrence(words);
            return _ => new Gru(hidden, options);
        })
        { MaximumOperands = 2 },
        new("lstm", "lstm SIZE [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentOptions options = Recurrence(words);
            return _ => new Lstm(hidden, options);
        })
        { MaximumOperands = 2 },
    ];

    private static readonly Dictionary<string, NetKind> ByName = Known.ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    /// <summary>The kind of this name; null if there is none.</summary>
    public static NetKind? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>All names, for an error message.</summary>
    public static string Names => string.Join(", ", ByName.Keys);

    /// <summary>The form of every statement, in the order of the table.</summary>
    public static IEnumerable<string> Usages => Known.Select(kind => kind.Usage);

    private static RecurrentOptions Recurrence(NetWords words) => new()
    {
        AllSteps = words.Flag("all"),
        Bidirectional = words.Flag("bidirectional"),
        CarryState = words.Flag("carry"),
        TruncateEvery = words.Lettered("truncate") ?? 0,
    };
}
