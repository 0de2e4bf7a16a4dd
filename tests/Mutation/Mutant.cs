using System.Globalization;

namespace EmbeddedBackprop.Mutation;

/// <summary>One small change of the library: where it is, of what kind, and both forms of the expression or statement.</summary>
internal sealed record Mutant(int Id, string File, int Line, string Kind, string Before, string After)
{
    public static Mutant Parse(string line)
    {
        string[] fields = line.Split('\t');
        return new(Number(fields[0]), fields[1], Number(fields[2]), fields[3], fields[4], fields[5]);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Id}\t{File}\t{Line}\t{Kind}\t{OneLine(Before)}\t{OneLine(After)}");

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string OneLine(string code) => string.Join(' ', code.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
