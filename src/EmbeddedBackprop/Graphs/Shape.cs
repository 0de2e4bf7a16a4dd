using System.Globalization;

namespace EmbeddedBackprop.Graphs;

/// <summary>The shape of one sample: the batch is not part of it. One to three sizes, outermost first (channels, height, width).</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int first;
    private readonly int second;
    private readonly int third;

    /// <summary>A row of <paramref name="length"/> elements.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive.</exception>
    public Shape(int length)
    {
        first = Positive(length);
        Rank = 1;
    }

    /// <summary>A plane, for example channels x length.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive.</exception>
    /// <exception cref="ArgumentException">The product of the sizes does not fit into an int.</exception>
    public Shape(int outer, int inner)
    {
        first = Positive(outer);
        second = Positive(inner);
        Rank = 2;
        CheckLength((long)outer * inner);
    }

    /// <summary>An image: channels x height x width.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive.</exception>
    /// <exception cref="ArgumentException">The product of the sizes does not fit into an int.</exception>
    public Shape(int channels, int height, int width)
    {
        first = Positive(channels);
        second = Positive(height);
        third = Positive(width);
        Rank = 3;
        CheckLength(Math.Min((long)channels * height, int.MaxValue) * width);
    }

    /// <summary>How many sizes the shape has (1 to 3).</summary>
    public int Rank { get; }

    /// <summary>The product of the sizes: the elements of one sample.</summary>
    public int Length => Rank switch { 1 => first, 2 => first * second, _ => first * second * third };

    /// <summary>The size along one axis, outermost first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public int this[int axis]
    {
        get
        {
            if ((uint)axis >= (uint)Rank)
            {
                Errors.OutOfRange(nameof(axis), axis, $"0 to {Rank - 1}");
            }

            return axis switch { 0 => first, 1 => second, _ => third };
        }
    }

    /// <summary>Equal rank and sizes.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Another rank or another size.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(Shape other) => Rank == other.Rank && first == other.first && second == other.second && third == other.third;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rank, first, second, third);

    /// <summary>The sizes joined by x, as in 1x28x28.</summary>
    public override string ToString() => Rank switch
    {
        1 => first.ToString(CultureInfo.InvariantCulture),
        2 => string.Create(CultureInfo.InvariantCulture, $"{first}x{second}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{first}x{second}x{third}"),
    };

    private static void CheckLength(long length)
    {
        if (length > int.MaxValue)
        {
            Errors.TooLarge("shape", length);
        }
    }

    private static int Positive(int size)
    {
        if (size <= 0)
        {
            Errors.NotPositive(nameof(size), size);
        }

        return size;
    }
}
