using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>The recordings of a path: one file, those of a folder and its subfolders, or those of an archive.</summary>
internal static class RecordingFiles
{
    /// <summary>Folders inside folders that are looked into.</summary>
    private const int Depth = 16;

    /// <param name="path">The file, the folder, or the .zip archive.</param>
    /// <param name="endings">The ends of the files' names; others are passed over.</param>
    /// <param name="limit">The most bytes that files of an archive have together.</param>
    /// <param name="wanted">Whether the recording of a name is read; null for all.</param>
    /// <param name="read">Reads one file, whose name for messages is given.</param>
    public static List<Recording> Read(
        string path, string[] endings, long limit, Func<string, bool>? wanted, Func<Stream, string, Recording> read)
    {
        List<Recording> recordings = [];
        if (Directory.Exists(path))
        {
            string[] files = Directory.GetFiles(
                path, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = Depth, AttributesToSkip = 0 });
            string[] names = Array.ConvertAll(files, file => Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/'));
            Array.Sort(names, files, StringComparer.Ordinal);
            for (int i = 0; i < files.Length; i++)
            {
                if (IsWanted(names[i]))
                {
                    using FileStream stream = WholeFile.Open(files[i]);
                    recordings.Add(Named(names[i], read(stream, files[i])));
                }
            }
        }
        else if (path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase))
        {
            // Files are read as they come, and put in order after that: the reader tells the first name that is damaged.
            ZipArchiveReader archive = new(WholeFile.Read(path), path, limit);
            while (archive.Next(out string entry, out ReadOnlyMemory<byte> contents, out _))
            {
                if (IsWanted(entry))
                {
                    using MemoryStream stream = new(contents.ToArray(), writable: false);
                    recordings.Add(Named(entry, read(stream, $"{path}/{entry}")));
                }
            }

            recordings.Sort((x, y) => string.CompareOrdinal(x.Name, y.Name));
        }
        else
        {
            using FileStream stream = WholeFile.Open(path);
            recordings.Add(Named(Path.GetFileName(path), read(stream, path)));
        }

        return recordings.Count > 0
            ? recordings
            : throw new FileNotFoundException($"'{path}' holds no {string.Join(" or ", endings)} file that is asked for.", path);

        bool IsWanted(string name) =>
            Array.Exists(endings, ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) && wanted?.Invoke(name) != false;
    }

    private static Recording Named(string name, Recording recording) =>
        new(name, recording.Samples, recording.Rate) { Clipped = recording.Clipped };
}
