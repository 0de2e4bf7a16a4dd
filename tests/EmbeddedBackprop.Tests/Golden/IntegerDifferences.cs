namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Counts integers that differ from their golden case.</summary>
internal sealed class IntegerDifferences
{
    private readonly List<string> found = [];
    private int count;

    /// <summary>Whether any integer differed.</summary>
    public bool Any => found.Count > 0;

    public void Add(string where, ReadOnlySpan<int> actual, ReadOnlySpan<int> expected)
    {
        count += expected.Length;
        int first = actual.CommonPrefixLength(expected);
        if (first == expected.Length && first == actual.Length)
        {
            return;
        }

        string values = first < actual.Length && first < expected.Length ? $"{actual[first]}, expected {expected[first]}" : "the lengths differ";
        found.Add($"{where}, element {first} of {expected.Length}: {values}");
    }

    public void AssertNone(string family)
    {
        TestContext.Out.WriteLine($"{family}: {count} integers compared, {found.Count} tensors differ");
        Assert.That(count, Is.GreaterThan(0));
        Assert.That(found, Is.Empty, $"{family}:\n{string.Join('\n', found.Take(20))}");
    }
}
