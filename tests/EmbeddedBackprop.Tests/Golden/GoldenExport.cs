namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Collects the networks of the golden cases, with the parameters of their files, so that they can be exported.</summary>
internal static class GoldenExport
{
    [ThreadStatic]
    private static Dictionary<string, Case>? collected;

    /// <summary>A golden case.</summary>
    internal sealed record Case(string File, Plan Plan, float[] Parameters, float[] State);

    /// <summary>Runs tests of golden cases and returns the subject of each file, once.</summary>
    public static IReadOnlyList<Case> Collect(params ReadOnlySpan<Action> tests)
    {
        Dictionary<string, Case> cases = collected = new(StringComparer.Ordinal);
        try
        {
            foreach (Action test in tests)
            {
                test();
            }
        }
        finally
        {
            collected = null;
        }

        return [.. cases.Values];
    }

    /// <summary>Called by the tests when a plan has its parameters; does nothing unless a test collects.</summary>
    /// <param name="where">The file, and after a space the trial.</param>
    public static void Note(string where, Plan plan, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state = default)
    {
        string file = where.Split(' ')[0];
        if (collected is { } cases && !cases.ContainsKey(file))
        {
            cases.Add(file, new Case(file, plan, [.. parameters], [.. state]));
        }
    }
}
