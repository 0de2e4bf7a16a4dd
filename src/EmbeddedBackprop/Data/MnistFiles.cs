namespace EmbeddedBackprop.Data;

/// <summary>
/// The MNIST database of handwritten digits (LeCun, Cortes, Burges): 60,000 training and 10,000 test images of 28x28 bytes in four IDX files.
/// Any folder with these four names will do (Fashion-MNIST's, too), compressed or not.
/// </summary>
public static class MnistFiles
{
    /// <summary>The four files' names; ".gz" may follow, and the second '-' before "idx" may be a dot.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

    /// <summary>Reads the training part.</summary>
    /// <param name="folder">The folder with the files.</param>
    /// <exception cref="FileNotFoundException">A file is missing; the message says which, and where it can be had.</exception>
    /// <exception cref="EmbeddedBackprop.IO.DataFormatException">A file is damaged.</exception>
    public static ByteDataset LoadTraining(string folder) => Load(folder, 0);

    /// <summary>Reads the test part.</summary>
    /// <param name="folder">The folder with the files.</param>
    /// <exception cref="FileNotFoundException">A file is missing; the message says which, and where it can be had.</exception>
    /// <exception cref="EmbeddedBackprop.IO.DataFormatException">A file is damaged.</exception>
    public static ByteDataset LoadTest(string folder) => Load(folder, 2);

    /// <summary>The path of one of the four files in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="FileNotFoundException">None of the name's forms exists.</exception>
    public static string Find(string folder, string name)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(name);
        string dotted = name.Replace("-idx", ".idx", StringComparison.Ordinal);
        foreach (string form in (ReadOnlySpan<string>)[name, name + ".gz", dotted, dotted + ".gz"])
        {
            string path = Path.Combine(folder, form);
            if (File.Exists(path))
            {
                return path;
            }
        }

        string reason = Directory.Exists(folder)
            ? $"the folder '{folder}' has no file '{name}' or '{name}.gz'"
            : $"the folder '{folder}' does not exist";
        throw new FileNotFoundException(
            $"MNIST: {reason}. The database is four files, {string.Join(", ", Names)} (each with or without .gz), " +
            "from Yann LeCun's page \"The MNIST database of handwritten digits\" or one of its mirrors (licence CC BY-SA 3.0).",
            Path.Combine(folder, name));
    }

    private static ByteDataset Load(string folder, int first)
    {
        string images = Find(folder, Names[first]);
        string labels = Find(folder, Names[first + 1]);
        return IdxReader.ReadDataset(images, labels);
    }
}
