namespace EmbeddedBackprop.IO;

/// <summary>A name and its factory.</summary>
internal readonly record struct NameRow<TSettings, T>(string Name, Func<TSettings, T> Make);

/// <summary>Things that are made by name: the library's, and those of a program's own that it registers. Any thread may register and make.</summary>
/// <param name="kind">Their kind, for the message about an unknown name.</param>
/// <param name="rows">The library's rows, in the order in which messages list their names.</param>
internal sealed class NameTable<TSettings, T>(string kind, params NameRow<TSettings, T>[] rows)
{
    private readonly Lock registering = new();

    /// <summary>Never changed, only exchanged: readers need no lock.</summary>
    private volatile NameRow<TSettings, T>[] own = [];

    /// <summary>The library's names.</summary>
    public IReadOnlyList<string> Names { get; } = Array.ConvertAll(rows, row => row.Name);

    public bool Knows(string name) => Find(name) is not null;

    /// <exception cref="ArgumentException">No row has this name; the message lists the names there are.</exception>
    public T Make(string name, TSettings settings) =>
        Find(name) is { } row ? row.Make(settings) : throw NameTable.Unknown(kind, name, Names.Concat(own.Select(registered => registered.Name)));

    /// <summary>Adds a row of a program's own, or replaces one.</summary>
    /// <exception cref="ArgumentException">The name is one of the library's, or no word.</exception>
    public void Register(string name, Func<TSettings, T> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        NameTable.RequireWord(kind, name);
        if (Names.Contains(name))
        {
            throw new ArgumentException($"{kind} {name}: the library has one of this name");
        }

        lock (registering)
        {
            own = [.. own.Where(row => row.Name != name), new(name, make)];
        }
    }

    private NameRow<TSettings, T>? Find(string name)
    {
        foreach (NameRow<TSettings, T> row in rows)
        {
            if (row.Name == name)
            {
                return row;
            }
        }

        foreach (NameRow<TSettings, T> row in own)
        {
            if (row.Name == name)
            {
                return row;
            }
        }

        return null;
    }
}

/// <summary>The messages of all tables.</summary>
internal static class NameTable
{
    /// <summary>Files write a name without quotes: letters, digits, and <c>- _ .</c>, a letter first.</summary>
    /// <exception cref="ArgumentException">The name is another one.</exception>
    public static void RequireWord(string kind, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!IsWord(name))
        {
            throw new ArgumentException(
                $"{kind} '{name}': a file cannot hold this name: expected letters, digits, '-', '_' and '.', a letter first");
        }
    }

    private static bool IsWord(string name)
    {
        bool isWord = char.IsAsciiLetter(name[0]);
        foreach (char c in name)
        {
            isWord &= char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
        }

        return isWord;
    }

    public static ArgumentException Unknown(string kind, string name, IEnumerable<string> names) =>
        new($"{kind} {name}: there is none of this name; known are {string.Join(", ", names)}");
}
