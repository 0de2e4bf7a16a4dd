namespace EmbeddedBackprop.IO;

/// <summary>A word of a net's text.</summary>
/// <param name="Text">The word, without quotes.</param>
/// <param name="Position">Its first character in the text, counted from 1.</param>
/// <param name="Quoted">Whether it was in quotes: then it is a name and nothing else.</param>
internal readonly record struct NetWord(string Text, int Position, bool Quoted);

/// <summary>One node of a net's text: <c>[name =] kind word word ...</c>.</summary>
/// <param name="Name">The name that was given, or null.</param>
/// <param name="Kind">input, dense, ...</param>
/// <param name="Words">The words after the kind.</param>
internal sealed record NetStatement(NetWord? Name, NetWord Kind, IReadOnlyList<NetWord> Words);
