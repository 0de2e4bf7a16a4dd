using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>When a training is saved, and how many files are kept.</summary>
public sealed record CheckpointOptions
{
    /// <summary>Saves after every update whose number is a multiple of this; 0 (the default) for never.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public long EverySteps
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>Saves when so much time has passed since the last file; 10 minutes by default, zero for never.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public TimeSpan Every
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromMinutes(10);

    /// <summary>Files that are kept, the last ones; 3 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Keep { get; init => field = Errors.RequirePositive("checkpoints to keep", value); } = 3;

    /// <summary>What the files' names begin with, before the number of the step; <c>checkpoint</c> by default.</summary>
    /// <exception cref="ArgumentException">The value is empty or is no name of a file.</exception>
    public string Name
    {
        get;
        init
        {
            ArgumentException.ThrowIfNullOrEmpty(value);
            if (value.AsSpan().IndexOfAny("/\\*?") >= 0)
            {
                throw new ArgumentException($"a name of files was expected, got '{value}'", nameof(value));
            }

            field = value;
        }
    } = "checkpoint";

    /// <summary>Strings of the caller's own for every file (<see cref="ModelFile.Extra"/>); none by default.</summary>
    public IReadOnlyDictionary<string, string>? Extra { get; init; }
}

/// <summary>
/// Checkpoints of a training as model files in a folder, the last ones kept:
/// <c>trainer.Run(validation, checkpoints: new CheckpointFolder("run", new CheckpointOptions { EverySteps = 1000 }))</c>. A training goes on from
/// <c>ModelFile.Open(CheckpointFolder.Latest("run")!).Restore(trainer)</c> with the bits of never having stopped.
/// </summary>
/// <remarks>Each file is written whole or not at all (<see cref="AtomicFile"/>), and an old one is deleted only after the new one is there. Updates
/// without a file allocate nothing.</remarks>
public sealed class CheckpointFolder : ICheckpoints
{
    private const string Ending = ".safetensors";

    private readonly string folder;
    private readonly CheckpointOptions options;
    private readonly List<string> files;
    private long saved = Stopwatch.GetTimestamp();

    /// <summary>Files of this name that are in the folder already count as older ones.</summary>
    /// <param name="folder">The folder; it is made if it is not there.</param>
    /// <param name="options">When to save, how many to keep; null for the defaults.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public CheckpointFolder(string folder, CheckpointOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        this.folder = folder;
        this.options = options ?? new CheckpointOptions();
        _ = Directory.CreateDirectory(folder);
        files = Files(folder, this.options.Name);
    }

    /// <summary>The files, the oldest first.</summary>
    public IReadOnlyList<string> Paths => files;

    /// <summary>The file that was written last; null if there is none.</summary>
    /// <param name="folder">The folder, which need not exist.</param>
    /// <param name="name">As <see cref="CheckpointOptions.Name"/>.</param>
    public static string? Latest(string folder, string name = "checkpoint")
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Directory.Exists(folder) && Files(folder, name) is [.., string last] ? last : null;
    }

    /// <summary>Saves if it is time to.</summary>
    /// <exception cref="IOException">The file cannot be written; earlier ones are unchanged.</exception>
    public void AfterUpdate(Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        if ((options.EverySteps > 0 && trainer.Network.StepNumber % options.EverySteps == 0)
            || (options.Every > TimeSpan.Zero && Stopwatch.GetElapsedTime(saved) >= options.Every))
        {
            Save(trainer);
        }
    }

    /// <summary>Saves the end.</summary>
    /// <exception cref="IOException">The file cannot be written; earlier ones are unchanged.</exception>
    public void AtEnd(Trainer trainer) => Save(trainer);

    /// <summary>Saves now.</summary>
    /// <exception cref="IOException">The file cannot be written; earlier ones are unchanged.</exception>
    public void Save(Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        string path = Path.Combine(
            folder, string.Create(CultureInfo.InvariantCulture, $"{options.Name}-{trainer.Network.StepNumber:D10}{Ending}"));
        ModelFile.Save(path, trainer.Network, trainer, options.Extra);
        saved = Stopwatch.GetTimestamp();
        _ = files.Remove(path);
        files.Add(path);
        while (files.Count > options.Keep)
        {
            File.Delete(files[0]);
            files.RemoveAt(0);
        }
    }

    /// <summary>By the time of writing: the steps of an earlier training in the same folder say nothing about it.</summary>
    private static List<string> Files(string folder, string name) =>
    [
        .. Directory.EnumerateFiles(folder, $"{name}-*{Ending}")
            .Where(path => Path.GetFileName(path).AsSpan()[(name.Length + 1)..^Ending.Length].IndexOfAnyExceptInRange('0', '9') < 0)
            .OrderBy(File.GetLastWriteTimeUtc).ThenBy(path => path, StringComparer.Ordinal),
    ];
}
