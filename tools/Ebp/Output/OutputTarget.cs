namespace EmbeddedBackprop.Tools.Output;

/// <summary>A file or folder that is written at the end; tried before the work begins.</summary>
internal static class OutputTarget
{
    /// <summary>Tries whether a file can be written, and leaves nothing there.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckFile(string path)
    {
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
        {
            throw ToolException.CannotWrite($"cannot write '{path}': it is a folder");
        }

        CheckFolder(Path.GetDirectoryName(Path.GetFullPath(path))!, path);
        if (File.Exists(path) && (File.GetAttributes(path) & FileAttributes.ReadOnly) != 0)
        {
            throw ToolException.CannotWrite($"cannot write '{path}': it is read-only");
        }
    }

    /// <summary>Tries whether files can be written into a folder that may not exist yet.</summary>
    /// <exception cref="ToolException">They cannot; the message names the obstacle.</exception>
    public static void CheckFolder(string folder) => CheckFolder(Path.GetFullPath(folder), folder);

    /// <summary>Makes the folder, if it is not there.</summary>
    /// <exception cref="ToolException">It cannot be made.</exception>
    public static void Create(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.CannotWrite($"cannot make the folder '{folder}': {exception.Message}", exception);
        }
    }

    /// <summary>Runs a write; whatever hinders it ends the command with the exit code for outputs.</summary>
    public static void Write(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.CannotWrite(exception.Message, exception);
        }
    }

    private static void CheckFolder(string folder, string shown)
    {
        // The nearest thing that exists: folders below it are made when the writing begins.
        string existing = folder;
        while (!Directory.Exists(existing))
        {
            if (File.Exists(existing))
            {
                throw ToolException.CannotWrite($"cannot write '{shown}': '{existing}' is a file, not a folder");
            }

            existing = Path.GetDirectoryName(existing) ?? throw ToolException.CannotWrite($"cannot write '{shown}': there is no such folder");
        }

        try
        {
            using FileStream probe = new(
                Path.Combine(existing, $".ebp-{Guid.NewGuid():N}.tmp"),
                FileMode.CreateNew,
                FileAccess.Write,
                FileShare.None,
                1,
                FileOptions.DeleteOnClose);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.CannotWrite($"cannot write '{shown}': files cannot be made in '{existing}'", exception);
        }
    }
}
