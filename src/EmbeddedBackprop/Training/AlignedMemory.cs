using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Training;

/// <summary>Arrays that begin at a cache line, so that no vector of a padded row straddles two.</summary>
internal static class AlignedMemory
{
    private const int FloatsPerLine = 16;

    /// <summary>Zeroed memory of the given length, its first element at a multiple of 64 bytes; pinned, so that it stays there.</summary>
    public static unsafe Memory<float> Allocate(int length)
    {
        float[] array = GC.AllocateArray<float>(length + FloatsPerLine, pinned: true);
        nuint address = (nuint)Unsafe.AsPointer(ref array[0]);
        int skip = (int)((64 - (address % 64)) % 64 / sizeof(float));
        return array.AsMemory(skip, length);
    }
}
