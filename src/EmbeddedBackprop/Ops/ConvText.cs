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
        int spanY = options.DilationY * (sizes.KernelHeight - 1), spanX = options.DilationX * (sizes.KernelWidth - 1);
        sizes = options.Padding switch
        {
            ConvPadding.Same => Same(sizes, spanY, spanX),
            ConvPadding.Causal => sizes with { Left = spanX },
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
    private static ConvSizes Same(ConvSizes sizes, int spanY, int spanX)
    {
        int y = Math.Max(0, ((((sizes.Height + sizes.StrideY - 1) / sizes.StrideY) - 1) * sizes.StrideY) + spanY + 1 - sizes.Height);
        int x = Math.Max(0, ((((sizes.Width + sizes.StrideX - 1) / sizes.StrideX) - 1) * sizes.StrideX) + spanX + 1 - sizes.Width);
        return sizes with { Top = y / 2, Bottom = y - (y / 2), Left = x / 2, Right = x - (x / 2) };
    }

    private static void NotNegative(string what, int value)
    {
        if (value < 0)
        {
            Errors.Negative(what, value);
        }
    }
}
