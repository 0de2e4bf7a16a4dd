namespace EmbeddedBackprop.Tests.Support;

/// <summary>How much a test does: its quick form in every run, more with EBP_SLOW=1 (as CI does), its long form with EBP_LONG=1.</summary>
internal static class Effort
{
    /// <summary>Whether this run has the long forms.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("EBP_LONG") == "1";

    /// <summary>Whether this run has the slow forms.</summary>
    public static bool IsSlow { get; } = IsLong || Environment.GetEnvironmentVariable("EBP_SLOW") == "1";

    /// <summary>The number of draws, of mutants or of steps.</summary>
    public static int Of(int quick, int slow, int whole) => IsLong ? whole : IsSlow ? slow : quick;

    /// <summary>Ignores a test that has a long form only.</summary>
    public static void RequireLong(string what)
    {
        if (!IsLong)
        {
            Assert.Ignore($"{what}: EBP_LONG=1 runs it");
        }
    }
}
