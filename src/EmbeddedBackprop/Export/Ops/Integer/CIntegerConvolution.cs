using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>
/// Convolutions on integers in C. A tap outside the image reads the zero point. A tile of positions of one or two outputs is summed at once
/// (<see cref="CIntegerTile"/>); where there is none, the inputs of a position are copied into one row, which is summed as a dense layer.
/// </summary>
internal sealed class CIntegerConvolution : CIntegerLayer
{
    public override bool UsesScratch => true;

    public override CElement? ScratchElement(Graphs.Op op) =>
        SizesOf((IntegerLayer)op) is var sizes && ConvTile.Of(in sizes).Rows > 0 ? CElement.Int16 : null;

    public override void Write(CStep step, CProgram program)
    {
        IntegerLayer layer = (IntegerLayer)step.Step.Op;
        ConvSizes sizes = SizesOf(layer);
        program.Comment(
            $"{step.Title}: a^{step.Number}[{string.Join("][", Enumerable.Range(0, step.OutputShape.Rank).Select(axis => step.OutputShape[axis]))}] = "
            + $"{(step.Parts.Length > 0 ? "the largest of every window of " : "")}the rounded b + sum of w (x - zero point) over "
            + $"{sizes.Channels / sizes.Groups} channels and a kernel of {sizes.KernelHeight} x {sizes.KernelWidth}, "
            + $"x[{sizes.Channels}][{sizes.Height}][{sizes.Width}]; {Activation(step.Source!)}; {CText.Number(layer.MultiplyAdds)} multiply-adds");
        string structure = Structure(step, program, sizes.Taps), constant = CConvSizes.Constant(program, in sizes);
        string function = ConvTile.Of(in sizes) is { Rows: > 0 } tile
            ? CIntegerTile.Ask(
                program, in sizes, tile, step.Parts.LastOrDefault()?.Step.Op as Pooling, step.InputType(0), step.OutputType, IsWide(step))
            : AskPositions(step, program);
        program.Statement($"{function}({constant}, {structure}, {WeightTable(step)}, {step.Inputs[0]}, {step.Output}, {step.Scratch}, "
            + $"{CText.Number(step.Source!.InputType(0).ZeroPoint)});");
        WriteLookUp(step, program);
    }

    protected override string Order(IntegerLayer layer)
    {
        ConvSizes sizes = SizesOf(layer);
        return ConvTile.Of(in sizes) is { Rows: > 0 } tile
            ? CIntegerTile.Order(in sizes, tile)
            : $"[{sizes.Outputs}][{sizes.Channels / sizes.Groups}][{sizes.KernelHeight}][{sizes.KernelWidth}], "
                + "the outputs of a group in panels of four by four";
    }

    protected override int[] Ordered(IntegerLayer layer, ReadOnlySpan<int> weights)
    {
        ConvSizes sizes = SizesOf(layer);
        int[] rows = weights.ToArray();
        int taps = sizes.Taps, outputs = sizes.Outputs / sizes.Groups;
        return
        [
            .. ConvTile.Of(in sizes) is { Rows: > 0 } tile
                ? CIntegerTile.Ordered(sizes, tile, rows)
                : Enumerable.Range(0, sizes.Groups)
                    .SelectMany(group => CSums.Panels(outputs, taps, (j, k) => rows[(((group * outputs) + j) * taps) + k])),
        ];
    }

    private static ConvSizes SizesOf(IntegerLayer layer) => ConvTile.Seen(((Convolution)layer.Layer).Sizes);

    private static string AskPositions(CStep step, CProgram program)
    {
        CElement x = step.InputType(0), y = step.OutputType;
        string wide = IsWide(step) ? "_wide" : "", sums = CSums.Ask(program, x, y, IsWide(step))[(program.Prefix.Length + 1)..];
        CConvSizes.Ask(program);
        string gather = $"positions{x.Suffix}", name = $"conv{x.Suffix}{y.Suffix}{wide}";
        program.Routine(gather, CFunctions.None, Gather(gather, x));
        return program.Routine(name, CFunctions.None, $$"""
            /* A convolution, position after position: the inputs of one are copied into a row, in the order of the weights, and summed as a dense layer. */
            static void ebp_{{name}}(const ebp_conv_sizes *c, const ebp_layer *p, const int8_t *w, const {{x.Type}} *x, {{y.Type}} *y, {{x.Type}} *row,
                {{x.Type}} zero)
            {
                const size_t positions = c->output_height * c->output_width;
                const size_t channels = c->channels / c->groups;
                const size_t outputs = c->outputs / c->groups;
                size_t group;
                size_t i;
                size_t j;
                for (group = 0u; group < c->groups; group++) {
                    const size_t first = group * outputs;
                    {{y.Type}} *at = y + (first * positions);
                    for (i = 0u; i < c->output_height; i++) {
                        for (j = 0u; j < c->output_width; j++) {
                            ebp_{{gather}}(c, channels, i * c->stride_y, j * c->stride_x, x + (group * channels * c->height * c->width), row, zero);
                            ebp_{{sums}}(p, first, outputs, w + (first * p->inputs), row, at, positions);
                            at++;
                        }
                    }
                }
            }

            """);
    }

    private static string Gather(string name, CElement x) => $$"""
        /* The inputs of one position, in the order of the weights; above and left of the image an index is larger than every other. */
        static void ebp_{{name}}(const ebp_conv_sizes *c, size_t channels, size_t top, size_t left, const {{x.Type}} *x, {{x.Type}} *row, {{x.Type}} zero)
        {
            size_t n;
            size_t i;
            size_t j;
            for (n = 0u; n < channels; n++) {
                for (i = 0u; i < c->kernel_height; i++) {
                    const size_t image_row = (top + (i * c->dilation_y)) - c->top;
                    for (j = 0u; j < c->kernel_width; j++) {
                        const size_t column = (left + (j * c->dilation_x)) - c->left;
                        *row = ((image_row < c->height) && (column < c->width)) ? x[(image_row * c->width) + column] : zero;
                        row++;
                    }
                }
                x = &x[c->height * c->width];
            }
        }

        """;
}
