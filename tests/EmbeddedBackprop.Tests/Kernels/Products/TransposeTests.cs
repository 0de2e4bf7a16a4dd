using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Transposing moves every float to its place, in blocks of every height and width, and writes nothing else.</summary>
internal sealed class TransposeTests
{
    [Test]
    public void Every_float_comes_to_its_place()
    {
        foreach (int rows in (ReadOnlySpan<int>)[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 40, 50])
        {
            for (int columns = 1; columns <= 50; columns++)
            {
                int leadingSource = columns + (rows % 3), leading = rows + (columns % 3);
                float[] source = Samples.Array(rows * leadingSource, columns);
                float[] before = Samples.Array((columns * leading) + 2, rows);
                float[] expected = (float[])before.Clone();
                for (int j = 0; j < rows; j++)
                {
                    for (int p = 0; p < columns; p++)
                    {
                        expected[1 + (p * leading) + j] = source[(j * leadingSource) + p];
                    }
                }

                Transpose.Pack(in source[0], (nuint)leadingSource, (nuint)rows, (nuint)columns, ref before[1], (nuint)leading);
                Bits.AssertEqual(before, expected, $"{rows} x {columns}");
            }
        }
    }
}
