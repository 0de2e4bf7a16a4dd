using System.Globalization;
using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>The meaning of the options of convolutions, and their form in a net's text.</summary>
internal static class ConvText
{
    /// <summary>The options, if they can be meant.</summary>
    public static ConvOptions Checked(ConvOptions options)
    {
        _ = Errors.RequirePositive(nameof(options.StrideY), options.StrideY);
        _ = Errors.RequirePositive(nameof(options.StrideX), options.StrideX);
        _ = Errors.RequirePositive(nameof(options.DilationY), options.DilationY);
        _ = Errors.RequirePositive(nameof(options.DilationX), options.DilationX);
        _ = Errors.RequirePositive(nameof(options.Groups), options.Groups);
        NotNegative(nameof(options.PaddingY), options.PaddingY);
        NotNegative(nameof(options.PaddingX), options.PaddingX);
        NotNegative(nameof(options.OutputPaddingY), options.OutputPaddingY);
        NotNegative(nameof(options.OutputPaddingX), options.OutputPaddingX);
        return options;
    }

    /// <summary>Channels, rows and columns of an image.</summary>
    public static (int Channels, int Height, int Width) Image(string name, Node node)
    {
        if (node.Shape.Rank != 3)
        {
            OpErrors.NotAnImage(name, node.Shape, node.Name);
        }

        return (node.Shape[0], node.Shape[1], node.Shape[2]);
    }

    /// <summary>The sizes with stride, padding, dilation and groups.</summary>
    /// <exception cref="ArgumentException">The groups do not divide the channels, or the kernel does not fit; the message names the op.</exception>
    public static ConvSizes Sizes(string name, ConvSizes sizes, ConvOptions options)
    {
        sizes = sizes with
        {
            StrideY = options.StrideY,
            StrideX = options.StrideX,
            DilationY = options.DilationY,
            DilationX = options.DilationX,
            Groups = options.Groups,
        };
        long spanY = options.DilationY * (sizes.KernelHeight - 1L), spanX = options.DilationX * (sizes.KernelWidth - 1L);
        sizes = options.Padding switch
        {
            ConvPadding.Same => Same(sizes, spanY, spanX),
            ConvPadding.Causal => sizes with { Left = Padding(spanX) },
            _ => sizes with { Top = options.PaddingY, Bottom = options.PaddingY, Left = options.PaddingX, Right = options.PaddingX },
        };
        sizes.Require(name);
        return sizes;
    }

    /// <summary>Stride, padding, dilation and groups as words, each with a blank before it; empty where they are the defaults.</summary>
    public static string Of(ConvOptions options)
    {
        StringBuilder text = new();
        Pair('s', options.StrideY, options.StrideX, 1);
        switch (options.Padding)
        {
            case ConvPadding.Same: _ = text.Append(" same"); break;
            case ConvPadding.Causal: _ = text.Append(" causal"); break;
            default: Pair('p', options.PaddingY, options.PaddingX, 0); break;
        }

        Pair('d', options.DilationY, options.DilationX, 1);
        Pair('o', options.OutputPaddingY, options.OutputPaddingX, 0);
        if (options.Groups != 1)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $" g{options.Groups}");
        }

        return text.ToString();

        void Pair(char letter, int y, int x, int usual)
        {
            if (y == x && y != usual)
            {
                _ = text.Append(CultureInfo.InvariantCulture, $" {letter}{y}");
            }
            else if (y != x)
            {
                _ = text.Append(CultureInfo.InvariantCulture, $" {letter}{y}x{x}");
            }
        }
    }

    // The output has ceiling(input / stride) rows; an odd row of padding lies below.
    private static ConvSizes Same(ConvSizes sizes, long spanY, long spanX)
    {
        long y = Missing(sizes.Height, sizes.StrideY, spanY), x = Missing(sizes.Width, sizes.StrideX, spanX);
        return sizes with { Top = Padding(y / 2), Bottom = Padding(y - (y / 2)), Left = Padding(x / 2), Right = Padding(x - (x / 2)) };
    }

    private static long Missing(long length, int stride, long span) =>
        Math.Max(0L, ((((length + stride - 1) / stride) - 1) * stride) + span + 1 - length);

    /// <summary>More than an int holds is refused with the padded input.</summary>
    private static int Padding(long elements) => (int)Math.Min(elements, int.MaxValue);

    private static void NotNegative(string what, int value)
    {
        if (value < 0)
        {
            Errors.Negative(what, value);
        }
    }
}
