using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Lists the columns of a matrix that are not 0 in every row: of ten pictures' pixels half are background in all ten.</summary>
internal static class LiveColumns
{
    /// <summary>Columns that are looked at together; a list has room for this many more than it will hold.</summary>
    public const int Group = 8;

    /// <summary>Elements of one <see cref="Mask"/>.</summary>
    public const int MaskBits = 64;

    /// <summary>Writes the indices of the columns in which some row is neither +0 nor -0, in ascending order.</summary>
    /// <returns>How many there are.</returns>
    public static nuint List(ref readonly float a, nuint leading, nuint rows, nuint columns, ref ushort list) =>
        List(in a, leading, rows, columns, ref list, ref Unsafe.NullRef<ushort>(), others: false);

    /// <summary>The same, and writes the indices of all other columns to a second list.</summary>
    /// <returns>The length of the first list.</returns>
    public static nuint Split(ref readonly float a, nuint leading, nuint rows, nuint columns, ref ushort live, ref ushort dead) =>
        List(in a, leading, rows, columns, ref live, ref dead, others: true);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint List(ref readonly float a, nuint leading, nuint rows, nuint columns, ref ushort list, ref ushort dead, bool others)
    {
        ref float source = ref Unsafe.AsRef(in a);
        if (!HoldsZero(ref source, columns))
        {
            // Most matrices have none, and then one row has told it.
            ListAll(columns, ref list);
            return columns;
        }

        nuint count = 0, column = 0;
        for (; columns - column >= 4 * Group; column += 4 * Group)
        {
            // The bits of all rows together are those of a zero only if every row's are.
            Vector512<float> any0 = Vector512<float>.Zero, any1 = Vector512<float>.Zero;
            ref float at = ref Unsafe.Add(ref source, column);
            for (nuint row = rows; row != 0; row--)
            {
                any0 |= Vector512.LoadUnsafe(ref at);
                any1 |= Vector512.LoadUnsafe(ref at, 2 * Group);
                at = ref Unsafe.Add(ref at, leading);
            }

            uint live = ~((uint)Vector512.Equals(any0, Vector512<float>.Zero).ExtractMostSignificantBits()
                | ((uint)Vector512.Equals(any1, Vector512<float>.Zero).ExtractMostSignificantBits() << (2 * Group)));
            count = Append(live, column, ref list, ref dead, count, others);
            count = Append(live >> Group, column + Group, ref list, ref dead, count, others);
            count = Append(live >> (2 * Group), column + (2 * Group), ref list, ref dead, count, others);
            count = Append(live >> (3 * Group), column + (3 * Group), ref list, ref dead, count, others);
        }

        for (; columns - column >= Group; column += Group)
        {
            Vector256<float> any = Vector256<float>.Zero;
            ref float at = ref Unsafe.Add(ref source, column);
            for (nuint row = rows; row != 0; row--)
            {
                any |= Vector256.LoadUnsafe(ref at);
                at = ref Unsafe.Add(ref at, leading);
            }

            count = Append(~Vector256.Equals(any, Vector256<float>.Zero).ExtractMostSignificantBits(), column, ref list, ref dead, count, others);
        }

        for (; column < columns; column++)
        {
            uint any = 0;
            nuint at = column;
            for (nuint row = rows; row != 0; row--, at += leading)
            {
                any |= BitConverter.SingleToUInt32Bits(Unsafe.Add(ref source, at));
            }

            if (others)
            {
                Unsafe.Add(ref dead, column - count) = (ushort)column;
            }

            Unsafe.Add(ref list, count) = (ushort)column;
            count += any << 1 == 0 ? 0u : 1u;
        }

        return count;
    }

    /// <summary>Writes the indices of all columns.</summary>
    public static void ListAll(nuint columns, ref ushort list)
    {
        Vector128<ushort> numbers = Vector128<ushort>.Indices;
        for (nuint column = 0; column < columns; column += Group)
        {
            numbers.StoreUnsafe(ref list, column);
            numbers += Vector128.Create((ushort)Group);
        }
    }

    /// <summary>A bit for every element that is not 0. One branch for 64: where ink begins and ends cannot be predicted.</summary>
    /// <param name="x">The first element.</param>
    /// <param name="count">Elements, at most <see cref="MaskBits"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mask(ref float x, nuint count)
    {
        ulong rows = 0;
        nuint i = 0;
        for (; count - i >= (nuint)Vector256<float>.Count; i += (nuint)Vector256<float>.Count)
        {
            uint zeros = Vector256.Equals(Vector256.LoadUnsafe(ref x, i), Vector256<float>.Zero).ExtractMostSignificantBits();
            rows |= (ulong)(~zeros & 0xFF) << (int)i;
        }

        for (; i < count; i++)
        {
            rows |= Unsafe.Add(ref x, i) == 0f ? 0 : 1ul << (int)i;
        }

        return rows;
    }

    /// <summary>Whether a row holds +0 or -0.</summary>
    public static bool HoldsZero(ref readonly float first, nuint columns)
    {
        ref float row = ref Unsafe.AsRef(in first);
        nuint column = 0;
        if (columns >= Group)
        {
            Vector256<float> zeros = Vector256<float>.Zero;
            for (; columns - column >= Group; column += Group)
            {
                zeros |= Vector256.Equals(Vector256.LoadUnsafe(ref row, column), Vector256<float>.Zero);
            }

            if (zeros.ExtractMostSignificantBits() != 0)
            {
                return true;
            }
        }

        for (; column < columns; column++)
        {
            if (Unsafe.Add(ref row, column) == 0f)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Writes first + i for every bit i of a group, and those of its zeros to the other list.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint Append(uint bits, nuint first, ref ushort list, ref ushort dead, nuint count, bool others)
    {
        bits &= 0xFF;
        if (others)
        {
            Write(bits ^ 0xFF, (ushort)first, ref Unsafe.Add(ref dead, first - count));
        }

        Write(bits, (ushort)first, ref Unsafe.Add(ref list, count));
        return count + (nuint)BitOperations.PopCount(bits);
    }

    // Without a branch: where ink begins and ends cannot be predicted.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(uint bits, ushort first, ref ushort list)
    {
        if (Bmi2.X64.IsSupported)
        {
            ulong lanes = Bmi2.X64.ParallelBitDeposit(bits, 0x0101010101010101) * 0xFF;
            ulong numbers = Bmi2.X64.ParallelBitExtract(0x0706050403020100, lanes);
            (Vector128.WidenLower(Vector128.CreateScalar(numbers).AsByte()) + Vector128.Create(first)).StoreUnsafe(ref list);
            return;
        }

        for (int i = 0; i < Group; i++, bits >>= 1)
        {
            list = (ushort)(first + i);
            list = ref Unsafe.Add(ref list, (nuint)(bits & 1));
        }
    }
}
