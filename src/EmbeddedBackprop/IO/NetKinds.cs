using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Every kind of op that a net's text can name. Reading a text roots them all; a program that builds its net in code and only writes the text does
/// not.
/// </summary>
internal static class NetKinds
{
    private static readonly NetKind[] Known =
    [
        new("dense SIZE [ACTIVATION] [NODE]", words =>
        {
            int outputs = words.Count("a size");
            return f => new Dense(outputs, f);
        })
        { Activates = true },
        new("conv FILTERS KERNEL [sSTRIDE] [pPADDING|same|valid] [dDILATION] [gGROUPS] [ACTIVATION] [NODE]", words =>
        {
            int filters = words.Count("a number of filters");
            (int height, int width) = words.Pair("a kernel");
            ConvOptions options = Convolution(words);
            return f => new Conv2D(filters, height, width, f, options);
        })
        { Activates = true },
        new("conv1d FILTERS KERNEL [sSTRIDE] [pPADDING|same|valid|causal] [dDILATION] [gGROUPS] [ACTIVATION] [NODE]", words =>
        {
            int filters = words.Count("a number of filters"), kernel = words.Count("a kernel");
            ConvOptions options = new()
            {
                Padding = words.Flag("causal") ? ConvPadding.Causal : Padding(words),
                StrideX = words.Lettered("s") ?? 1, PaddingX = words.Lettered("p", 0) ?? 0, DilationX = words.Lettered("d") ?? 1,
                Groups = words.Lettered("g") ?? 1,
            };
            return f => new Conv1D(filters, kernel, f, options);
        })
        { Activates = true },
        new("conv-transpose FILTERS KERNEL [sSTRIDE] [pPADDING] [oOUTPUT_PADDING] [dDILATION] [gGROUPS] [ACTIVATION] [NODE]", words =>
        {
            int filters = words.Count("a number of filters");
            (int height, int width) = words.Pair("a kernel");
            (int y, int x) = words.LetteredPair("o", 0) ?? (0, 0);
            ConvOptions options = Convolution(words) with { OutputPaddingY = y, OutputPaddingX = x };
            return f => new ConvTranspose2D(filters, height, width, f, options);
        })
        { Activates = true },
        new("activate ACTIVATION [NODE]", _ => f => new Activate(f)) { Activates = true, NeedsActivation = true },
        new("rnn SIZE [relu] [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentFunction function = words.Flag("relu") ? RecurrentFunction.Relu : RecurrentFunction.Tanh;
            RecurrentOptions options = Recurrence(words);
            return _ => new Rnn(hidden, function, options);
        })
        { MaximumOperands = 2 },
        new("gru SIZE [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentOptions options = Recurrence(words);
            return _ => new Gru(hidden, options);
        })
        { MaximumOperands = 2 },
        new("lstm SIZE [all] [bidirectional] [carry] [truncateSTEPS] [NODE [MASK]]", words =>
        {
            int hidden = words.Count("a size");
            RecurrentOptions options = Recurrence(words);
            return _ => new Lstm(hidden, options);
        })
        { MaximumOperands = 2 },
    ];

    private static readonly Dictionary<string, NetKind> ByName = Known
        .Concat(NetValueKinds.All)
        .ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    private static readonly Lock Registering = new();

    /// <summary>Kinds of a program's own. The dictionary is never changed, only exchanged: readers need no lock.</summary>
    private static volatile Dictionary<string, NetKind> own = [];

    /// <summary>The kind of this name; null if there is none.</summary>
    public static NetKind? Find(string name) => ByName.GetValueOrDefault(name) ?? own.GetValueOrDefault(name);

    /// <summary>Adds a kind of a program's own, or replaces one.</summary>
    /// <exception cref="ArgumentException">The name is one of the library's, or no word.</exception>
    public static void Register(NetKind kind)
    {
        NameTable.RequireWord("op", kind.Name);
        if (ByName.ContainsKey(kind.Name) || kind.Name is "input" or "again" or "loss")
        {
            throw new ArgumentException($"op {kind.Name}: the library has one of this name");
        }

        lock (Registering)
        {
            own = new(own) { [kind.Name] = kind };
        }
    }

    /// <summary>All names, for an error message.</summary>
    public static string Names => string.Join(", ", ByName.Keys.Concat(own.Keys));

    /// <summary>The form of every statement of the library's kinds, in the order of the table.</summary>
    public static IEnumerable<string> Usages => ByName.Values.Select(kind => kind.Usage);

    private static RecurrentOptions Recurrence(NetWords words) => new()
    {
        AllSteps = words.Flag("all"),
        Bidirectional = words.Flag("bidirectional"),
        CarryState = words.Flag("carry"),
        TruncateEvery = words.Lettered("truncate") ?? 0,
    };

    private static ConvOptions Convolution(NetWords words)
    {
        (int strideY, int strideX) = words.LetteredPair("s") ?? (1, 1);
        (int paddingY, int paddingX) = words.LetteredPair("p", 0) ?? (0, 0);
        (int dilationY, int dilationX) = words.LetteredPair("d") ?? (1, 1);
        return new ConvOptions
        {
            Padding = Padding(words), StrideY = strideY, StrideX = strideX, PaddingY = paddingY, PaddingX = paddingX,
            DilationY = dilationY, DilationX = dilationX, Groups = words.Lettered("g") ?? 1,
        };
    }

    private static ConvPadding Padding(NetWords words)
    {
        bool same = words.Flag("same");
        _ = words.Flag("valid"); // what is done where nothing is said
        return same ? ConvPadding.Same : ConvPadding.Explicit;
    }
}
