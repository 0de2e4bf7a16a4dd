using System.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Indented lines of a C function, with loops and the sums of sizes that are known.</summary>
/// <param name="depth">How far the first line is indented.</param>
internal sealed class CBlockText(int depth = 0)
{
    private readonly StringBuilder text = new();
    private int depth = depth;

    /// <summary>A line.</summary>
    public void Line(string line) => text.Append(' ', 4 * depth).Append(line).Append('\n');

    /// <summary>Several lines.</summary>
    public void Lines(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            Line(line);
        }
    }

    /// <summary>Begins a block after a line; an empty line makes a block by itself.</summary>
    public void Open(string line = "")
    {
        Line(line.Length == 0 ? "{" : line + " {");
        depth++;
    }

    /// <summary>Begins the body of a function.</summary>
    public void OpenBody()
    {
        Line("{");
        depth++;
    }

    /// <summary>Ends the block.</summary>
    public void Close()
    {
        depth--;
        Line("}");
    }

    /// <summary>The C expression of index * factor; an empty index is 0.</summary>
    public static string Times(string index, int factor) =>
        index.Length == 0 || factor == 0 ? "" : factor == 1 ? index : $"({index} * {factor}u)";

    /// <summary>The C expression of a sum of terms, of which empty ones are 0, and a constant.</summary>
    public static string Sum(int constant, params ReadOnlySpan<string> terms)
    {
        List<string> all = [];
        foreach (string term in terms)
        {
            if (term.Length > 0)
            {
                all.Add(term);
            }
        }

        if (constant > 0 || all.Count == 0)
        {
            all.Add($"{constant}u");
        }

        if (all is [['(', .. string inner, ')']] && !inner.Contains('('))
        {
            return inner;
        }

        // Each sum of two has brackets: C's own order of operators is not relied on.
        string sum = all[0];
        for (int i = 1; i < all.Count; i++)
        {
            sum = i == all.Count - 1 ? $"{sum} + {all[i]}" : $"({sum} + {all[i]})";
        }

        return sum;
    }

    public override string ToString() => text.ToString();
}
