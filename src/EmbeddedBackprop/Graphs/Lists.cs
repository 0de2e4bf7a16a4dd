namespace EmbeddedBackprop.Graphs;

/// <summary>What LINQ would do for lists of a few things.</summary>
/// <remarks>
/// LINQ's iterators took 0.35 MB of every native program, so what such a program always has (plans, networks, trainers) is written without it. It
/// has no tuples with references in lists either, and no ranges of arrays of references: they bring the runtime's type loader. AotTests looks.
/// </remarks>
internal static class Lists
{
    /// <summary>Whether the list has the item.</summary>
    public static bool Has<T>(this IReadOnlyList<T> list, T item) where T : class
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (item.Equals(list[i]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A list's items.</summary>
    public static T[] Items<T>(this IReadOnlyList<T> list)
    {
        T[] items = new T[list.Count];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = list[i];
        }

        return items;
    }

    /// <summary>The numbers from 0 to count - 1, the smallest key first; equal keys stay in the order of their numbers.</summary>
    public static int[] Order(int count, Func<int, long> key)
    {
        int[] order = new int[count];
        long[] keys = new long[count];
        for (int i = 0; i < count; i++)
        {
            (order[i], keys[i]) = (i, key(i));
        }

        Array.Sort(order, (a, b) => keys[a] != keys[b] ? keys[a].CompareTo(keys[b]) : a - b);
        return order;
    }
}
