using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The tile of processors without a fused multiply-add gives the bits of MathF.FusedMultiplyAdd, sum by sum.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ExactTileTests
{
    private const int MaximumDepth = 40, Leading = 19;

    [Test]
    public void Products_have_the_bits_of_fused_chains([Values(1, 2, 3, 4, 5, 6)] int rows, [Values(1, 2, 3, 4)] int columns)
    {
        Random random = new((rows * 10) + columns);
        int twiceRounded = 0;
        for (int round = 0; round < 600; round++)
        {
            int tiles = random.Next(1, 3), depth = random.Next(0, MaximumDepth), last = columns == 1 ? 0 : (columns * 4) - 4 - random.Next(0, 4);
            bool listed = round % 3 == 0;
            ushort[] steps = [.. Enumerable.Range(0, MaximumDepth).Where(_ => random.Next(3) != 0).Select(step => (ushort)step)];
            depth = listed ? Math.Min(depth, steps.Length) : depth;
            int aRow = listed ? MaximumDepth : 1 + random.Next(2) * (MaximumDepth - 1), aStep = listed ? 1 : aRow == 1 ? 2 * rows : 1;
            float[] a = Values(random, round, 12 * MaximumDepth * 2), b = Values(random, round, MaximumDepth * Leading);
            float[] bias = Values(random, round, 16);
            float[] c = Values(random, round, 12 * Leading), expected = [.. c];
            GemmStart start = (GemmStart)random.Next(3);
            for (int i = 0; i < rows * tiles; i++)
            {
                for (int j = 0; j < last + 4; j++)
                {
                    float sum = start switch { GemmStart.Zero => 0f, GemmStart.Bias => bias[j], _ => c[(i * Leading) + j] };
                    for (int p = 0; p < depth; p++)
                    {
                        int step = listed ? steps[p] : p;
                        float x = a[(i * aRow) + (step * aStep)], y = b[(step * Leading) + j];
                        float twice = (float)(((double)x * y) + sum);
                        sum = MathF.FusedMultiplyAdd(x, y, sum);
                        twiceRounded += float.IsNaN(sum) || BitConverter.SingleToInt32Bits(twice) == BitConverter.SingleToInt32Bits(sum) ? 0 : 1;
                    }

                    expected[(i * Leading) + j] = sum;
                }
            }

            TileArguments tile = default;
            tile.A = ref a[0];
            tile.B = ref b[0];
            tile.Bias = ref bias[0];
            tile.C = ref c[0];
            tile.ARow = (nuint)aRow;
            tile.AStep = (nuint)aStep;
            tile.LeadingB = tile.LeadingC = Leading;
            tile.Depth = (nuint)depth;
            if (listed)
            {
                tile.Steps = ref steps[0];
            }

            tile.Last = (nuint)last;
            tile.Tiles = (nuint)tiles;
            tile.Start = start;
            ExactTile.Run(rows, columns, in tile);
            AssertSame(c, expected);
        }

        Assert.That(twiceRounded, Is.GreaterThan(0), "the control: chains that are only rounded from double have other bits");
    }

    [Test]
    public void Updates_have_the_bits_of_fused_chains([Values(1, 2, 3, 4, 5, 6)] int rows, [Values(1, 2, 3, 4)] int columns)
    {
        Random random = new((rows * 10) + columns);
        for (int round = 0; round < 300; round++)
        {
            int tiles = random.Next(1, 3), depth = random.Next(1, MaximumDepth), last = columns == 1 ? 0 : (columns * 4) - 4 - random.Next(0, 4);
            ushort[] listed = [.. Enumerable.Range(0, 20).OrderBy(_ => random.Next()).Take(rows * tiles).Select(row => (ushort)row)];
            float[] a = Values(random, round, MaximumDepth * 20), b = Values(random, round, MaximumDepth * Leading);
            float[] weights = Values(random, round, 20 * Leading), expected = [.. weights];
            float rate = 0.3f, l2 = round % 2 == 0 ? 0f : 0.001f;
            foreach (ushort row in listed)
            {
                for (int j = 0; j < last + 4; j++)
                {
                    float sum = 0f, w = weights[(row * Leading) + j];
                    for (int p = 0; p < depth; p++)
                    {
                        sum = MathF.FusedMultiplyAdd(a[(p * 20) + row], b[(p * Leading) + j], sum);
                    }

                    sum = l2 == 0f ? sum : MathF.FusedMultiplyAdd(l2, w, sum);
                    expected[(row * Leading) + j] = MathF.FusedMultiplyAdd(-rate, sum, w);
                }
            }

            UpdateTileArguments tile = default;
            tile.A = ref a[0];
            tile.B = ref b[0];
            tile.C = ref weights[0];
            tile.Rows = ref listed[0];
            tile.AStep = 20;
            tile.LeadingB = tile.LeadingC = Leading;
            tile.Depth = (nuint)depth;
            tile.Last = (nuint)last;
            tile.Tiles = (nuint)tiles;
            tile.LearningRate = rate;
            tile.L2 = l2;
            ExactTile.Run(rows, columns, in tile);
            AssertSame(weights, expected);
        }
    }

    private static void AssertSame(float[] actual, float[] expected)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(actual[i]) != BitConverter.SingleToInt32Bits(expected[i])
                && !(float.IsNaN(actual[i]) && float.IsNaN(expected[i])))
            {
                Assert.Fail($"element {i}: {actual[i]:R} instead of {expected[i]:R}");
            }
        }
    }

    /// <summary>Ordinary numbers; products of 25 bits and hairs beside them: sums near halfway; the same among denormals; huge ones.</summary>
    private static float[] Values(Random random, int round, int count)
    {
        float[] values = new float[count];
        foreach (ref float value in values.AsSpan())
        {
            float normal = (random.Next(2) == 0 ? -1f : 1f) * (1f + random.NextSingle());
            value = (round % 6) switch
            {
                0 or 1 => random.Next(8) == 0 ? 0f : MathF.ScaleB(normal, random.Next(-6, 3)),
                2 => random.Next(3) == 0 ? MathF.ScaleB(normal, -100) : random.Next(-16384, 16384),
                3 when random.Next(2) == 0 => MathF.ScaleB(1f + MathF.ScaleB(random.Next(-2, 3), -23), -75),
                3 => MathF.ScaleB(random.Next(1 << 23), -149),
                4 => MathF.ScaleB(normal, random.Next(-130, 20)),
                _ => random.Next(40) == 0 ? float.PositiveInfinity : MathF.ScaleB(normal, random.Next(40, 70)),
            };
        }

        return values;
    }
}
