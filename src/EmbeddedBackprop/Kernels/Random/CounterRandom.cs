using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// A counter-based random generator: the number at (seed, purpose, stream, index) is a function of these four alone,
/// so draws can be made in any order, by any thread and on any machine, and only the position has to be stored.
/// </summary>
/// <remarks>
/// Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11):
/// only 32-bit operations and two 32x32-bit products, the same in C.
/// The key is the seed (low word first), the counter is (block low, block high, stream, purpose); a block holds four words,
/// and word <c>index</c> of a stream is word <c>index mod 4</c> of block <c>index / 4</c>.
/// Floats are made with separate arithmetic in every model, so that both arithmetics start from the same weights.
/// </remarks>
public readonly struct CounterRandom : IEquatable<CounterRandom>
{
    /// <summary>The generator of a seed for one purpose.</summary>
    /// <param name="seed">The key: any value, 0 included.</param>
    /// <param name="purpose">The use of the draw; another purpose gives other numbers for the same seed.</param>
    public CounterRandom(ulong seed, RandomPurpose purpose = RandomPurpose.General)
    {
        Seed = seed;
        Purpose = purpose;
    }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>The use of the draw.</summary>
    public RandomPurpose Purpose { get; }

    /// <summary>The bare block function: four words of counter and two of key give four words.</summary>
    public static void Philox(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, out uint x0, out uint x1, out uint x2, out uint x3)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)0xD2511F53u * c0;
            ulong p1 = (ulong)0xCD9E8D57u * c2;
            c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint)p1;
            c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint)p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }

        x0 = c0;
        x1 = c1;
        x2 = c2;
        x3 = c3;
    }

    /// <summary>The four words 4*block ... 4*block + 3 of a stream.</summary>
    public void Block(uint stream, ulong block, out uint x0, out uint x1, out uint x2, out uint x3) =>
        Philox((uint)block, (uint)(block >> 32), stream, (uint)Purpose, (uint)Seed, (uint)(Seed >> 32), out x0, out x1, out x2, out x3);

    /// <summary>32 random bits.</summary>
    public uint Bits(uint stream, ulong index)
    {
        Block(stream, index >> 2, out uint x0, out uint x1, out uint x2, out uint x3);
        return (index & 3) switch
        {
            0 => x0,
            1 => x1,
            2 => x2,
            _ => x3,
        };
    }

    /// <summary>A float in [0, 1): one of the 2^24 multiples of 2^-24, equally likely.</summary>
    public float Uniform(uint stream, ulong index) => ToUniform(Bits(stream, index));

    /// <summary>An integer in [0, n): floor(bits * n / 2^32), so the likelihoods differ by less than n / 2^32.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is not positive.</exception>
    public int Below(uint stream, ulong index, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        return ToBelow(Bits(stream, index), n);
    }

    /// <summary>
    /// A normal variate with mean 0 and variance 1 (Box and Muller 1958): words 2i and 2i+1 of the stream give
    /// sqrt(-2 log u) cos(2 pi v) at index 2i and sqrt(-2 log u) sin(2 pi v) at index 2i+1, u in (0, 1], so |result| &lt; 5.8.
    /// </summary>
    public float Normal(uint stream, ulong index)
    {
        Block(stream, index >> 2, out uint x0, out uint x1, out uint x2, out uint x3);
        bool second = (index & 2) != 0;
        ToNormals(second ? x2 : x0, second ? x3 : x1, out float even, out float odd);
        return (index & 1) == 0 ? even : odd;
    }

    /// <summary>Fills a span with low + (high - low) * Uniform(stream, first + i).</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="first">The index that goes to destination[0].</param>
    /// <param name="low">The smallest value.</param>
    /// <param name="high">The value that bounds the range from above; rounding can reach it.</param>
    /// <param name="destination">The span to fill.</param>
    public void FillUniform(uint stream, ulong first, float low, float high, Span<float> destination)
    {
        float range = high - low;
        RandomSequence sequence = Sequence(stream, first);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = low + (range * ToUniform(sequence.NextBits()));
        }
    }

    /// <summary>Fills a span with mean + deviation * Normal(stream, first + i).</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="first">The index that goes to destination[0].</param>
    /// <param name="mean">The mean.</param>
    /// <param name="deviation">The standard deviation.</param>
    /// <param name="destination">The span to fill.</param>
    public void FillNormal(uint stream, ulong first, float mean, float deviation, Span<float> destination)
    {
        int i = 0;
        while (i < destination.Length && ((first + (ulong)i) & 3) != 0)
        {
            destination[i] = mean + (deviation * Normal(stream, first + (ulong)i));
            i++;
        }

        for (; destination.Length - i >= 4; i += 4)
        {
            Block(stream, (first + (ulong)i) >> 2, out uint x0, out uint x1, out uint x2, out uint x3);
            ToNormals(x0, x1, out float n0, out float n1);
            ToNormals(x2, x3, out float n2, out float n3);
            destination[i] = mean + (deviation * n0);
            destination[i + 1] = mean + (deviation * n1);
            destination[i + 2] = mean + (deviation * n2);
            destination[i + 3] = mean + (deviation * n3);
        }

        for (; i < destination.Length; i++)
        {
            destination[i] = mean + (deviation * Normal(stream, first + (ulong)i));
        }
    }

    /// <summary>
    /// Puts the items into random order (Fisher and Yates): for i from the last down to 1, item i is swapped with item Below(stream, i, i + 1).
    /// </summary>
    /// <param name="stream">The stream, for instance the epoch.</param>
    /// <param name="items">The items, shuffled in place.</param>
    public void Shuffle(uint stream, Span<int> items)
    {
        uint x0 = 0, x1 = 0, x2 = 0, x3 = 0;
        int held = -1;
        for (int i = items.Length - 1; i > 0; i--)
        {
            if (i >> 2 != held)
            {
                held = i >> 2;
                Block(stream, (ulong)held, out x0, out x1, out x2, out x3);
            }

            uint bits = (i & 3) switch
            {
                0 => x0,
                1 => x1,
                2 => x2,
                _ => x3,
            };
            int j = ToBelow(bits, i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>A stream read one number after the other, for code that draws in sequence.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="first">The index of the first draw.</param>
    public RandomSequence Sequence(uint stream, ulong first = 0) => new(this, stream, first);

    /// <summary>Whether seed and purpose are the same.</summary>
    public bool Equals(CounterRandom other) => Seed == other.Seed && Purpose == other.Purpose;

    /// <summary>Whether <paramref name="obj"/> is a generator of the same seed and purpose.</summary>
    public override bool Equals(object? obj) => obj is CounterRandom other && Equals(other);

    /// <summary>A hash of seed and purpose.</summary>
    public override int GetHashCode() => HashCode.Combine(Seed, Purpose);

    /// <summary>Whether seed and purpose are the same.</summary>
    public static bool operator ==(CounterRandom left, CounterRandom right) => left.Equals(right);

    /// <summary>Whether seed or purpose differ.</summary>
    public static bool operator !=(CounterRandom left, CounterRandom right) => !left.Equals(right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float ToUniform(uint bits) => (int)(bits >> 8) * (1f / (1 << 24));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int ToBelow(uint bits, int n) => (int)(((ulong)bits * (uint)n) >> 32);

    /// <summary>Two independent normal variates of two words.</summary>
    internal static void ToNormals(uint radiusBits, uint angleBits, out float even, out float odd)
    {
        // u in (0, 1], so that the logarithm is finite; both steps are exact.
        float u = (int)((radiusBits >> 8) + 1) * (1f / (1 << 24));
        float radius = MathF.Sqrt(-2f * Transcendental.Log(new Lane<Separate>(u)).Value);
        UnitCircle.At(angleBits >> 8, out float cosine, out float sine);
        even = radius * cosine;
        odd = radius * sine;
    }
}
