using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// One 32-bit integer or one vector of independent ones; sums and products wrap. A kernel over them gives the same bits at every width.
/// </summary>
internal interface IIntegerLanes<T> where T : struct, IIntegerLanes<T>
{
    /// <summary>How many integers one value holds.</summary>
    static abstract int Count { get; }

    /// <summary>0, 1, 2, ...</summary>
    static abstract T Indices { get; }

    /// <summary>The constant in every lane.</summary>
    static abstract T Broadcast(int value);

    /// <summary>Reads Count integers beginning at source[index].</summary>
    static abstract T Load(ref readonly int source, nuint index);

    /// <summary>Reads Count floats, integers below 2^31 in magnitude, beginning at source[index].</summary>
    static abstract T Load(ref readonly float source, nuint index);

    /// <summary>Writes Count integers beginning at destination[index].</summary>
    static abstract void Store(T value, ref int destination, nuint index);

    /// <summary>Writes Count integers, rounded to floats, beginning at destination[index].</summary>
    static abstract void Store(T value, ref float destination, nuint index);

    /// <summary>x + y.</summary>
    static abstract T operator +(T x, T y);

    /// <summary>x - y.</summary>
    static abstract T operator -(T x, T y);

    /// <summary>The low word of x y.</summary>
    static abstract T operator *(T x, T y);

    /// <summary>x &amp; y.</summary>
    static abstract T operator &(T x, T y);

    /// <summary>x 2^count.</summary>
    static abstract T operator <<(T x, int count);

    /// <summary>floor(x / 2^count).</summary>
    static abstract T operator >>(T x, int count);

    /// <summary>floor(x / 2^count), x read without sign.</summary>
    static abstract T operator >>>(T x, int count);

    /// <summary>floor(x / 2^count), a count for each lane, 0 to 31.</summary>
    static abstract T ShiftRight(T x, T counts);

    /// <summary>The smaller.</summary>
    static abstract T Min(T x, T y);

    /// <summary>The larger.</summary>
    static abstract T Max(T x, T y);

    /// <summary>x &lt; y ? then : otherwise, lane by lane.</summary>
    static abstract T IfLess(T x, T y, T then, T otherwise);

    /// <summary>Whether x &lt; y in a lane.</summary>
    static abstract bool AnyLess(T x, T y);

    /// <summary>table[index] of each lane.</summary>
    static virtual unsafe T Gather(int* table, T index)
    {
        Span<int> elements = stackalloc int[T.Count];
        ref int first = ref MemoryMarshal.GetReference(elements);
        T.Store(index, ref first, 0);
        foreach (ref int element in elements)
        {
            element = table[element];
        }

        return T.Load(in first, 0);
    }

    /// <summary>floor(a m / 2^32) for m of 0 or more.</summary>
    /// <remarks>
    /// With a = ah 2^16 + al and m = mh 2^16 + ml, of which al and ml have no sign: the four products are added from the lowest, each sum within 32
    /// bits. Processors without products of 64 bits compute this (the exported C, too), and vectors that keep only the low word of a product.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T MultiplyHigh(T a, T m)
    {
        T low = T.Broadcast(0xFFFF), ah = a >> 16, al = a & low, mh = m >>> 16, ml = m & low;
        T t = (ah * ml) + ((al * ml) >>> 16);
        T u = (t & low) + (al * mh);
        return (ah * mh) + (t >> 16) + (u >> 16);
    }
}
