namespace EmbeddedBackprop.IO;

/// <summary>
/// Replaces files whole: the new contents go to a temporary file in the target's folder, are flushed to the disk,
/// and take the target's name in one step, so that a process killed at any moment leaves the old file or the new one.
/// </summary>
/// <remarks>
/// A temporary file is named <c>.NAME.32-hex-digits.tmp</c>. One that a killed process left behind is removed by the
/// next write to the same target. The result of a loss of power depends on the file system; the file and then its folder are
/// flushed in the order that file systems ask for.
/// </remarks>
public static class AtomicFile
{
    private const string TemporaryEnding = ".tmp";

    /// <summary>Replaces <paramref name="path"/> by the output of <paramref name="write"/>; the call's return is the acknowledgement.</summary>
    /// <param name="path">The target; its folder must exist. A symbolic link is followed, so that the link stays.</param>
    /// <param name="write">Writes the whole contents to the stream and leaves it open.</param>
    /// <exception cref="IOException">
    /// The file cannot be written: no such folder, no permission, no space. The message names <paramref name="path"/>, and
    /// the old file, if there was one, is unchanged (but for a failed flush of the folder, after which the new one is there).
    /// </exception>
    public static void Write(string path, Action<Stream> write) => Write(path, write, FileOperations.System);

    /// <summary>Replaces <paramref name="path"/> by these bytes.</summary>
    /// <param name="path">The target; its folder must exist.</param>
    /// <param name="contents">The new contents.</param>
    /// <exception cref="IOException">As <see cref="Write(string, Action{Stream})"/>.</exception>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> contents) =>
        Write(path, stream => stream.Write(contents.Span));

    internal static void Write(string path, Action<Stream> write, FileOperations operations)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        try
        {
            FileInfo link = new(path);
            string target = (link.LinkTarget is null ? null : link.ResolveLinkTarget(returnFinalTarget: true))?.FullName ?? link.FullName;
            string folder = Path.GetDirectoryName(target) ?? throw new IOException("it is a folder");
            if (Directory.Exists(target))
            {
                throw new IOException("it is a folder");
            }

            // Renaming over a device would replace the machine's device node by a file.
            if (folder == "/dev")
            {
                throw new IOException("it is a device");
            }

            string prefix = $".{Path.GetFileName(target)}.";
            RemoveAbandoned(folder, prefix);
            Replace(target, Path.Combine(folder, $"{prefix}{Guid.NewGuid():N}{TemporaryEnding}"), write, operations);
            operations.FlushFolder(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new IOException($"cannot write '{path}': {exception.Message}", exception);
        }
    }

    private static void Replace(string target, string temporary, Action<Stream> write, FileOperations operations)
    {
        try
        {
            using (Stream stream = operations.Create(temporary))
            {
                if (!OperatingSystem.IsWindows() && File.Exists(target))
                {
                    File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
                }

                write(stream);
                operations.Flush(stream);
                // Renamed while still open, because the open file tells RemoveAbandoned that its writer lives.
                // Windows does not rename an open file.
                if (!OperatingSystem.IsWindows())
                {
                    operations.Replace(temporary, target);
                }
            }

            if (OperatingSystem.IsWindows())
            {
                operations.Replace(temporary, target);
            }
        }
        catch
        {
            operations.Delete(temporary);
            throw;
        }
    }

    /// <summary>Deletes the temporary files of writers that were killed; those of living writers are locked and stay.</summary>
    private static void RemoveAbandoned(string folder, string prefix)
    {
        int length = prefix.Length + 32 + TemporaryEnding.Length;
        foreach (string file in Directory.EnumerateFiles(folder, "*" + TemporaryEnding, s_everyFile))
        {
            ReadOnlySpan<char> name = Path.GetFileName(file.AsSpan());
            if (name.Length != length || !name.StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

            try
            {
                using FileStream locked = new(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                if (!OperatingSystem.IsWindows())
                {
                    File.Delete(file);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            if (OperatingSystem.IsWindows())
            {
                FileOperations.System.Delete(file);
            }
        }
    }

    // The names begin with a dot, which other options take for hidden and skip.
    private static readonly EnumerationOptions s_everyFile = new() { AttributesToSkip = FileAttributes.None, MatchType = MatchType.Simple };
}
