using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// One stream of a <see cref="CounterRandom"/> read in sequence. A mutable value: keep it in a local variable or pass it by reference;
/// a copy continues on its own from its state at the copy.
/// </summary>
[SuppressMessage("Performance", "CA1815", Justification = "Two places in a stream are compared by nobody.")]
public struct RandomSequence
{
    private readonly CounterRandom random;
    private readonly uint stream;
    private ulong index;
    private uint x0;
    private uint x1;
    private uint x2;
    private uint x3;

    internal RandomSequence(CounterRandom random, uint stream, ulong first)
    {
        this.random = random;
        this.stream = stream;
        index = first;
        if ((first & 3) != 0)
        {
            random.Block(stream, first >> 2, out x0, out x1, out x2, out x3);
        }
    }

    /// <summary>The index of the next word: together with seed, purpose and stream it is the whole state.</summary>
    public readonly ulong Index => index;

    /// <summary>32 random bits: CounterRandom.Bits(stream, Index).</summary>
    public uint NextBits()
    {
        switch (index++ & 3)
        {
            case 0:
                random.Block(stream, (index - 1) >> 2, out x0, out x1, out x2, out x3);
                return x0;
            case 1:
                return x1;
            case 2:
                return x2;
            default:
                return x3;
        }
    }

    /// <summary>A float in [0, 1) with 24 bits.</summary>
    public float NextUniform() => CounterRandom.ToUniform(NextBits());

    /// <summary>low + (high - low) * NextUniform().</summary>
    public float NextUniform(float low, float high) => low + ((high - low) * NextUniform());

    /// <summary>An integer in [0, n): see <see cref="CounterRandom.Below"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is not positive.</exception>
    public int NextBelow(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        return CounterRandom.ToBelow(NextBits(), n);
    }

    /// <summary>A normal variate with mean 0 and variance 1; takes two words and gives the cosine's variate of the two.</summary>
    public float NextNormal()
    {
        uint radiusBits = NextBits();
        CounterRandom.ToNormals(radiusBits, NextBits(), out float even, out _);
        return even;
    }
}
