using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The words after the kind of one statement. A kind takes the sizes, which come first, then its options, in any order; the words left are
/// the nodes that the statement reads. A word in quotes is always a node.
/// </summary>
internal sealed class NetWords(NetStatement statement, Func<string, Activation> activation)
{
    private readonly List<NetWord> left = [.. statement.Words];

    /// <summary>The words not taken, in order.</summary>
    public IReadOnlyList<NetWord> Left => left;

    /// <summary>Takes the next word as it is.</summary>
    public string Word(string what) => Next(what).Text;

    /// <summary>Takes the next word as a whole number from 1 to <paramref name="maximum"/>.</summary>
    public int Count(string what, int maximum = int.MaxValue)
    {
        NetWord word = Next(what);
        return TryNumber(word.Text, out int number) && number <= maximum
            ? number
            : throw Error(word, string.Create(CultureInfo.InvariantCulture, $"expected {what} from 1 to {maximum}, got '{word.Text}'"));
    }

    /// <summary>Takes the next word as a whole number from 0 to <paramref name="maximum"/>.</summary>
    public int Index(string what, int maximum = int.MaxValue)
    {
        NetWord word = Next(what);
        return int.TryParse(word.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= maximum
            ? number
            : throw Error(word, string.Create(CultureInfo.InvariantCulture, $"expected {what} from 0 to {maximum}, got '{word.Text}'"));
    }

    /// <summary>Takes the next word as a number.</summary>
    public float Number(string what)
    {
        NetWord word = Next(what);
        return float.TryParse(word.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number)
            ? number
            : throw Error(word, $"expected {what}, got '{word.Text}'");
    }

    /// <summary>Takes the next word as one size for both axes or as two, as in 5 or 5x3.</summary>
    public (int Height, int Width) Pair(string what)
    {
        NetWord word = Next(what);
        return TryPair(word.Text, minimum: 1, out (int, int) pair) ? pair : throw Error(word, $"expected {what}, as in 5x5 or 3, got '{word.Text}'");
    }

    /// <summary>Takes the next word as a list of sizes, as in 1x28x28.</summary>
    public Shape Sizes(string what) => Shape(Next(what));

    /// <summary>Takes the next word, which must be this one.</summary>
    public void Expect(string word)
    {
        NetWord next = Next($"the word {word}");
        if (next.Text != word)
        {
            throw Error(next, $"expected the word {word}, got '{next.Text}'");
        }
    }

    /// <summary>Takes the next word as one of a few names.</summary>
    public T Choice<T>(string what, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        NetWord next = Next(what);
        foreach ((string name, T value) in choices)
        {
            if (next.Text == name)
            {
                return value;
            }
        }

        throw Error(next, $"expected {what}, got '{next.Text}'");
    }

    /// <summary>Takes the next word if it is one of a few names; null if it is not.</summary>
    public T? Next<T>(ReadOnlySpan<(string Name, T Value)> choices) where T : struct
    {
        foreach ((string name, T value) in choices)
        {
            if (left.Count > 0 && !left[0].Quoted && left[0].Text == name)
            {
                left.RemoveAt(0);
                return value;
            }
        }

        return null;
    }

    /// <summary>Takes the next words as long as they are numbers; at least one.</summary>
    public float[] Numbers(string what)
    {
        List<float> numbers = [Number(what)];
        while (left.Count > 0 && !left[0].Quoted && float.TryParse(left[0].Text, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
        {
            numbers.Add(Number(what));
        }

        return [.. numbers];
    }

    /// <summary>The error of a statement that leaves out an option it needs.</summary>
    public FormatException Missing(string option) => Error(statement.Kind, $"{statement.Kind.Text}: expected {option}");

    /// <summary>Takes the word from any position among those left.</summary>
    public bool Flag(string name) => Take(word => word.Text == name) is not null;

    /// <summary>Takes a word that is the letter and a number, as in g4; null if there is none.</summary>
    public int? Lettered(string letter, int minimum = 1)
    {
        int number = 0;
        return
            Take(word => word.Text.StartsWith(letter, StringComparison.Ordinal) && TryNumber(word.Text[letter.Length..], out number, minimum)) is null
            ? null
            : number;
    }

    /// <summary>Takes a word that is the letter and one or two numbers, as in s2 or s2x1; null if there is none.</summary>
    public (int Height, int Width)? LetteredPair(string letter, int minimum = 1)
    {
        (int, int) pair = default;
        return Take(word => word.Text.StartsWith(letter, StringComparison.Ordinal) && TryPair(word.Text[letter.Length..], minimum, out pair)) is null
            ? null
            : pair;
    }

    /// <summary>Takes a word that is the name and a number, as in momentum0.2; null if there is none.</summary>
    public float? LetteredNumber(string name)
    {
        float number = 0;
        return Take(word => word.Text.StartsWith(name, StringComparison.Ordinal)
            && float.TryParse(word.Text.AsSpan(name.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out number)) is null ? null : number;
    }

    /// <summary>The sizes of a word, as in 30 or 1x28x28.</summary>
    public static Shape Shape(NetWord word)
    {
        string[] parts = word.Text.Split('x');
        int[] sizes = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (
                word.Quoted
                || parts.Length > 3
                || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i])
                || sizes[i] == 0)
            {
                throw Error(word, $"expected a size from 1 to {int.MaxValue}, as in 30 or 1x28x28, got '{word.Text}'");
            }
        }

        long length = 1;
        foreach (int size in sizes)
        {
            // Three factors below 2^31 can exceed a long; two cannot, and the product is bounded before the third.
            length *= size;
            if (length > int.MaxValue)
            {
                throw Error(word, $"'{word.Text}' has more than {int.MaxValue} numbers");
            }
        }

        return sizes.Length switch { 1 => new Shape(sizes[0]), 2 => new Shape(sizes[0], sizes[1]), _ => new Shape(sizes[0], sizes[1], sizes[2]) };
    }

    /// <summary>Takes the first word that is an activation's name; null if there is none.</summary>
    public Activation? Activation()
    {
        Activation? found = null;
        _ = Take(word =>
        {
            try
            {
                found = activation(word.Text);
                return true;
            }
            catch (ArgumentException)
            {
                return false;
            }
        });
        return found;
    }

    /// <summary>Whether a node of this name must be in quotes, because a kind could take the word for an option.</summary>
    public static bool LooksLikeOption(string name) =>
        Options.Contains(name)
        || name.StartsWith("truncate", StringComparison.Ordinal)
        || name.StartsWith("momentum", StringComparison.Ordinal)
        || name.StartsWith("epsilon", StringComparison.Ordinal)
        || IsNumbered(name, "rate") || IsNumbered(name, "from") || IsNumbered(name, "to") || IsNumbered(name, "floor") || IsNumbered(name, "taps")
        || Array.Exists(Ops.Statistics.Names, row => row.Name == name)
        || (name.Length > 1 && name[0] is 's' or 'p' or 'd' or 'g' or 'o' or 'k' or 'n' && char.IsAsciiDigit(name[1]));

    private static bool IsNumbered(string name, string option) =>
        name.Length > option.Length && name.StartsWith(option, StringComparison.Ordinal) && char.IsAsciiDigit(name[option.Length]);

    private static readonly HashSet<string> Options = new(StringComparer.Ordinal)
    {
        "same", "valid", "causal", "all", "last", "carry", "bidirectional", "count-include-pad", "trained", "relu", "symmetric", "slaney",
    };

    private NetWord Next(string what)
    {
        if (left.Count == 0)
        {
            throw Error(statement.Kind, $"{statement.Kind.Text}: expected {what}");
        }

        NetWord word = left[0];
        if (word.Quoted)
        {
            throw Error(word, $"{statement.Kind.Text}: expected {what}, got a name in quotes");
        }

        left.RemoveAt(0);
        return word;
    }

    private NetWord? Take(Func<NetWord, bool> fits)
    {
        for (int i = 0; i < left.Count; i++)
        {
            NetWord word = left[i];
            if (!word.Quoted && fits(word))
            {
                left.RemoveAt(i);
                return word;
            }
        }

        return null;
    }

    private static bool TryNumber(string text, out int number, int minimum = 1) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= minimum;

    private static bool TryPair(string text, int minimum, out (int Height, int Width) pair)
    {
        int cut = text.IndexOf('x', StringComparison.Ordinal);
        bool good = TryNumber(cut < 0 ? text : text[..cut], out int height, minimum);
        int width = height;
        good &= cut < 0 || TryNumber(text[(cut + 1)..], out width, minimum);
        pair = (height, width);
        return good;
    }

    private static FormatException Error(NetWord word, string problem) => NetParser.Error(word.Position - 1, problem);
}
