namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>A kernel against its loop: the same bits at every width, and nothing else touched.</summary>
internal static class KernelCheck
{
    /// <summary>Runs the loop once and the kernel at every width, each on a copy of the same memory; fails at the first float that differs.</summary>
    public static void Same(string what, float[] before, Action<float[]> loop, Action<float[]> kernel)
    {
        if (Difference(before, loop, kernel) is { } difference)
        {
            Assert.Fail($"{what}: {difference}");
        }
    }

    /// <summary>The first difference at any width; null if there is none.</summary>
    public static string? Difference(float[] before, Action<float[]> loop, Action<float[]> kernel)
    {
        float[] expected = (float[])before.Clone();
        loop(expected);
        string? difference = null;
        Widths.ForEach(width =>
        {
            float[] actual = (float[])before.Clone();
            kernel(actual);
            int i = Bits.FirstDifference(actual, expected);
            if (i >= 0)
            {
                difference ??= $"width {width}: at [{i}] of {actual.Length}: {Bits.Show(actual[i])}, expected {Bits.Show(expected[i])}";
            }
        });
        return difference;
    }
}
