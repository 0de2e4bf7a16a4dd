namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The sums of integer layers over one sample: exact in 32 bits, in any order.</summary>
internal static class IntegerSums
{
    /// <summary>z[j] = sum over k of x[k] w[k, j].</summary>
    /// <param name="x">The inputs.</param>
    /// <param name="w">The weights, a row an input.</param>
    /// <param name="stride">Elements from row to row of w.</param>
    /// <param name="z">The outputs.</param>
    public static void Dense(ReadOnlySpan<int> x, ReadOnlySpan<int> w, int stride, Span<int> z)
    {
        for (int j = 0; j < z.Length; j++)
        {
            int sum = 0;
            for (int k = 0; k < x.Length; k++)
            {
                sum = checked(sum + (x[k] * w[(k * stride) + j]));
            }

            z[j] = sum;
        }
    }

    /// <summary>z[o, oy, ox] = sum over channel, row and column of the kernel of x w; taps outside the image are left out.</summary>
    public static void Convolution(in ConvSizes sizes, ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z)
    {
        int channels = sizes.Channels / sizes.Groups, filters = sizes.Outputs / sizes.Groups, at = 0;
        for (int o = 0; o < sizes.Outputs; o++)
        {
            for (int oy = 0; oy < sizes.OutputHeight; oy++)
            {
                for (int ox = 0; ox < sizes.OutputWidth; ox++)
                {
                    int sum = 0;
                    foreach ((int image, int tap) in new Taps(sizes, oy, ox))
                    {
                        for (int channel = 0; channel < channels; channel++)
                        {
                            int from = (((o / filters * channels) + channel) * sizes.Height * sizes.Width) + image;
                            int weight = (((o * channels) + channel) * sizes.KernelHeight * sizes.KernelWidth) + tap;
                            sum = checked(sum + (x[from] * w[weight]));
                        }
                    }

                    z[at++] = sum;
                }
            }
        }
    }

    /// <summary>The transposed convolution: each position of x adds its channels, times a kernel, to what the convolution would have read.</summary>
    public static void Transposed(in ConvSizes sizes, ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z)
    {
        int channels = sizes.Channels / sizes.Groups, filters = sizes.Outputs / sizes.Groups, at = 0;
        z.Clear();
        for (int o = 0; o < sizes.Outputs; o++)
        {
            for (int oy = 0; oy < sizes.OutputHeight; oy++)
            {
                for (int ox = 0; ox < sizes.OutputWidth; ox++)
                {
                    int value = x[at++];
                    foreach ((int image, int tap) in new Taps(sizes, oy, ox))
                    {
                        for (int channel = 0; channel < channels; channel++)
                        {
                            int to = (((o / filters * channels) + channel) * sizes.Height * sizes.Width) + image;
                            int weight = (((o * channels) + channel) * sizes.KernelHeight * sizes.KernelWidth) + tap;
                            z[to] = checked(z[to] + (value * w[weight]));
                        }
                    }
                }
            }
        }
    }

    /// <summary>The taps of a position that are inside the image: their place in a channel of the image, and in a kernel.</summary>
    private ref struct Taps(ConvSizes sizes, int oy, int ox)
    {
        private int tap = -1;

        public (int Image, int Tap) Current { get; private set; }

        public readonly Taps GetEnumerator() => this;

        public bool MoveNext()
        {
            while (++tap < sizes.KernelHeight * sizes.KernelWidth)
            {
                int y = (oy * sizes.StrideY) - sizes.Top + (tap / sizes.KernelWidth * sizes.DilationY);
                int x = (ox * sizes.StrideX) - sizes.Left + (tap % sizes.KernelWidth * sizes.DilationX);
                if (y >= 0 && y < sizes.Height && x >= 0 && x < sizes.Width)
                {
                    Current = ((y * sizes.Width) + x, tap);
                    return true;
                }
            }

            return false;
        }
    }
}
