namespace EmbeddedBackprop.Export.Text;

/// <summary>The versions that exported files carry.</summary>
internal static class CIdentity
{
    /// <summary>The engine's version: that of Directory.Build.props (a test compares them).</summary>
    public const string EngineVersion = IO.EngineVersion.Text;

    /// <summary>
    /// The format of exported files: it changes where a program that calls them must change, too. 1: exports without a version, whose self-test
    /// counted what was wrong. 2: the self-test returns a bit for each cause.
    /// </summary>
    public const int FormatVersion = 2;
}
