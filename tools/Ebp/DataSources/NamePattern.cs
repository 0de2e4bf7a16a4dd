namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>
/// A pattern on the names of files, as in {label}_{speaker}_{take}.wav: a field in braces is as short as can be, and has no slash; * is a field
/// without a name. A pattern with a slash is one on the path inside the folder, another one is on the file's name alone.
/// </summary>
internal sealed class NamePattern
{
    private readonly string pattern;
    private readonly List<string> literals = [];
    private readonly List<string> fields = [];

    /// <exception cref="ToolException">A brace is not closed, two fields touch, or a field has no name.</exception>
    public NamePattern(string pattern)
    {
        this.pattern = pattern;
        int at = 0;
        while (pattern.AsSpan(at).IndexOfAny('{', '*') is >= 0 and int next)
        {
            int open = at + next, close = pattern[open] == '*' ? open : pattern.IndexOf('}', open);
            string field = close > open ? pattern[(open + 1)..close] : "";
            if (close < 0 || (close > open && (field.Length == 0 || field.Contains('{', StringComparison.Ordinal) || fields.Contains(field)))
                || (open == at && fields.Count > 0))
            {
                throw ToolException.Usage(
                    $"--files: expected fields in braces, text between, each of its own name, as in {{label}}_{{speaker}}_*.wav, got '{pattern}'");
            }

            literals.Add(pattern[at..open]);
            fields.Add(field);
            at = close + 1;
        }

        literals.Add(pattern[at..]);
    }

    /// <summary>The names of the fields.</summary>
    public IEnumerable<string> Fields => fields.Where(name => name.Length > 0);

    /// <summary>What a file's name has for a field.</summary>
    /// <param name="name">The path inside the folder, with / between.</param>
    /// <returns>Values by the names of the fields; null where the name does not follow the pattern.</returns>
    public Dictionary<string, string>? Match(string name)
    {
        string text = pattern.Contains('/', StringComparison.Ordinal) ? name : name[(name.LastIndexOf('/') + 1)..];
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        if (!text.StartsWith(literals[0], StringComparison.Ordinal))
        {
            return null;
        }

        int at = literals[0].Length;
        for (int i = 0; i < fields.Count; i++)
        {
            string after = literals[i + 1];
            int end = i + 1 == fields.Count
                ? text.EndsWith(after, StringComparison.Ordinal) ? text.Length - after.Length : -1
                : at + 1 <= text.Length ? text.IndexOf(after, at + 1, StringComparison.Ordinal) : -1;
            if (end <= at || text.AsSpan(at, end - at).Contains('/'))
            {
                return null;
            }

            if (fields[i].Length > 0)
            {
                values.Add(fields[i], text[at..end]);
            }

            at = end + after.Length;
        }

        return at == text.Length ? values : null;
    }

    public override string ToString() => pattern;
}
