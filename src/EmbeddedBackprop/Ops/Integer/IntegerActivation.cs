using System.Numerics.Tensors;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// An activation after an integer layer: a clamp (identity, ReLU, ReLU6), which the rounding of the sum does along, or a table of the function.
/// </summary>
/// <remarks>
/// The table's index is an integer of 8 bits that means z = scale (index - zero point). For an output of 16 bits the index has 16, its upper byte
/// chooses two neighbours among 257 entries, and its lower byte the point on the straight line between them.
/// </remarks>
internal static class IntegerActivation
{
    /// <summary>Entries of a table: an index of -128 to 127, and the right end of the last line.</summary>
    public const int TableLength = 257;

    // Above it, 1 / scale loses bits.
    private const float MostScale = 1.2676506e30f;

    /// <summary>Whether an integer op can end in it: a function of one element, or none. A softmax is no such function.</summary>
    public static bool Ends(Activation? activation) => activation is null or { IsElementwise: true };

    /// <summary>Whether the function is a clamp, and needs no table.</summary>
    public static bool IsClamp(Activation activation) => activation is Activation<Identity> or Activation<Relu> or Activation<Relu6>;

    /// <summary>
    /// The type of a table's index where the function is bounded: sigmoid and tanh have one for all layers. Null where the range of z decides.
    /// </summary>
    public static IntegerType? FixedIndex(Activation activation) => activation switch
    {
        Activation<Sigmoid> => new IntegerType(8, 1f / 16f, 0),
        Activation<Tanh> => new IntegerType(8, 1f / 32f, 0),
        _ => null,
    };

    /// <summary>The smallest and the largest centred integer that a clamp lets through.</summary>
    public static (int Lowest, int Highest) Clamp(Activation activation, IntegerType y) => activation switch
    {
        Activation<Relu> => (Math.Max(0, y.LowestCentred), y.HighestCentred),
        Activation<Relu6> => (Math.Max(0, y.LowestCentred), y.Nearest(6) - y.ZeroPoint),
        _ => (y.LowestCentred, y.HighestCentred),
    };

    /// <summary>
    /// T[i] = f(scale (i - 128 - zero point)) as centred integers of y; f by the engine's own functions, rounded half away from zero.
    /// </summary>
    public static void Fill(Activation activation, Arithmetic arithmetic, IntegerType index, IntegerType y, Span<int> table)
    {
        Span<float> values = stackalloc float[TableLength];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)((double)index.Scale * (i - 128 - index.ZeroPoint));
        }

        activation.ForwardScalar(arithmetic, 1, values.Length, values.Length, values, values);
        for (int i = 0; i < values.Length; i++)
        {
            table[i] = y.Nearest(values[i]) - y.ZeroPoint;
        }
    }

    /// <summary>The same integers, f by lanes.</summary>
    public static void FillByLanes(Activation activation, Arithmetic arithmetic, IntegerType index, IntegerType y, Span<int> table)
    {
        // The products scale (i - 128 - zero point) have 33 bits at most: rounded once, in float as in double.
        Span<float> z = stackalloc float[TableLength], values = stackalloc float[TableLength];
        for (int i = 0; i < z.Length; i++)
        {
            z[i] = index.Scale * (i - 128 - index.ZeroPoint);
        }

        activation.Forward(arithmetic, 1, z.Length, z.Length, z, values);
        float inverse = 1f / y.Scale, lowest = y.LowestCentred, highest = y.HighestCentred;
        float certain = y.Scale < MostScale ? y.Bits == 8 ? 0.4999f : 0.49f : 0f;
        for (int i = 0; i < values.Length; i++)
        {
            // t is off by 2^-23 |t|. Where that could matter, and beyond the ends, the nearest integer is found in double.
            float t = values[i] * inverse, nearest = MathF.Round(t);
            table[i] = MathF.Abs(t - nearest) < certain && t > lowest && t < highest ? (int)nearest : y.Nearest(values[i]) - y.ZeroPoint;
        }
    }

    /// <summary>An element of a table: y = T[index], or a point between two elements for an index of 16 bits; the index is centred.</summary>
    public static int Read(ReadOnlySpan<int> table, IntegerType index, int centred)
    {
        int q = centred + index.ZeroPoint;
        return index.Bits == 8 ? table[q + 128] : Between(table, q);
    }

    /// <summary>The same for all columns of every row; y may be the memory of the indices.</summary>
    public static void LookUp(ReadOnlySpan<int> table, IntegerType index, in Matrix<float> indices, in Matrix<float> y)
    {
        for (int row = 0; row < indices.Rows; row++)
        {
            ReadOnlySpan<float> from = indices.Row(row);
            Span<float> to = y.Row(row);
            if (index.Bits == 8)
            {
                Lookup.Apply(from, table, index.ZeroPoint + 128, to);
                continue;
            }

            for (int i = 0; i < from.Length; i++)
            {
                to[i] = Between(table, (int)from[i] + index.ZeroPoint);
            }
        }
    }

    /// <summary>The least and the greatest f(z), z from low to high: those of the ends, and of 255 points between them.</summary>
    public static (float Low, float High) Extremes(Activation activation, Arithmetic arithmetic, float low, float high)
    {
        Span<float> values = stackalloc float[TableLength];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(low + (((double)high - low) * i / (TableLength - 1)));
        }

        Span<float> results = stackalloc float[TableLength];
        activation.Forward(arithmetic, 1, values.Length, values.Length, values, results);
        return (TensorPrimitives.Min<float>(results), TensorPrimitives.Max<float>(results));
    }

    /// <summary>The point of a table that a 16-bit index, -32768 to 32767, means: T[k] + ((T[k + 1] - T[k]) rest + 128 >> 8).</summary>
    public static int Between(ReadOnlySpan<int> table, int index)
    {
        int k = (index >> 8) + 128, rest = index & 255;
        return table[k] + ((((table[k + 1] - table[k]) * rest) + 128) >> 8);
    }
}
