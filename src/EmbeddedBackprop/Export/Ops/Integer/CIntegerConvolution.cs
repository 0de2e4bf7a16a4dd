using System.Text;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>
/// Convolutions on integers in C. A tap outside the image reads the zero point. Small kernels are written out for a tile of positions; others
/// copy the inputs of a position into one row and take the sums of a dense layer.
/// </summary>
internal sealed class CIntegerConvolution : CIntegerLayer
{
    public override bool UsesScratch => true;

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
            ? AskTile(step, program, in sizes, tile, step.Parts.LastOrDefault()?.Step.Op as Pooling)
            : AskPositions(step, program);
        program.Statement($"{function}({constant}, {structure}, {WeightTable(step)}, {step.Inputs[0]}, {step.Output}, {step.Scratch}, "
            + $"{CText.Number(step.Source!.InputType(0).ZeroPoint)});");
        WriteLookUp(step, program);
    }

    protected override string Order(IntegerLayer layer)
    {
        ConvSizes sizes = SizesOf(layer);
        return $"[{sizes.Outputs}][{sizes.Channels / sizes.Groups}][{sizes.KernelHeight}][{sizes.KernelWidth}]"
            + (ConvTile.Of(in sizes).Rows > 0 ? "" : ", the outputs of a group in panels of four by four");
    }

    protected override int[] Ordered(IntegerLayer layer, ReadOnlySpan<int> weights)
    {
        ConvSizes sizes = SizesOf(layer);
        int[] rows = weights.ToArray();
        int taps = sizes.Taps, outputs = sizes.Outputs / sizes.Groups;
        return ConvTile.Of(in sizes).Rows > 0
            ? rows
            :
            [
                .. Enumerable.Range(0, sizes.Groups)
                    .SelectMany(group => CSums.Panels(outputs, taps, (j, k) => rows[(((group * outputs) + j) * taps) + k])),
            ];
    }

    private static ConvSizes SizesOf(IntegerLayer layer) => ((Convolution)layer.Layer).Sizes;

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

    private static string AskTile(CStep step, CProgram program, in ConvSizes s, ConvTile tile, Pooling? pooling)
    {
        CElement x = step.InputType(0), y = step.OutputType;
        (int Height, int Width) window = pooling is null ? (1, 1) : (pooling.Window.Height, pooling.Window.Width);
        string round = CRescale.AskRound(program, IsWide(step)), copy = AskCopy(program, x, tile.PatchRows(in s), tile.PatchColumns(in s));
        if (x == CElement.Int8)
        {
            CRescale.AskProduct(program);
        }

        CConvSizes.Ask(program);
        string shape = $"{s.KernelHeight}x{s.KernelWidth}", strides = s.StrideX * s.StrideY > 1 ? $"_s{s.StrideY}x{s.StrideX}" : "";
        string pool = pooling is null ? "" : $"_max_{window.Height}x{window.Width}";
        string name = $"conv_{shape}{strides}_{tile.Rows}x{tile.Columns}{pool}{x.Suffix}{y.Suffix}{(IsWide(step) ? "_wide" : "")}";
        return program.Routine(name, CFunctions.None, Tile(name, in s, tile, window, x, y, round, copy));
    }

    private static string AskCopy(CProgram program, CElement x, int rows, int columns)
    {
        string name = $"patch_{rows}x{columns}{x.Suffix}";
        CConvSizes.Ask(program);
        _ = program.Routine(name, CFunctions.None, $$"""
            /* Copies {{rows}} x {{columns}} of every channel, from a row and a column of the padded image; above and left of the image an index is larger than every other. */
            static void ebp_{{name}}(const ebp_conv_sizes *c, size_t channels, size_t row, size_t column, const {{x.Type}} *x, {{x.Type}} *patch, {{x.Type}} zero)
            {
                const size_t first = column - c->left;
                const size_t end = (column + {{columns}}u) - c->left;
                size_t n;
                size_t i;
                size_t j;
                for (n = 0u; n < channels; n++) {
                    for (i = 0u; i < {{rows}}u; i++) {
                        const size_t image_row = (row + i) - c->top;
                        if ((image_row < c->height) && (first < end) && (end <= c->width)) {
                            const {{x.Type}} *from = x + ((image_row * c->width) + first);
            {{string.Concat(Enumerable.Range(0, columns).Select(j => $"                patch[{j}] = from[{j}];\n"))}}            } else {
                            for (j = 0u; j < {{columns}}u; j++) {
                                const size_t at = first + j;
                                patch[j] = ((image_row < c->height) && (at < c->width)) ? x[(image_row * c->width) + at] : zero;
                            }
                        }
                        patch += {{columns}};
                    }
                    x = &x[c->height * c->width];
                }
            }

            """);
        return name;
    }

    private static string Tile(
        string name, in ConvSizes s, ConvTile tile, (int Height, int Width) window, CElement x, CElement y, string round, string copy)
    {
        int sums = tile.Rows * tile.Columns, patch = tile.PatchRows(in s) * tile.PatchColumns(in s);
        ConvTile results = new(tile.Rows / window.Height, tile.Columns / window.Width);
        bool isPooled = window != (1, 1);
        string what = isPooled
            ? $", and the largest of every {window.Height} x {window.Width}, which is rounded as the largest of the rounded ones would be"
            : "";
        string begin = Begin(s.StrideY * window.Height, "row"), beginColumn = Begin(s.StrideX * window.Width, "column");
        return $$"""
            /*
             * A convolution of {{s.KernelHeight}} x {{s.KernelWidth}}, {{tile.Rows}} x {{tile.Columns}} positions at once{{what}}. Each input of a tile is read once for an output.
             * The last tiles of a row or a column begin earlier, where they would reach further than the image.
             */
            static void ebp_{{name}}(const ebp_conv_sizes *c, const ebp_layer *p, const int8_t *w, const {{x.Type}} *x, {{y.Type}} *y, {{x.Type}} *patch,
                {{x.Type}} zero)
            {
                const size_t rows = c->output_height{{Divided(window.Height)}};
                const size_t columns = c->output_width{{Divided(window.Width)}};
                const size_t channels = c->channels / c->groups;
                const size_t outputs = c->outputs / c->groups;
                size_t i;
                size_t j;
                size_t n;
                size_t k;
                for (i = 0u; i < rows; i += {{results.Rows}}u) {
                    const size_t row = (i + {{results.Rows}}u) > rows ? rows - {{results.Rows}}u : i;
                    for (j = 0u; j < columns; j += {{results.Columns}}u) {
                        const size_t column = (j + {{results.Columns}}u) > columns ? columns - {{results.Columns}}u : j;
                        const {{x.Type}} *image = x;
                        const int8_t *tap = w;
                        {{y.Type}} *at = y + ((row * columns) + column);
                        size_t end = 0u;
                        for (n = 0u; n < c->outputs; n++) {
                            const {{x.Type}} *in = patch;
                            const int32_t m = p->multiplier[n];
                            const int32_t shift = p->shift[n];
                            int32_t s0 = p->bias[n];
            {{string.Concat(Enumerable.Range(1, sums - 1).Select(i => $"                int32_t s{i} = s0;\n"))}}                if (n == end) {
                                ebp_{{copy}}(c, channels, {{begin}}, {{beginColumn}}, image, patch, zero);
                                image = &image[channels * c->height * c->width];
                                end += outputs;
                            }
                            for (k = channels; k > 0u; k--) {
                                {{x.Type}} v;
            {{Products(in s, tile, x)}}                    in += {{patch}};
                                tap += {{s.KernelHeight * s.KernelWidth}};
                            }
            {{Results(tile, window, y, round)}}                at = &at[rows * columns];
                        }
                    }
                }
            }

            """;

        static string Divided(int size) => size == 1 ? "" : $" / {size}u";

        static string Begin(int factor, string of) => factor == 1 ? of : $"{of} * {factor}u";
    }

    /// <summary>The sums of a tile, or the largest of every window of them, become integers.</summary>
    private static string Results(ConvTile tile, (int Height, int Width) window, CElement y, string round)
    {
        StringBuilder text = new();
        for (int row = 0; row < tile.Rows; row += window.Height)
        {
            for (int column = 0; column < tile.Columns; column += window.Width)
            {
                int first = (row * tile.Columns) + column;
                for (int other = 1; other < window.Height * window.Width; other++)
                {
                    int sum = first + (other / window.Width * tile.Columns) + (other % window.Width);
                    text.Append($"                s{first} = s{sum} > s{first} ? s{sum} : s{first};\n");
                }

                string place = (row / window.Height, column / window.Width) switch
                {
                    (0, int right) => CText.Size(right),
                    (1, 0) => "columns",
                    (1, int right) => $"columns + {right}u",
                    (int down, int right) => $"({down}u * columns) + {right}u",
                };
                text.Append($"                at[{place}] = ({y.Type})ebp_{round}(p, s{first}, m, shift);\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Every input of the patch, times the taps by which the positions of the tile see it.</summary>
    private static string Products(in ConvSizes s, ConvTile tile, CElement x)
    {
        StringBuilder text = new();
        for (int row = 0; row < tile.PatchRows(in s); row++)
        {
            for (int column = 0; column < tile.PatchColumns(in s); column++)
            {
                string load = $"                    v = in[{(row * tile.PatchColumns(in s)) + column}];\n";
                for (int sum = 0; sum < tile.Rows * tile.Columns; sum++)
                {
                    int tapRow = row - (sum / tile.Columns * s.StrideY), tapColumn = column - (sum % tile.Columns * s.StrideX);
                    if (tapRow >= 0 && tapRow < s.KernelHeight && tapColumn >= 0 && tapColumn < s.KernelWidth)
                    {
                        text.Append(load)
                            .Append($"                    s{sum} += {CSums.Product(x, "v", $"tap[{(tapRow * s.KernelWidth) + tapColumn}]")};\n");
                        load = "";
                    }
                }
            }
        }

        return text.ToString();
    }
}
