namespace EmbeddedBackprop.IO;

/// <summary>The module of each layer: the one that is named for it, the one of its name, or the next one whose shapes fit.</summary>
internal sealed class StateDictMatching
{
    private readonly string file;
    private readonly List<StateDictLayer> layers;
    private readonly List<StateDictModule> all;
    private readonly bool byOrder;

    public StateDictMatching(
        string file, List<StateDictLayer> layers, List<StateDictModule> modules, IReadOnlyDictionary<string, string> named)
    {
        this.file = file;
        this.layers = layers;
        all = modules;
        StateDictLayer.RequireAll(layers, named);
        StateDictModule?[] found = Array.ConvertAll<StateDictLayer, StateDictModule?>(
            [.. layers], layer => named.TryGetValue(layer.Name, out string? name) ? Find(layer.Name, name) : null);
        List<StateDictModule> rest = [.. modules.Where(module => !found.Contains(module))];
        int[] open = [.. Enumerable.Range(0, layers.Count).Where(i => found[i] is null)];
        if (open.Length > 0)
        {
            if (open.Length != rest.Count)
            {
                throw Error(
                    $"{open.Length} layers ({string.Join(", ", open.Select(i => layers[i].Name))}) cannot be matched with {rest.Count} modules "
                    + $"({string.Join(", ", rest.Select(module => $"'{module.Name}'"))}) in order; name the module of each layer");
            }

            List<StateDictModule> ownNames = [.. open.Select(i => rest.Find(module => module.Name == layers[i].Name)).OfType<StateDictModule>()];
            byOrder = ownNames.Count < open.Length;
            List<StateDictModule> ordered = byOrder ? InOrder(open, rest) : ownNames;
            for (int i = 0; i < open.Length; i++)
            {
                found[open[i]] = ordered[i];
            }
        }

        Modules = found!;
        for (int i = 0; i < layers.Count; i++)
        {
            if (layers[i].Misfit(Modules[i]) is { } problem)
            {
                throw Error($"layer '{layers[i].Name}' ({layers[i]}) does not fit module '{Modules[i].Name}': {problem}");
            }
        }
    }

    /// <summary>The module of each layer.</summary>
    public StateDictModule[] Modules { get; }

    public StateDictReport Report()
    {
        List<StateDictEntry> entries = [];
        for (int i = 0; i < layers.Count; i++)
        {
            foreach (StateDictSlot slot in layers[i].Slots)
            {
                entries.Add(new StateDictEntry(slot.Name, Modules[i].Tensors.GetValueOrDefault(slot.Tensor)?.Name, slot.Shape));
            }
        }

        IEnumerable<string> same = layers
            .GroupBy(layer => layer.ToString(), StringComparer.Ordinal)
            .Where(group => byOrder && group.Count() > 1)
            .SelectMany(group => group.Select(layer => layer.Name));
        return new StateDictReport(entries, [.. same], [.. all.Except(Modules).Select(module => module.Name)]);
    }

    /// <summary>
    /// For each layer the first module left whose shapes fit, in the file's order; where none fits, one to name in the message. In a file that is
    /// sorted by name, as safetensors are, module 10 comes before 2: there numbers decide.
    /// </summary>
    private List<StateDictModule> InOrder(int[] open, List<StateDictModule> modules)
    {
        bool sorted = modules.SequenceEqual(modules.OrderBy(module => module.Name, StringComparer.Ordinal));
        List<StateDictModule> left = sorted ? [.. modules.OrderBy(module => module.Name, Comparer<string>.Create(CompareNumbers))] : [.. modules];
        List<StateDictModule> taken = [];
        foreach (int i in open)
        {
            StateDictModule module = left.Find(module => layers[i].Misfit(module) is null)
                ?? left.Find(module => module.Tensors.ContainsKey(layers[i].Slots[0].Tensor))
                ?? left[0];
            taken.Add(module);
            left.Remove(module);
        }

        return taken;
    }

    private StateDictModule Find(string layer, string name) => all.Find(module => module.Name == name)
        ?? throw Error($"there is no module '{name}' for layer '{layer}'; there are {string.Join(", ", all.Select(module => $"'{module.Name}'"))}");

    /// <summary>Compares names with the numbers in them as numbers: features.2 comes before features.10.</summary>
    private static int CompareNumbers(string a, string b)
    {
        for (int i = 0, j = 0; i < a.Length && j < b.Length;)
        {
            int first = Digits(a, i), second = Digits(b, j);
            int order = first > 0 && second > 0
                ? CompareDigits(a.AsSpan(i, first).TrimStart('0'), b.AsSpan(j, second).TrimStart('0'))
                : a[i].CompareTo(b[j]);
            if (order != 0)
            {
                return order;
            }

            (i, j) = (i + Math.Max(first, 1), j + Math.Max(second, 1));
        }

        return a.Length.CompareTo(b.Length);
    }

    private static int CompareDigits(ReadOnlySpan<char> a, ReadOnlySpan<char> b) =>
        a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);

    private static int Digits(string text, int start)
    {
        int end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end - start;
    }

    private DataFormatException Error(string problem) => new(file, 0, problem);
}
