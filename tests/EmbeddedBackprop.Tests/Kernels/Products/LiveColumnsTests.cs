using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The columns that hold an element other than 0 are listed: all of them, no other, in ascending order.</summary>
internal sealed class LiveColumnsTests
{
    [Test]
    public void Exactly_the_columns_with_a_number_are_listed([Values(1, 2, 10)] int rows, [Values(0f, 0.1f, 0.5f, 1f)] float share)
    {
        Random random = new(rows);
        for (int columns = 1; columns <= 150; columns++)
        {
            int leading = columns + 3;
            float[] a = new float[rows * leading];
            Array.Fill(a, float.NaN);
            List<ushort> expected = [];
            for (int column = 0; column < columns; column++)
            {
                for (int row = 0; row < rows; row++)
                {
                    a[(row * leading) + column] = random.Next(2) == 0 ? 0f : -0f;
                }

                if (random.NextSingle() < share)
                {
                    a[(random.Next(rows) * leading) + column] = (column % 4) switch
                    {
                        0 => float.Epsilon,
                        1 => float.NaN,
                        2 => -1f,
                        _ => float.MinValue,
                    };
                    expected.Add((ushort)column);
                }
            }

            ushort[] list = new ushort[columns + LiveColumns.Group];
            int count = (int)LiveColumns.List(in a[0], (nuint)leading, (nuint)rows, (nuint)columns, ref list[0]);
            Assert.That(list[..count], Is.EqualTo(expected), $"{rows}x{columns}");

            ushort[] live = new ushort[columns + LiveColumns.Group], dead = new ushort[columns + LiveColumns.Group];
            count = (int)LiveColumns.Split(in a[0], (nuint)leading, (nuint)rows, (nuint)columns, ref live[0], ref dead[0]);
            Assert.That(live[..count], Is.EqualTo(expected), $"{rows}x{columns}");
            Assert.That(
                dead[..(columns - count)],
                Is.EqualTo(Enumerable.Range(0, columns).Where(column => !expected.Contains((ushort)column))),
                $"{rows}x{columns}");
        }
    }

    [Test]
    public void All_columns_are_listed()
    {
        for (int columns = 1; columns <= 100; columns++)
        {
            ushort[] list = new ushort[columns + LiveColumns.Group];
            LiveColumns.ListAll((nuint)columns, ref list[0]);
            Assert.That(list[..columns], Is.EqualTo(Enumerable.Range(0, columns)), $"{columns}");
        }
    }
}
