using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>y[i] = x[i] * scale for bytes x and floats y: exact conversion, one rounding, so every width gives the same bits.</summary>
internal static class WidenBytes
{
    public static void Run(ReadOnlySpan<byte> x, float scale, Span<float> y)
    {
        if (y.Length != x.Length)
        {
            throw new ArgumentException($"WidenBytes: {x.Length} bytes do not fill {y.Length} floats.", nameof(y));
        }

        ref byte source = ref MemoryMarshal.GetReference(x);
        ref float destination = ref MemoryMarshal.GetReference(y);
        nuint n = (nuint)x.Length;
        nuint i = 0;
        if (Avx512F.IsSupported && LaneDispatch.Width == 512)
        {
            Vector512<float> factor = Vector512.Create(scale);
            for (; n - i >= 16; i += 16)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref source, i);
                Vector512.StoreUnsafe(Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(bytes)) * factor, ref destination, i);
            }
        }
        else if (LaneDispatch.Width != 1)
        {
            Vector128<float> factor = Vector128.Create(scale);
            for (; n - i >= 16; i += 16)
            {
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.LoadUnsafe(ref source, i));
                (Vector128<uint> a, Vector128<uint> b) = Vector128.Widen(low);
                (Vector128<uint> c, Vector128<uint> d) = Vector128.Widen(high);
                Vector128.StoreUnsafe(Vector128.ConvertToSingle(a.AsInt32()) * factor, ref destination, i);
                Vector128.StoreUnsafe(Vector128.ConvertToSingle(b.AsInt32()) * factor, ref destination, i + 4);
                Vector128.StoreUnsafe(Vector128.ConvertToSingle(c.AsInt32()) * factor, ref destination, i + 8);
                Vector128.StoreUnsafe(Vector128.ConvertToSingle(d.AsInt32()) * factor, ref destination, i + 12);
            }
        }

        for (; i < n; i++)
        {
            Unsafe.Add(ref destination, i) = Unsafe.Add(ref source, i) * scale;
        }
    }
}
