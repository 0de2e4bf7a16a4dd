namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// A depthwise convolution of stride 1 plane by plane: result (y, x) reads source row y + j dilation - top and column x + i dilation - left for j, i
/// ascending.
/// The input gradient is that with the kernel turned around and another border.
/// </summary>
internal unsafe struct ConvPlanes
{
    /// <summary>Terms in all lists together, at most.</summary>
    public const int MostTerms = 1024;

    /// <summary>Columns from the first tap of a row to the last, at most: each border column has a list on the stack.</summary>
    private const int WidestSpan = 1 << 12;

    public int Planes, Height, Width, SourceHeight, SourceWidth, KernelHeight, KernelWidth;

    /// <summary>Planes that one plane of the result reads: 1 forwards, the output channels of a group backwards.</summary>
    public int Sources;

    /// <summary>The columns of which all taps exist.</summary>
    public int FirstInner, EndInner;

    /// <summary>The rows of which all taps exist.</summary>
    public int FirstInnerRow, EndInnerRow;

    private int dilationY, dilationX, top, left, group;
    private bool isForward;

    /// <summary>Whether there is a plane kernel for these sizes.</summary>
    public static bool Fit(in ConvSizes sizes) =>
        sizes.Groups == sizes.Channels && sizes.Groups > 1 && sizes.StrideY == 1 && sizes.StrideX == 1
        && (long)sizes.KernelHeight * sizes.KernelWidth * (sizes.Outputs / sizes.Groups) <= MostTerms
        && (long)sizes.DilationX * (sizes.KernelWidth - 1) <= WidestSpan;

    public static ConvPlanes Of(in ConvSizes sizes, bool forward)
    {
        int height = sizes.OutputHeight, width = sizes.OutputWidth;
        int spanY = sizes.DilationY * (sizes.KernelHeight - 1), spanX = sizes.DilationX * (sizes.KernelWidth - 1);
        ConvPlanes p = new()
        {
            KernelHeight = sizes.KernelHeight, KernelWidth = sizes.KernelWidth, dilationY = sizes.DilationY, dilationX = sizes.DilationX,
            Planes = forward ? sizes.Outputs : sizes.Channels, Sources = forward ? 1 : sizes.Outputs / sizes.Groups,
            Height = forward ? height : sizes.Height, Width = forward ? width : sizes.Width,
            SourceHeight = forward ? sizes.Height : height, SourceWidth = forward ? sizes.Width : width,
            top = forward ? sizes.Top : spanY - sizes.Top, left = forward ? sizes.Left : spanX - sizes.Left,
            group = sizes.Outputs / sizes.Groups, isForward = forward,
        };
        p.FirstInner = Math.Clamp(p.left, 0, p.Width);
        p.EndInner = Math.Clamp(p.SourceWidth - spanX + p.left, p.FirstInner, p.Width);
        p.FirstInnerRow = Math.Clamp(p.top, 0, p.Height);
        p.EndInnerRow = Math.Clamp(p.SourceHeight - spanY + p.top, p.FirstInnerRow, p.Height);
        return p;
    }

    /// <summary>Where a plane of the result, counted over all samples, is, and the first of the planes and kernels that it reads.</summary>
    public readonly ConvPlane At(in ConvArguments g, int plane)
    {
        int n = plane / Planes, channel = plane % Planes, source = isForward ? channel / group : channel * Sources;
        float* image = g.Image + ((nint)n * g.LeadingImage), maps = g.Maps + ((nint)n * g.LeadingMaps);
        return new ConvPlane
        {
            Channel = channel,
            Kernels = g.Kernels + ((nint)(isForward ? channel : source) * KernelHeight * KernelWidth),
            From = (isForward ? image : maps) + ((nint)source * SourceHeight * SourceWidth),
            To = (isForward ? maps : image) + ((nint)channel * Height * Width),
        };
    }

    /// <summary>Where the weight of tap k is in its kernel, which the input gradient turns around.</summary>
    public readonly int IndexOfWeight(int k) => isForward ? k : (KernelHeight * KernelWidth) - 1 - k;

    /// <summary>The terms of a position (and of its neighbours to the right as long as they have the same), in order.</summary>
    public readonly int Terms(in ConvPlane at, int x, int y, ConvTerm* terms)
    {
        int count = 0, kernel = KernelHeight * KernelWidth;
        nint plane = (nint)SourceHeight * SourceWidth;
        for (int j = 0; j < KernelHeight; j++)
        {
            int sy = y + (j * dilationY) - top;
            if ((uint)sy >= (uint)SourceHeight)
            {
                continue;
            }

            for (int i = 0; i < KernelWidth; i++)
            {
                int sx = x + (i * dilationX) - left;
                if ((uint)sx >= (uint)SourceWidth)
                {
                    continue;
                }

                int weight = IndexOfWeight((j * KernelWidth) + i);
                for (int s = 0; s < Sources; s++)
                {
                    terms[count].Source = at.From + (s * plane) + ((nint)sy * SourceWidth) + sx;
                    terms[count++].Weight = at.Kernels[(s * kernel) + weight];
                }
            }
        }

        return count;
    }
}

/// <summary>A plane of the result of a depthwise convolution, and what it reads.</summary>
internal unsafe struct ConvPlane
{
    public int Channel;
    public float* Kernels;
    public float* From;
    public float* To;
}
