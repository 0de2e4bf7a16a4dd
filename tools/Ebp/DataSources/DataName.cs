using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>The value of --data: a source, and the path of its files.</summary>
/// <param name="Source">The source.</param>
/// <param name="Text">As it was given.</param>
internal sealed record DataName(DataSource Source, string Text)
{
    /// <summary>The default of a training.</summary>
    public static DataName Default { get; } = new(DataSource.All[0], DataSource.All[0].Usage);

    /// <summary>The part after the colon; all of it where there is none.</summary>
    public string Path => Text[(Text.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <exception cref="ToolException">No source is called so.</exception>
    public static DataName? Parse(string option, string text)
    {
        foreach (DataSource source in DataSource.All)
        {
            int word = source.Usage.IndexOf(':', StringComparison.Ordinal) + 1;
            if (word == 0 ? text == source.Usage : text.Length > word && text.StartsWith(source.Usage[..word], StringComparison.Ordinal))
            {
                return new DataName(source, text);
            }
        }

        throw ToolException.Usage(
            $"--{option}: expected {OptionText.Listed([.. DataSource.All.Select(source => source.Usage)], " or ")}, got '{text}'");
    }

    public override string ToString() => Text;
}
