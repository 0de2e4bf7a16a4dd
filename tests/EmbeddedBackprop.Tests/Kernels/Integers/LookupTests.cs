using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>Functions of integers as tables.</summary>
[TestFixture]
[NonParallelizable]
public sealed class LookupTests
{
    private static readonly int[] Table = [.. Samples.Array(257, 6).Select(x => (int)(1000 * x))];

    [Test]
    public void Every_length_is_looked_up_in_place_and_apart()
    {
        for (int length = 0; length <= 67; length++)
        {
            float[] before = new float[(2 * length) + 2];
            Random random = new(length);
            for (int i = 0; i < length; i++)
            {
                before[i] = random.Next(-128, 129);
            }

            foreach (int to in (ReadOnlySpan<int>)[0, length + 1])
            {
                KernelCheck.Same(
                    $"lookup {length}",
                    before,
                    memory =>
                    {
                        for (int i = 0; i < length; i++)
                        {
                            memory[to + i] = Table[(int)memory[i] + 128];
                        }
                    },
                    memory => Lookup.Apply(memory.AsSpan(0, length), Table, 128, memory.AsSpan(to, length)));
            }
        }
    }

    [Test]
    public void An_index_outside_the_table_is_an_error_not_a_read()
    {
        for (int length = 1; length <= 40; length++)
        {
            foreach (int at in (ReadOnlySpan<int>)[0, length / 2, length - 1])
            {
                foreach (float outside in (ReadOnlySpan<float>)[129f, -129f, 1e9f])
                {
                    Widths.ForEach(width =>
                    {
                        float[] index = new float[length];
                        index[at] = outside;
                        Assert.That(
                            () => Lookup.Apply(index, Table, 128, index), Throws.InstanceOf<IndexOutOfRangeException>(),
                            $"[{at}] of {length}, width {width}");
                    });
                }
            }
        }
    }
}
