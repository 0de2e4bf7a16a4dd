using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>A transposed convolution in C: Conv.InputGradient of Kernels/Scalar for one sample.</summary>
internal sealed class CConvTranspose2D : COp
{
    private static string Text(CWeightLoad load) => $$"""
        /*
         * The way back through the convolution whose sizes these are: y[c][i][j] = b[c] + sum of x[o][.][.] * w[o][c][u][v] over all places of x that the
         * convolution computes from (i, j), one sum after the other, u and v from the last to the first and o ascending inside.{{load.Remark}}
         */
        static void ebp_conv_transpose{{load.Suffix}}(const ebp_conv_sizes *s, const float *x, {{load.Parameter("w")}}, const float *b, float *y)
        {
            const size_t channels = s->channels / s->groups;
            const size_t outputs = s->outputs / s->groups;
            const size_t taps = s->kernel_height * s->kernel_width;
            const size_t positions = s->output_height * s->output_width;
            size_t c;
            size_t i;
            size_t j;
            size_t u;
            size_t v;
            size_t o;
            for (c = 0u; c < s->channels; c++) {
        {{load.Factor("        ", "f", "w", "c")}}        const size_t first = (c / channels) * outputs;
                for (i = 0u; i < s->height; i++) {
                    for (j = 0u; j < s->width; j++) {
                        float sum = b[c];
                        for (u = s->kernel_height; u-- > 0u;) {
                            const size_t row = i + s->top;
                            const size_t up = u * s->dilation_y;
                            if (row < up || (row - up) % s->stride_y != 0u || (row - up) / s->stride_y >= s->output_height) {
                                continue;
                            }
                            for (v = s->kernel_width; v-- > 0u;) {
                                const size_t column = j + s->left;
                                const size_t back = v * s->dilation_x;
                                size_t at;
                                if (column < back || (column - back) % s->stride_x != 0u || (column - back) / s->stride_x >= s->output_width) {
                                    continue;
                                }
                                at = (((row - up) / s->stride_y) * s->output_width) + ((column - back) / s->stride_x);
                                for (o = first; o < first + outputs; o++) {
                                    sum = EBP_M(x[(o * positions) + at], {{load.Weight("w[(((o * channels) + (c % channels)) * taps) + (u * s->kernel_width) + v]", "f")}}, sum);
                                }
                            }
                        }
                        *y++ = sum;
                    }
                }
            }
        }

        """;

    protected override Type OpType => typeof(ConvTranspose2D);

    // [inputs][channels of one group][kernel]: the channels of a group go on counting behind those of the group in front.
    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        ConvSizes sizes = ((ConvTranspose2D)op).Sizes;
        int taps = sizes.KernelHeight * sizes.KernelWidth, channels = sizes.Channels / sizes.Groups;
        return index == 0 ? new CScaleAxis(taps, channels, sizes.Outputs / sizes.Groups * channels * taps) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        ConvTranspose2D op = (ConvTranspose2D)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CActivation activation = CActivation.For(step.Step, op.Activation);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{sizes.Channels}][{sizes.Height}][{sizes.Width}] = {activation.Name}(z^{step.Number}): {activation.Formula}; "
            + $"{CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment(
            $"z = b + sum of w x, spread by a kernel of {sizes.KernelHeight} x {sizes.KernelWidth} from x[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}]");
        CConvSizes.Ask(program);
        CWeightLoad load = step.Tables[0].Load;
        string routine = program.Routine("conv_transpose" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, Text(load));
        CConvSizes.Call(program, in sizes, $"{routine}(&sizes, {step.Inputs[0]}, {step.Tables[0].Argument}, {step.Tables[1].Name}, {step.Output});");
        activation.Write(program, step.OutputLength, step.Output, step.Output);
    }
}
