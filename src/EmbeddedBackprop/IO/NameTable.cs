namespace EmbeddedBackprop.IO;

/// <summary>A name and its factory.</summary>
internal readonly record struct NameRow<TSettings, T>(string Name, Func<TSettings, T> Make);

/// <summary>Things that are made by name.</summary>
/// <param name="kind">Their kind, for the message about an unknown name.</param>
/// <param name="rows">The rows, in the order in which messages list their names.</param>
internal sealed class NameTable<TSettings, T>(string kind, params NameRow<TSettings, T>[] rows)
{
    public IReadOnlyList<string> Names { get; } = Array.ConvertAll(rows, row => row.Name);

    /// <exception cref="ArgumentException">No row has this name; the message lists the names there are.</exception>
    public T Make(string name, TSettings settings)
    {
        foreach (NameRow<TSettings, T> row in rows)
        {
            if (row.Name == name)
            {
                return row.Make(settings);
            }
        }

        throw NameTable.Unknown(kind, name, Names);
    }
}

/// <summary>The message of all tables.</summary>
internal static class NameTable
{
    public static ArgumentException Unknown(string kind, string name, IEnumerable<string> names) =>
        new($"{kind} {name}: there is none of this name; known are {string.Join(", ", names)}");
}
