namespace EmbeddedBackprop.Tests.Support;

/// <summary>How much a test does: its quick form in every run, its long form where EBP_LONG is 1.</summary>
internal static class Effort
{
    /// <summary>Whether this run has the long forms.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("EBP_LONG") == "1";

    /// <summary>The number of draws, of mutants or of steps.</summary>
    public static int Of(int quick, int whole) => IsLong ? whole : quick;
}
