using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.IO;

/// <summary>An archive of named arrays in memory, as numpy.savez and numpy.savez_compressed write it (.npz).</summary>
/// <remarks>
/// Strict: no byte belongs to two arrays, no name occurs twice, check sums must be right, headers are never evaluated (<see cref="NpyArray"/>).
/// With the file's own bytes, reading allocates at most four times the larger of the file and the arrays that are compressed, 256 bytes for each of
/// these, and 64 KiB. Declared sizes are checked against a limit first.
/// </remarks>
public sealed class NpzFile
{
    /// <summary>The most bytes that compressed arrays take by default when they are inflated: 1 GiB.</summary>
    public const long DefaultLimit = 1L << 30;

    private const string Ending = ".npy";

    private readonly List<NpyArray> arrays;
    private readonly Dictionary<string, NpyArray> byName;

    private NpzFile(string name, int count)
    {
        Name = name;
        arrays = new List<NpyArray>(count);
        byName = new Dictionary<string, NpyArray>(count, StringComparer.Ordinal);
    }

    /// <summary>The name that messages give the file: its path, or the caller's name.</summary>
    public string Name { get; }

    /// <summary>The arrays in the order of the archive.</summary>
    public IReadOnlyList<NpyArray> Arrays => arrays;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The most bytes that compressed arrays may take together when they are inflated.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or is beyond the limit.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static NpzFile Read(string path, long limit = DefaultLimit) => Parse(WholeFile.Read(path), path, limit);

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="limit">The most bytes that compressed arrays may take together when they are inflated.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or are beyond the limit.</exception>
    public static NpzFile Parse(ReadOnlyMemory<byte> bytes, string name, long limit = DefaultLimit)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ZipArchiveReader archive = new(bytes, name, limit);
        NpzFile file = new(name, archive.Count);
        while (archive.Next(out string entry, out ReadOnlyMemory<byte> contents, out int offset))
        {
            if (!entry.EndsWith(Ending, StringComparison.Ordinal))
            {
                // A file of torch.save is a zip archive as well.
                throw new DataFormatException(name, offset, entry.EndsWith(".pkl", StringComparison.Ordinal)
                    ? $"'{entry}' is a pickle, as torch.save writes it, which is not read; use safetensors.torch.save_file or numpy.savez"
                    : $"'{entry}' is no array: its name does not end in {Ending}");
            }

            NpyArray array = new(contents, name, offset, entry[..^Ending.Length]);
            if (!file.byName.TryAdd(array.Name, array))
            {
                throw array.Error("a second array of this name");
            }

            file.arrays.Add(array);
        }

        return file.arrays.Count == archive.Count
            ? file
            : throw file.Error($"the end record says {archive.Count} files, the directory has {file.arrays.Count}");
    }

    /// <summary>The array of this name, if there is one.</summary>
    /// <param name="name">The name without ".npy".</param>
    /// <param name="array">The array, or null.</param>
    public bool TryGetArray(string name, [NotNullWhen(true)] out NpyArray? array) => byName.TryGetValue(name, out array);

    /// <summary>The array of this name.</summary>
    /// <param name="name">The name without ".npy".</param>
    /// <exception cref="DataFormatException">The file has no such array.</exception>
    public NpyArray GetArray(string name) => TryGetArray(name, out NpyArray? array) ? array : throw Error($"there is no array '{name}'");

    /// <summary>An error of the archive that only the file's user can detect.</summary>
    /// <param name="problem">The expected and the found.</param>
    public DataFormatException Error(string problem) => new(Name, 0, problem);
}
