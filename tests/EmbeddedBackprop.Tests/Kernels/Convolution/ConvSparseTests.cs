using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Convolution;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>What the sparse gradients read: lists of elements that are not 0, and rows of an image below each other.</summary>
[TestFixture]
internal sealed unsafe class ConvSparseTests
{
    [Test]
    public void Elements_that_are_not_0_are_listed_in_order([Values] Numbers numbers)
    {
        for (int length = 0; length <= 200; length++)
        {
            float[] x = Samples.Array(length + 1, length, numbers);
            for (int i = 0; i < length; i += 2)
            {
                x[i] = i % 4 == 0 ? 0f : -0f;
            }

            // An element after the end is not read.
            x[length] = 1f;
            int[] expected = [.. Enumerable.Range(0, length).Where(i => x[i] != 0f)];
            Assert.That(Listed(x, length), Is.EqualTo(expected), $"{length} {numbers}");
        }
    }

    [Test]
    public void Control_a_list_of_all_elements_is_another() =>
        Assert.That(Listed([0f, 1f, -0f, float.NaN], 4), Is.EqualTo(new[] { 1, 3 }).And.Not.EqualTo(new[] { 0, 1, 2, 3 }));

    [TestCase(3, 3, 16)]
    [TestCase(3, 4, 17)]
    [TestCase(5, 5, 28)]
    [TestCase(5, 3, 33)]
    [TestCase(5, 5, 48)]
    public void A_pixel_holds_its_column(int kernelHeight, int kernelWidth, int width)
    {
        if (!Avx512F.IsSupported)
        {
            Assert.Ignore("the rows of an image are joined in vectors of 512 bits only");
        }

        const int Height = 9;
        ConvSizes sizes = new(1, Height, width, 4, kernelHeight, kernelWidth);
        int pitch = ConvColumns.Pitch(in sizes);
        Assert.That(ConvColumns.Fits(in sizes, Height * pitch * kernelHeight));
        Assert.That(ConvColumns.Fits(in sizes, (Height * pitch * kernelHeight) - 1), Is.False);
        float[] image = Samples.Array(Height * width, 1), packed = new float[Height * pitch * kernelHeight];
        fixed (float* from = image, to = packed)
        {
            ConvColumns.Pack(in sizes, from, to);
        }

        int moved = 0;
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                for (int row = 0; row < kernelHeight; row++)
                {
                    int at = y - kernelHeight + 1 + row;
                    float expected = at < 0 ? 0f : image[(at * width) + x], actual = packed[(((y * pitch) + x) * kernelHeight) + row];
                    Assert.That(actual, Is.EqualTo(expected), $"row {y}, column {x}, float {row}");
                    moved += at != y && actual != image[(y * width) + x] ? 1 : 0;
                }
            }
        }

        Assert.That(moved, Is.Positive, "control: rows differ");
    }

    private static int[] Listed(float[] x, int length)
    {
        int[] list = new int[length + ConvSparseTile.Slack];
        fixed (float* from = x)
        {
            fixed (int* to = list)
            {
                return list[..ConvSparseTile.NonZeros(from, length, to)];
            }
        }
    }
}
