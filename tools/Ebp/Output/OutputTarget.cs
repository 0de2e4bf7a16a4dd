using System.Buffers.Binary;
using System.CommandLine;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>A file or folder that is written at the end; tried before the work begins.</summary>
internal static class OutputTarget
{
    /// <summary>The option to insist.</summary>
    public static Option<bool> Force() => new("--force") { Description = "Replaces files of these names, too, that ebp did not write." };

    /// <summary>Tries whether a model file can be written, and leaves nothing there. Another kind of file is replaced by force only.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckModel(string path, bool force) => CheckFile(path, force, IsModel, "model file");

    /// <summary>The same for a copy of a device's storage.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckCopy(string path, bool force) => CheckFile(path, force, IsCopy, "copy for a device");

    /// <summary>The same for weights under PyTorch's names, which do not tell who wrote them: every file that is there is kept.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckWeights(string path, bool force) => CheckFile(path, force, static _ => false, "file that ebp knows as its own");

    /// <summary>The same for a table of predictions.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckPredictions(string path, bool force) => CheckFile(path, force, IsPredictions, "table of predictions");

    /// <summary>The same for features, as a table, a picture or a page.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckFeatures(string path, bool force) => CheckFile(path, force, IsFeatures, "file of features");

    /// <summary>The same for a file of ONNX.</summary>
    /// <exception cref="ToolException">It cannot; the message names the obstacle.</exception>
    public static void CheckOnnx(string path, bool force) => CheckFile(path, force, IsOnnx, "ONNX file of EmbeddedBackprop");

    private static void CheckFile(string path, bool force, Func<FileStream, bool> isOfKind, string kind)
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

        if (!force && File.Exists(path) && !IsOfKind(path, isOfKind))
        {
            throw ToolException.CannotWrite($"cannot write '{path}': it is there and is no {kind}; --force replaces it");
        }
    }

    /// <summary>Tries whether files can be written into a folder that may not exist yet.</summary>
    /// <exception cref="ToolException">They cannot; the message names the obstacle.</exception>
    public static void CheckFolder(string folder) => CheckFolder(Path.GetFullPath(folder), folder);

    /// <summary>Runs a write of a file, whose folder is made if it is not there.</summary>
    /// <exception cref="ToolException">Something hinders it.</exception>
    public static void WriteFile(string path, Action write)
    {
        Create(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Write(write);
    }

    private static void Create(string folder)
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

    /// <summary>Whether a file is of a kind. One that cannot be read is of none.</summary>
    private static bool IsOfKind(string path, Func<FileStream, bool> isOfKind)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return isOfKind(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether a file has the header of a model file, damaged or not: the header's length, then an object that names the format.</summary>
    private static bool IsModel(FileStream file)
    {
        const int LengthBytes = 8, LongestHeader = 100_000_000;
        ReadOnlySpan<byte> length = Head(file, LengthBytes);
        if (length.Length < LengthBytes || BinaryPrimitives.ReadUInt64LittleEndian(length) is > LongestHeader)
        {
            return false;
        }

        ReadOnlySpan<byte> header = Head(file, (int)Math.Min(BinaryPrimitives.ReadInt64LittleEndian(length), file.Length));
        return header.StartsWith("{"u8) && header.IndexOf("EmbeddedBackprop"u8) >= 0;
    }

    /// <summary>Whether a file begins as a copy does (docs/c-export.md).</summary>
    private static bool IsCopy(FileStream file) => Head(file, 4).SequenceEqual("EBPS"u8);

    /// <summary>Whether a file begins as a table of predictions does.</summary>
    private static bool IsPredictions(FileStream file) => Head(file, PredictionTable.Begin.Length).SequenceEqual(PredictionTable.Begin);

    /// <summary>Whether a file begins as one of features does.</summary>
    private static bool IsFeatures(FileStream file)
    {
        ReadOnlySpan<byte> head = Head(file, 64);
        return head.StartsWith(FeatureText.TableBegin) || head.StartsWith(FeatureText.PictureBegin) || head.StartsWith(FeatureText.PageBegin);
    }

    /// <summary>Whether a file begins as a model of ONNX that was written here: a version, and the producer's name.</summary>
    private static bool IsOnnx(FileStream file)
    {
        const int VersionBytes = 2;
        ReadOnlySpan<byte> head = Head(file, VersionBytes + 18);
        return head.Length > VersionBytes && head[0] == 0x08 && head[VersionBytes..].SequenceEqual("\u0012\u0010EmbeddedBackprop"u8);
    }

    private static ReadOnlySpan<byte> Head(FileStream file, int count)
    {
        byte[] bytes = new byte[count];
        return bytes.AsSpan(0, file.ReadAtLeast(bytes, count, throwOnEndOfStream: false));
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
