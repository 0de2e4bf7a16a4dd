namespace EmbeddedBackprop.IO;

/// <summary>The version of the library that files name as their writer: that of the assembly, without asking it at run time.</summary>
internal static class EngineVersion
{
    public const string Text = "0.1.0";
}
