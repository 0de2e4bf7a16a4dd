using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Probe;

/// <summary>
/// One deployment for all x64 processors: the build for every processor starts the one for AVX-512 or AVX2, NAME-v4 or NAME-v3, that lies beside it.
/// </summary>
/// <remarks>
/// The process stays the same, with its number, arguments, environment, files and terminal: signals reach the other build, and its exit code is the
/// process's. Copy this file into a program of your own (docs/aot.md, "One deployment"). For Linux and macOS.
/// </remarks>
internal static partial class BestBuild
{
    /// <summary>Becomes the best build; returns where this is the best there is, or where the other cannot be started.</summary>
    public static void Start(string[] arguments)
    {
        if (Find() is { } build)
        {
            Become(build, [build, .. arguments, null]);
        }
    }

    /// <summary>The build to start; null for this one.</summary>
    public static string? Find()
    {
        // Only the build for every processor looks for others: they need not ask again.
        for (int level = Processor.Level; Processor.BuildLevel == 2 && level > 2; level--)
        {
            string build = $"{Environment.ProcessPath}-v{level}";
            if (File.Exists(build))
            {
                return build;
            }
        }

        return null;
    }

    // Returns only if it failed.
    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Become(string path, string?[] arguments);
}
