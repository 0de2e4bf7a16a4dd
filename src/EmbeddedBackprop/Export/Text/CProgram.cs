using System.Text;

namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// Collects what the ops write: the routines they share, the functions these use, and the statements of one function after the other.
/// </summary>
internal sealed class CProgram(string prefix)
{
    private readonly HashSet<string> routineNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> routineTexts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> constants = new(StringComparer.Ordinal);
    private readonly StringBuilder routines = new();
    private readonly StringBuilder statements = new();
    private readonly List<string> steps = [];
    private string? opening;
    private int depth = 1;

    /// <summary>The prefix of routines and types.</summary>
    public string Prefix => prefix;

    /// <summary>Whether routines are shared where functions of constant sizes would be faster.</summary>
    public bool IsSmall { get; init; }

    /// <summary>The functions of <see cref="CMath"/> that are needed.</summary>
    public CFunctions Functions { get; private set; }

    /// <summary>The static functions in the order in which they were asked for.</summary>
    public string Routines => routines.ToString();

    /// <summary>The body of the function that is being written.</summary>
    public string Statements => statements.ToString();

    /// <summary>The names of the steps of all functions; the first one has the number 1 (<see cref="Hook"/>).</summary>
    public IReadOnlyList<string> Steps => steps;

    /// <summary>The statement at the end of a step: NAME_STEP(number), a macro that a user may define.</summary>
    /// <param name="name">The step's name for NAME_STEP_NAMES.</param>
    public string Hook(string name)
    {
        steps.Add(name);
        return $"{prefix.ToUpperInvariant()}_STEP({CText.Size(steps.Count)});";
    }

    /// <summary>Asks for a routine, once however often it is used; every function name in the C begins with "ebp_".</summary>
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

    /// <summary>Asks for a routine whose name may be a user's: where another one has it, it gets a suffix.</summary>
    /// <param name="name">The name, without the prefix.</param>
    /// <param name="functions">The functions that the routine uses.</param>
    /// <param name="text">The routine, given its name.</param>
    public string Routine(string name, CFunctions functions, Func<string, string> text)
    {
        string free = name;
        for (int number = 2; routineTexts.TryGetValue(free, out string? other) && other != text(free); number++)
        {
            free = name + "_" + CText.Number(number);
        }

        routineTexts[free] = text(free);
        return Routine(free, functions, text(free));
    }

    /// <summary>Asks for a constant of a structure's type, once for all that have the same values.</summary>
    /// <param name="type">The type, without the prefix; its routine was asked for.</param>
    /// <param name="fields">The designated initialisers, whole lines.</param>
    /// <returns>The C expression of its address.</returns>
    public string Constant(string type, string fields)
    {
        if (!constants.TryGetValue(type + fields, out string? name))
        {
            string number = CText.Number(constants.Count + 1);
            name = Routine($"{type}_{number}", CFunctions.None, $"static const ebp_{type} ebp_{type}_{number} = {{\n{fields}}};\n");
            constants.Add(type + fields, name);
        }

        return "&" + name;
    }

    /// <summary>Asks for functions that a statement uses.</summary>
    public void Need(CFunctions functions) => Functions |= functions;

    /// <summary>A line of a comment before a step; names in it went through <see cref="CText.Comment"/>.</summary>
    public void Comment(string text) => Line($"/* {text} */");

    /// <summary>A statement.</summary>
    public void Statement(string text)
    {
        if (opening is { } line)
        {
            opening = null;
            Line(Head(line));
            depth++;
        }

        Line(text);
    }

    /// <summary>Statements printed from a formula.</summary>
    public void Write(CFormulaText formula)
    {
        Functions |= formula.Functions;
        foreach (string line in formula.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Statement(line.Replace("ebp_", prefix + "_", StringComparison.Ordinal));
        }
    }

    /// <summary>A formula as one expression, however often a value is read in it.</summary>
    public string Expression(Kernels.Lanes.LaneText value)
    {
        CFormulaText formula = CFormula.Expression(value);
        Functions |= formula.Functions;
        return formula.Text.Replace("ebp_", prefix + "_", StringComparison.Ordinal);
    }

    /// <summary>
    /// Begins a block after a line such as a loop's head; with an empty line it is a block by itself. It is written with its first statement:
    /// comments come before it, and a block without statements is left out.
    /// </summary>
    public void Open(string line)
    {
        if (opening is { } outer)
        {
            Line(Head(outer));
            depth++;
        }

        opening = line;
    }

    /// <summary>Ends the block.</summary>
    public void Close()
    {
        if (opening is not null)
        {
            opening = null;
            return;
        }

        depth--;
        Line("}");
    }

    /// <summary>A statement that copies elements between ranges that do not overlap.</summary>
    public void Copy(int length, string from, string to, string type = "float") =>
        Statement($"(void)memcpy({to}, {from}, {CText.Size(length)} * sizeof({type}));");

    /// <summary>An empty line between two steps.</summary>
    public void Gap()
    {
        if (statements.Length > 0)
        {
            statements.Append('\n');
        }
    }

    /// <summary>The statements so far; the next ones belong to another function.</summary>
    public string TakeStatements()
    {
        string text = statements.ToString();
        statements.Clear();
        return text;
    }

    private static string Head(string line) => line.Length == 0 ? "{" : line + " {";

    private void Line(string text) => statements.Append(' ', 4 * depth).Append(text).Append('\n');
}
