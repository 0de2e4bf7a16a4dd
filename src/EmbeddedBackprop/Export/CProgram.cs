using System.Text;

namespace EmbeddedBackprop.Export;

/// <summary>Collects what the ops write: the routines they share, the functions these use, and the statements of model_predict.</summary>
internal sealed class CProgram(string prefix)
{
    private readonly HashSet<string> routineNames = new(StringComparer.Ordinal);
    private readonly StringBuilder routines = new();
    private readonly StringBuilder statements = new();

    /// <summary>What the names of routines and types begin with.</summary>
    public string Prefix => prefix;

    /// <summary>What is needed of <see cref="CMath"/>.</summary>
    public CFunctions Functions { get; private set; }

    /// <summary>The static functions in the order in which they were asked for.</summary>
    public string Routines => routines.ToString();

    /// <summary>The body of model_predict.</summary>
    public string Statements => statements.ToString();

    /// <summary>Asks for a routine, once however often it is used; every function name in the text begins with "ebp_".</summary>
    /// <returns>The name to call the routine by.</returns>
    public string Routine(string name, CFunctions functions, string text)
    {
        Functions |= functions;
        if (routineNames.Add(name))
        {
            // Macros are in capitals and keep their names.
            routines.Append('\n').Append(text.Replace("ebp_", prefix + "_", StringComparison.Ordinal));
        }

        return prefix + "_" + name;
    }

    /// <summary>A line of a comment in front of a step; names in it went through <see cref="CText.Comment"/>.</summary>
    public void Comment(string text) => statements.Append("    /* ").Append(text).Append(" */\n");

    /// <summary>A statement of model_predict.</summary>
    public void Statement(string text) => statements.Append("    ").Append(text).Append('\n');

    /// <summary>A statement that copies numbers between places that do not overlap.</summary>
    public void Copy(int length, string from, string to) => Statement($"(void)memcpy({to}, {from}, {CText.Size(length)} * sizeof(float));");

    /// <summary>An empty line between two steps.</summary>
    public void Gap()
    {
        if (statements.Length > 0)
        {
            statements.Append('\n');
        }
    }
}
