using System.Runtime.InteropServices;

namespace EmbeddedBackprop.IO;

/// <summary>The steps of an atomic write that can fail; tests replace them to fail at the N-th.</summary>
internal partial class FileOperations
{
    public static readonly FileOperations System = new();

    public virtual Stream Create(string path) => new FileStream(path, new FileStreamOptions
    {
        // CreateNew: never through another user's link.
        Mode = FileMode.CreateNew,
        Access = FileAccess.Write,
        Share = FileShare.None,
        BufferSize = 1 << 16,
    });

    public virtual void Flush(Stream stream)
    {
        if (stream is FileStream file)
        {
            file.Flush(flushToDisk: true);
        }
        else
        {
            stream.Flush();
        }
    }

    public virtual void Replace(string temporary, string target) => File.Move(temporary, target, overwrite: true);

    public virtual void Delete(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report; the next write to the same target tries again.
        }
    }

    /// <summary>Makes the new name itself durable. Windows has no such call and needs none.</summary>
    public virtual void FlushFolder(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }

        const int ReadOnly = 0, InputOutputError = 5;
        int descriptor = OpenFile(folder, ReadOnly);
        // A folder that may be written but not read cannot be flushed by us.
        if (descriptor < 0)
        {
            return;
        }

        int result = SynchronizeFile(descriptor);
        int error = Marshal.GetLastPInvokeError();
        _ = CloseFile(descriptor);
        // Some file systems refuse to flush a folder (EINVAL, ENOTSUP); a failing disk is the error that matters.
        if (result < 0 && error == InputOutputError)
        {
            throw new IOException($"the folder '{folder}' could not be flushed to the disk");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int SynchronizeFile(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseFile(int descriptor);
}
