namespace EmbeddedBackprop.IO;

/// <summary>
/// The one exception of every reader in this library for bytes that do not follow their format:
/// the message names the file, the byte offset and the problem.
/// </summary>
public sealed class DataFormatException : Exception
{
    /// <summary>Builds the message "file: byte offset: problem".</summary>
    /// <param name="file">The file's path, or a name for bytes that came from elsewhere.</param>
    /// <param name="offset">Bytes from the file's start to the problem.</param>
    /// <param name="problem">The expected and the found.</param>
    /// <param name="innerException">The cause, where another reader (a decompressor) found the problem.</param>
    public DataFormatException(string file, long offset, string problem, Exception? innerException = null)
        : base(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file}: byte {offset}: {problem}"), innerException)
    {
        File = file;
        Offset = offset;
        Problem = problem;
    }

    /// <summary>The file's path, or the name given for bytes that came from elsewhere.</summary>
    public string File { get; }

    /// <summary>Bytes from the file's start to the problem.</summary>
    public long Offset { get; }

    /// <summary>The expected and the found, without file and offset.</summary>
    public string Problem { get; }
}
