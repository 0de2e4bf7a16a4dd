using System.Text;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A loader under test.</summary>
/// <param name="Load">Reads a file and uses what it gives.</param>
/// <param name="Trust">Reads a file and believes it: the control.</param>
/// <param name="Tokens">Words of the format's language, that are written over and put in.</param>
/// <param name="Sources">Good files; half of the mutants are sealed again.</param>
internal sealed record Loader(Action<ReadOnlyMemory<byte>> Load, Action<byte[]> Trust, byte[][] Tokens, params Mutants.Source[] Sources)
{
    /// <summary>Bytes that may be allocated for a file, its own bytes among them.</summary>
    public Func<ReadOnlyMemory<byte>, long> Bound { get; init; } = file => FourTimes(file.Length);

    /// <summary>Whether a network is built of each file: there are fewer mutants then.</summary>
    public bool BuildsNetworks { get; init; }

    /// <summary>Whether the first part of a file may be a file, too.</summary>
    public bool PartsAreFiles { get; init; }

    /// <summary>The bound that is promised.</summary>
    public static long FourTimes(long bytes) => (4 * bytes) + 65536;

    public static byte[][] Words(params string[] words) => Array.ConvertAll(words, Encoding.UTF8.GetBytes);
}
