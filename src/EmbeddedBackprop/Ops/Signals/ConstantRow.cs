using System.Numerics;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Ops;

/// <summary>Constants of an op, as floats; the oracle in double sees the same floats, widened.</summary>
internal sealed class ConstantRow(float[] values)
{
    private readonly float[] floats = values;
    private readonly double[] doubles = Array.ConvertAll(values, value => (double)value);

    /// <summary>The constants as elements of a pass.</summary>
    public Span<T> Of<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        typeof(T) == typeof(float) ? MemoryMarshal.Cast<float, T>(floats.AsSpan()) : MemoryMarshal.Cast<double, T>(doubles.AsSpan());
}
