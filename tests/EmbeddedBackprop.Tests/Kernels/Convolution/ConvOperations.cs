using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The passes of a convolution by the kernels and by their loops.</summary>
internal static class ConvOperations
{
    /// <summary>The kernel.</summary>
    public static void Fast(ConvTests.Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c)
    {
        switch (operation)
        {
            case ConvTests.Operation.Forward:
                Conv.Forward(arithmetic, in sizes, batch, c.Image, c.LeadingImage, c.Kernels, c.OutputBias, c.Maps, c.LeadingMaps, c.Accumulate);
                break;
            case ConvTests.Operation.WeightGradient:
                Conv.WeightGradient(
                    arithmetic,
                    in sizes,
                    batch,
                    c.Image,
                    c.LeadingImage,
                    c.Maps,
                    c.LeadingMaps,
                    c.Kernels,
                    c.OutputBias,
                    c.Accumulate);
                break;
            case ConvTests.Operation.Update:
                Conv.UpdateWeights(
                    arithmetic, in sizes, batch, c.Image, c.LeadingImage, c.Maps, c.LeadingMaps, c.Kernels, c.OutputBias, 0.1f, c.L2, c.L2 / 2);
                break;
            default:
                Conv.InputGradient(arithmetic, in sizes, batch, c.Maps, c.LeadingMaps, c.Kernels, c.InputBias, c.Image, c.LeadingImage, c.Accumulate);
                break;
        }
    }

    /// <summary>The textbook loop.</summary>
    public static void Loop(ConvTests.Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c)
    {
        switch (operation)
        {
            case ConvTests.Operation.Forward:
                Twin.Conv.Forward<float>(
                    arithmetic,
                    in sizes,
                    batch,
                    c.Image,
                    c.LeadingImage,
                    c.Kernels,
                    c.OutputBias,
                    c.Maps,
                    c.LeadingMaps,
                    c.Accumulate);
                break;
            case ConvTests.Operation.WeightGradient:
                Twin.Conv.WeightGradient<float>(
                    arithmetic,
                    in sizes,
                    batch,
                    c.Image,
                    c.LeadingImage,
                    c.Maps,
                    c.LeadingMaps,
                    c.Kernels,
                    c.OutputBias,
                    c.Accumulate);
                break;
            case ConvTests.Operation.Update:
                float[] dw = new float[sizes.Weights], db = new float[sizes.Outputs];
                Twin.Conv.WeightGradient<float>(arithmetic, in sizes, batch, c.Image, c.LeadingImage, c.Maps, c.LeadingMaps, dw, db);
                Apply(arithmetic, c.L2, dw, c.Kernels);
                if (c.HasBias)
                {
                    Apply(arithmetic, c.L2 / 2, db, c.Bias.AsSpan(0, sizes.Outputs));
                }

                break;
            default:
                Twin.Conv.InputGradient<float>(
                    arithmetic,
                    in sizes,
                    batch,
                    c.Maps,
                    c.LeadingMaps,
                    c.Kernels,
                    c.InputBias,
                    c.Image,
                    c.LeadingImage,
                    c.Accumulate);
                break;
        }
    }

    private static void Apply(Arithmetic arithmetic, float l2, float[] gradient, Span<float> weights)
    {
        if (l2 != 0f)
        {
            Twin.Elementwise.MultiplyAdd<float>(arithmetic, l2, weights, gradient);
        }

        Twin.Elementwise.MultiplyAdd<float>(arithmetic, -0.1f, gradient, weights);
    }
}
