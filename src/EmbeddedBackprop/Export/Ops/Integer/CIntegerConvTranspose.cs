using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Transposed convolutions on integers in C: the sums of one output map at a time.</summary>
internal sealed class CIntegerConvTranspose : CIntegerLayer
{
    public override bool UsesScratch => true;

    public override CElement? ScratchElement(Graphs.Op op) => CElement.Int32;

    protected override bool FoldsZeroPoint => false;

    public override void Write(CStep step, CProgram program)
    {
        IntegerLayer layer = (IntegerLayer)step.Step.Op;
        // The sizes are those of the convolution that this one is the way back of: its outputs are read here.
        ConvSizes sizes = ((ConvTranspose2D)layer.Layer).Sizes;
        CElement x = step.InputType(0), y = step.OutputType;
        string round = CRescale.AskRound(program, IsWide(step));
        string name = $"conv_transpose{x.Suffix}{y.Suffix}{(IsWide(step) ? "_wide" : "")}";
        string constant = CConvSizes.Constant(program, in sizes), structure = Structure(step, program, sizes.Taps);
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* A transposed convolution: every x[outputs][output_height][output_width] adds itself times a kernel to the sums of y[channels][height][width]. */
            static void ebp_{{name}}(const ebp_conv_sizes *c, const ebp_layer *p, const int8_t *w, const {{x.Type}} *x, {{y.Type}} *y, int32_t *sums,
                int32_t zero)
            {
                const size_t area = c->height * c->width;
                const size_t positions = c->output_height * c->output_width;
                const size_t kernel = c->kernel_height * c->kernel_width;
                const size_t filters = c->channels / c->groups;
                const size_t channels = c->outputs / c->groups;
                size_t f;
                size_t n;
                size_t i;
                size_t j;
                size_t u;
                size_t v;
                for (f = 0u; f < c->channels; f++) {
                    const size_t first = (f / filters) * channels;
                    for (i = 0u; i < area; i++) {
                        sums[i] = p->bias[f];
                    }
                    for (n = first; n < (first + channels); n++) {
                        const int8_t *tap = w + (((n * filters) + (f % filters)) * kernel);
                        for (i = 0u; i < positions; i++) {
                            const int32_t value = (int32_t)x[(n * positions) + i] - zero;
                            const size_t top = (i / c->output_width) * c->stride_y;
                            const size_t left = (i % c->output_width) * c->stride_x;
                            for (u = 0u; u < c->kernel_height; u++) {
                                const size_t row = (top + (u * c->dilation_y)) - c->top; /* above the image it is larger than every other */
                                for (v = 0u; v < c->kernel_width; v++) {
                                    const size_t column = (left + (v * c->dilation_x)) - c->left;
                                    if ((row < c->height) && (column < c->width)) {
                                        sums[(row * c->width) + column] += value * tap[(u * c->kernel_width) + v];
                                    }
                                }
                            }
                        }
                    }
                    for (j = 0u; j < area; j++) {
                        y[(f * area) + j] = ({{y.Type}})ebp_{{round}}(p, sums[j] * p->factor, p->multiplier[f], p->shift[f]);
                    }
                }
            }

            """);
        program.Comment($"{step.Name}: a^{step.Number}[{sizes.Channels}][{sizes.Height}][{sizes.Width}] = the rounded b + transposed convolution, "
            + $"x[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}]; {Activation(step.Source!)}");
        program.Statement($"{routine}({constant}, {structure}, {WeightTable(step)}, {step.Inputs[0]}, {step.Output}, {step.Scratch}, "
            + $"{CText.Number(step.Source!.InputType(0).ZeroPoint)});");
        WriteLookUp(step, program);
    }

    protected override string Order(IntegerLayer layer)
    {
        ConvSizes sizes = ((ConvTranspose2D)layer.Layer).Sizes;
        return $"[{sizes.Outputs}][{sizes.Channels / sizes.Groups}][{sizes.KernelHeight}][{sizes.KernelWidth}]";
    }

    protected override int[] Ordered(IntegerLayer layer, ReadOnlySpan<int> weights) => weights.ToArray();
}
