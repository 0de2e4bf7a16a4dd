using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Convolutions of images and signals in C: the sums of Kernels/Scalar/Conv.cs for one sample. A signal is an image of one row.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class CConvolution<TOp> : COp where TOp : Convolution
{
    private static string Text(CWeightLoad load) => $$"""
        /*
         * z[o][i][j] = b[o] + sum of w[o][c][u][v] * x[c][i * stride + u - top][j * stride + v - left], one sum after the other in the order of c, u, v.
         * Terms outside the image are left out: a position in front of it wraps around to a large number.{{load.Remark}}
         */
        static void ebp_conv{{load.Suffix}}(const ebp_conv_sizes *s, const float *x, {{load.Parameter("w")}}, const float *b, float *z)
        {
            const size_t channels = s->channels / s->groups; /* that one output reads */
            const size_t outputs = s->outputs / s->groups;
            const size_t taps = s->kernel_height * s->kernel_width;
            size_t o;
            size_t i;
            size_t j;
            size_t c;
            size_t u;
            size_t v;
            for (o = 0u; o < s->outputs; o++) {
        {{load.Factor("        ", "f", "w", "o")}}        const float *image = x + ((o / outputs) * channels * s->height * s->width);
                for (i = 0u; i < s->output_height; i++) {
                    for (j = 0u; j < s->output_width; j++) {
                        const float *plane = image;
                        const {{load.Type}} *kernel = w + (o * channels * taps);
                        float sum = b[o];
                        for (c = 0u; c < channels; c++) {
                            for (u = 0u; u < s->kernel_height; u++) {
                                const size_t row = ((i * s->stride_y) + (u * s->dilation_y)) - s->top;
                                if (row < s->height) {
                                    const float *line = plane + (row * s->width);
                                    const {{load.Type}} *tap = kernel + (u * s->kernel_width);
                                    size_t column = (j * s->stride_x) - s->left;
                                    for (v = 0u; v < s->kernel_width; v++) {
                                        if (column < s->width) {
                                            sum = EBP_M(line[column], {{load.Weight("tap[v]", "f")}}, sum);
                                        }
                                        column += s->dilation_x;
                                    }
                                }
                            }
                            plane += s->height * s->width;
                            kernel += taps;
                        }
                        *z++ = sum;
                    }
                }
            }
        }

        """;

    protected override Type OpType => typeof(TOp);

    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        ConvSizes sizes = ((Convolution)op).Sizes;
        return index == 0 ? CScaleAxis.Rows(sizes.Channels / sizes.Groups * sizes.KernelHeight * sizes.KernelWidth, sizes.Outputs) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        Convolution op = (Convolution)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CActivation activation = CActivation.For(step.Step, op.Activation);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}] = {activation.Name}(z^{step.Number}): {activation.Formula}; "
            + $"{CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment(
            $"z = b + sum of w x over {sizes.Channels / sizes.Groups} channels and a kernel of {sizes.KernelHeight} x {sizes.KernelWidth}, x[{sizes.Channels}][{sizes.Height}][{sizes.Width}]");
        CConvSizes.Ask(program);
        CWeightLoad load = step.Tables[0].Load;
        string routine = program.Routine("conv" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, Text(load));
        CConvSizes.Call(program, in sizes, $"{routine}(&sizes, {step.Inputs[0]}, {step.Tables[0].Argument}, {step.Tables[1].Name}, {step.Output});");
        activation.Write(program, step.OutputLength, step.Output, step.Output);
    }
}
