using System.Text;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>
/// A convolution on integers in C, tile by tile: the part of the image that the positions of a tile see is copied, and their sums of one or two
/// outputs stay in registers until they are rounded, or until the largest of a window is.
/// </summary>
/// <remarks>
/// Two outputs share every element that is read. Where a processor takes two products of 16 bits in one instruction, these are of two channels that
/// are neighbours in the copy, or of two neighbouring columns where the number of channels is odd. One table of weights serves it and plain C.
/// </remarks>
internal sealed class CIntegerTile
{
    // In the loop over the channels, and in that over the rows of a kernel.
    private const string Turn = "        ", InnerTurn = "            ";

    private const string Again = """
        /*
         * Elements read through a pointer are read again after this: an Arm has registers for eight sums, but not for their inputs as well, and a compiler that keeps
         * inputs moves sums to memory.
         */
        #if defined(__GNUC__) && defined(__arm__)
        #define EBP_AGAIN(p) __asm__ volatile("" : "+r"(p))
        #else
        #define EBP_AGAIN(p) (void)(p)
        #endif

        """;

    private const string Pair = """
        #if defined(EBP_DUAL)
        /* Two neighbours of 16 bits. */
        static inline int32_t ebp_pair(const int16_t *x)
        {
            int32_t pair;
            (void)memcpy(&pair, x, sizeof pair);
            return pair;
        }
        #endif

        """;

    private readonly CElement x;
    private readonly CElement y;
    private readonly ConvSizes sizes;
    private readonly ConvTile tile;
    private readonly (int Height, int Width) window;
    private readonly bool writesRows;
    private readonly string name;
    private readonly string copy;

    private CIntegerTile(CProgram program, in ConvSizes sizes, ConvTile tile, Pooling? pooling, CElement x, CElement y, bool isWide)
    {
        (this.x, this.y, this.sizes, this.tile) = (x, y, sizes, tile);
        window = pooling is null ? (1, 1) : (pooling.Window.Height, pooling.Window.Width);
        writesRows = tile.WritesRows(in sizes, program.IsSmall);
        string strides = sizes.StrideX * sizes.StrideY > 1 ? $"_s{sizes.StrideY}x{sizes.StrideX}" : "";
        string pool = pooling is null ? "" : $"_max_{window.Height}x{window.Width}";
        string pairs = (tile.Together, tile.Depth) switch { (1, _) => "", (_, 1) => "_by_2", _ => "_2_by_2" };
        name = $"conv_{sizes.KernelHeight}x{sizes.KernelWidth}{strides}_{tile.Rows}x{tile.Columns}{pairs}{pool}{x.Suffix}{y.Suffix}"
            + (isWide ? "_wide" : "");
        copy = $"patch_{PatchRows}x{PatchColumns}{(tile.Depth == 2 ? "_2" : "")}{x.Suffix}";
    }

    private int PatchRows => tile.PatchRows(in sizes);

    private int PatchColumns => tile.PatchColumns(in sizes);

    private int Positions => tile.Rows * tile.Columns;

    private bool HasDual => tile.Together == 2;

    /// <summary>Weights of a channel, or of two where they are neighbours.</summary>
    private int WeightsOfTurn => sizes.KernelHeight * WeightsOfRow;

    private int WeightsOfRow => tile.KernelColumns(in sizes) * tile.Together * tile.Depth;

    /// <summary>Asks for the routine of a convolution, and of the pooling that follows it.</summary>
    /// <returns>Its name; the arguments are the sizes, the layer, w, x, y, scratch of 16 bits, and the zero point of x.</returns>
    public static string Ask(CProgram program, in ConvSizes sizes, ConvTile tile, Pooling? pooling, CElement x, CElement y, bool isWide)
    {
        CIntegerTile each = new(program, in sizes, tile, pooling, x, y, isWide);
        string round = CRescale.AskRound(program, isWide);
        CConvSizes.Ask(program);
        _ = program.Routine(each.copy, CFunctions.None, each.Copy());
        if (x == CElement.Int8)
        {
            CRescale.AskProduct(program);
        }

        if (each.HasDual)
        {
            CSums.AskDual(program);
            program.Routine("pair", CFunctions.None, Pair);
            program.Routine("again", CFunctions.None, Again);
        }

        if (!each.writesRows)
        {
            CConvSizes.AskApart(program);
        }

        program.Routine("sums_of_" + each.name, CFunctions.None, each.Sums(round));
        return program.Routine(each.name, CFunctions.None, each.Loops());
    }

    /// <summary>The order of the weights, for a comment.</summary>
    public static string Order(in ConvSizes s, ConvTile tile)
    {
        int columns = tile.KernelColumns(in s);
        return tile.Together == 1
            ? $"[{s.Outputs}][{s.Channels / s.Groups}][{s.KernelHeight}][{s.KernelWidth}]"
            : $"[{s.Outputs / 2}][{s.Channels / s.Groups / tile.Depth}][{s.KernelHeight}][{columns}]"
                + (tile.Depth == 2 ? "[2 channels]" : "") + "[2 outputs]" + (columns > s.KernelWidth ? ", the last column 0" : "");
    }

    /// <summary>The weights [outputs][channels of a group][kernel height][kernel width] in that order.</summary>
    public static IEnumerable<int> Ordered(ConvSizes s, ConvTile tile, int[] weights)
    {
        int channels = s.Channels / s.Groups, columns = tile.KernelColumns(in s);
        for (int output = 0; output < s.Outputs; output += tile.Together)
        {
            for (int channel = 0; channel < channels; channel += tile.Depth)
            {
                for (int i = 0; i < s.KernelHeight * columns * tile.Depth * tile.Together; i++)
                {
                    int o = output + (i % tile.Together), c = channel + (i / tile.Together % tile.Depth);
                    int tap = i / tile.Together / tile.Depth, row = tap / columns, column = tap % columns;
                    yield return column < s.KernelWidth ? weights[(((((o * channels) + c) * s.KernelHeight) + row) * s.KernelWidth) + column] : 0;
                }
            }
        }
    }

    private string Copy()
    {
        int rows = PatchRows, columns = PatchColumns, depth = tile.Depth;
        StringBuilder whole = new(), single = new();
        for (int j = 0; j < columns; j++)
        {
            whole.Append($"                patch[{depth * j}] = from[{j}];\n");
            whole.Append(depth == 2 ? $"                patch[{(2 * j) + 1}] = next[{j}];\n" : "");
        }

        single.Append(depth == 2
            ? """
                                const size_t from = ((image_row * c->width) + at);
                                patch[2u * j] = ((image_row < c->height) && (at < c->width)) ? x[from] : zero;
                                patch[(2u * j) + 1u] = ((image_row < c->height) && (at < c->width)) ? x[from + plane] : zero;

            """
            : """
                                patch[j] = ((image_row < c->height) && (at < c->width)) ? x[(image_row * c->width) + at] : zero;

            """);
        return $$"""
            /*
             * Copies {{rows}} x {{columns}} of every channel{{(depth == 2 ? ", those of two channels side by side" : "")}}, from a row and a column of the padded image; above and left of the image an
             * index is larger than every other.
             */
            static void ebp_{{copy}}(const ebp_conv_sizes *c, size_t channels, size_t row, size_t column, const {{x.Type}} *x, int16_t *patch, {{x.Type}} zero)
            {
                const size_t first = column - c->left;
                const size_t end = (column + {{columns}}u) - c->left;
                const size_t whole = ((first < end) && (end <= c->width)) ? c->height : 0u; /* rows of which every column is inside */
                const size_t plane = c->height * c->width;
                size_t n;
                size_t i;
                size_t j;
                for (n = channels; n > 0u; n -= {{depth}}u) {
                    for (i = 0u; i < {{rows}}u; i++) {
                        const size_t image_row = (row + i) - c->top;
                        if (image_row < whole) {
                            const {{x.Type}} *from = x + ((image_row * c->width) + first);
            {{(depth == 2 ? $"                const {x.Type} *next = &from[plane];\n" : "")}}{{whole}}            } else {
                            for (j = 0u; j < {{columns}}u; j++) {
                                const size_t at = first + j;
            {{single}}                }
                        }
                        patch += {{columns * depth}};
                    }
                    x = &x[{{(depth == 2 ? "2u * " : "")}}plane];
                }
            }

            """;
    }

    /// <summary>The parameters and the arguments that the results of a tile need.</summary>
    private IEnumerable<(string Parameter, string Argument)> Places()
    {
        if (tile.Rows > window.Height)
        {
            yield return ("size_t columns", "columns");
        }

        if (tile.Together == 2)
        {
            yield return ("size_t plane", "plane");
        }
    }

    private string Sums(string round)
    {
        int positions = Positions;
        string what = tile.Together == 2 ? " of two outputs" : "";
        StringBuilder sums = new();
        for (int i = 0; i < positions * tile.Together; i++)
        {
            string bias = i < positions ? "p->bias[n]" : "p->bias[n + 1u]";
            sums.Append($"    int32_t s{i} = {(i % positions == 0 ? bias : $"s{i - (i % positions)}")};\n");
        }

        return $$"""
            /* The sums of {{tile.Rows}} x {{tile.Columns}} positions{{what}}{{(window == (1, 1) ? "" : ", of which the largest of every window becomes an integer")}}; the weights of the next outputs. */
            {{(writesRows ? "static EBP_INLINE" : "EBP_APART static")}} const int8_t *ebp_sums_of_{{name}}(const ebp_layer *p, size_t n, size_t channels, const int8_t *w,
                const int16_t *in, {{string.Concat(Places().Select(place => place.Parameter + ", "))}}{{y.Type}} *y)
            {
            {{sums}}    size_t k;
            {{(writesRows ? "" : "    size_t i;\n")}}{{Channels()}}{{Results(round)}}    return w;
            }

            """;
    }

    /// <summary>The loop over the channels: for two products an instruction where there are such, and in plain C.</summary>
    private string Channels()
    {
        const string Dual = "        int32_t four;\n        int32_t even;\n        int32_t odd;\n        int32_t v;\n";
        string plain = Loop(tile.Depth, $"        {x.Type} v;\n", PlainTap);
        return HasDual ? $"#if defined(EBP_DUAL)\n{Loop(tile.Depth, Dual, DualTap)}#else\n{plain}#endif\n" : plain;
    }

    private string Loop(int depth, string declarations, Action<StringBuilder, string, int, int> tap)
    {
        StringBuilder text = new();
        text.Append($"    for (k = channels; k > 0u; k -= {depth}u) {{\n{declarations}");
        if (!writesRows)
        {
            text.Append($"        for (i = {sizes.KernelHeight}u; i > 0u; i--) {{\n");
        }

        for (int row = 0; row < (writesRows ? sizes.KernelHeight : 1); row++)
        {
            for (int column = 0; column < sizes.KernelWidth; column++)
            {
                tap(text, writesRows ? Turn : InnerTurn, row, column);
            }
        }

        int rows = PatchRows;
        if (!writesRows)
        {
            text.Append($"            in += {PatchColumns * depth};\n            w += {WeightsOfRow};\n        }}\n");
            rows -= sizes.KernelHeight;
        }

        text.Append(rows > 0 ? $"        in += {rows * PatchColumns * depth};\n" : "");
        text.Append(writesRows ? $"        w += {WeightsOfTurn};\n" : "");
        return text.Append("    }\n").ToString();
    }

    /// <summary>The element of the copy that a position sees by a tap, of the first channel of a turn.</summary>
    private int Seen(int position, int row, int column) =>
        ((((position / tile.Columns * sizes.StrideY) + row) * PatchColumns) + (position % tile.Columns * sizes.StrideX) + column) * tile.Depth;

    private void PlainTap(StringBuilder text, string indent, int row, int column)
    {
        int weight = (row * WeightsOfRow) + (column * tile.Together * tile.Depth);
        for (int channel = 0; channel < tile.Depth; channel++)
        {
            for (int position = 0; position < Positions; position++)
            {
                text.Append($"{indent}v = {(x == CElement.Int8 ? "(int8_t)" : "")}in[{Seen(position, row, column) + channel}];\n");
                for (int output = 0; output < tile.Together; output++)
                {
                    text.Append($"{indent}s{(output * Positions) + position} += ")
                        .Append($"{CSums.Product(x, "v", $"w[{weight + (channel * tile.Together) + output}]")};\n");
                }
            }

            text.Append(tile.Together == 2 ? $"{indent}EBP_AGAIN(in);\n" : "");
        }
    }

    /// <summary>Two channels, or two columns: then a tap of an odd column is in that of the even one before it.</summary>
    private void DualTap(StringBuilder text, string indent, int row, int column)
    {
        if (tile.Depth == 1 && column % 2 != 0)
        {
            return;
        }

        int weight = (row * WeightsOfRow) + (column * tile.Together * tile.Depth);
        text.Append($"{indent}four = ebp_word(&w[{weight}]);\n{indent}even = __sxtb16(four);\n{indent}odd = ebp_odd(four);\n");
        for (int position = 0; position < Positions; position++)
        {
            text.Append($"{indent}v = ebp_pair(&in[{Seen(position, row, column)}]);\n")
                .Append($"{indent}s{position} = __smlad(v, even, s{position});\n")
                .Append($"{indent}s{Positions + position} = __smlad(v, odd, s{Positions + position});\n");
        }

        text.Append($"{indent}EBP_AGAIN(in);\n");
    }

    /// <summary>The sums, or the largest of every window of them, become integers.</summary>
    private string Results(string round)
    {
        StringBuilder text = new();
        for (int output = 0; output < tile.Together; output++)
        {
            string channel = output == 0 ? "n" : "n + 1u";
            text.Append($"    {{\n        const int32_t m = p->multiplier[{channel}];\n        const int32_t shift = p->shift[{channel}];\n");
            for (int row = 0; row < tile.Rows; row += window.Height)
            {
                for (int column = 0; column < tile.Columns; column += window.Width)
                {
                    int first = (output * Positions) + (row * tile.Columns) + column;
                    for (int other = 1; other < window.Height * window.Width; other++)
                    {
                        int sum = first + (other / window.Width * tile.Columns) + (other % window.Width);
                        text.Append($"        s{first} = s{sum} > s{first} ? s{sum} : s{first};\n");
                    }

                    text.Append($"        y[{Place(output, row, column)}] = ({y.Type})ebp_{round}(p, s{first} * p->factor, m, shift);\n");
                }
            }

            text.Append("    }\n");
        }

        return text.ToString();
    }

    /// <summary>The index of a result: y begins at the first one of the tile.</summary>
    private string Place(int output, int row, int column)
    {
        string[] terms =
        [
            .. output > 0 ? new[] { "plane" } : [], .. row > 0 ? new[] { "columns" } : [],
            .. column > 0 ? new[] { CText.Size(column / window.Width) } : [],
        ];
        return terms.Length switch
        {
            0 => "0",
            1 => terms[0],
            2 => $"{terms[0]} + {terms[1]}",
            _ => $"({terms[0]} + {terms[1]}) + {terms[2]}",
        };
    }

    private string Loops()
    {
        ConvTile results = new(tile.Rows / window.Height, tile.Columns / window.Width, tile.Together, tile.Depth);
        string what = window == (1, 1)
            ? ""
            : $", and the largest of every {window.Height} x {window.Width}, which is rounded as the largest of the rounded ones would be";
        return $$"""
            /*
             * A convolution of {{sizes.KernelHeight}} x {{sizes.KernelWidth}}, {{tile.Rows}} x {{tile.Columns}} positions at once{{what}}.
             * The last tiles of a row or a column begin earlier, where they would reach further than the image.
             */
            static void ebp_{{name}}(const ebp_conv_sizes *c, const ebp_layer *p, const int8_t *w, const {{x.Type}} *x, {{y.Type}} *y, int16_t *patch,
                {{x.Type}} zero)
            {
                const size_t rows = c->output_height{{Divided(window.Height)}};
                const size_t columns = c->output_width{{Divided(window.Width)}};
                const size_t plane = rows * columns;
                const size_t channels = c->channels / c->groups;
                const size_t outputs = c->outputs / c->groups;
                size_t i;
                size_t j;
                size_t n;
                size_t first;
                for (i = 0u; i < rows; i += {{results.Rows}}u) {
                    const size_t row = (i + {{results.Rows}}u) > rows ? rows - {{results.Rows}}u : i;
                    for (j = 0u; j < columns; j += {{results.Columns}}u) {
                        const size_t column = (j + {{results.Columns}}u) > columns ? columns - {{results.Columns}}u : j;
                        const {{x.Type}} *image = x;
                        const int8_t *tap = w;
                        {{y.Type}} *at = y + ((row * columns) + column);
                        for (first = 0u; first < c->outputs; first += outputs) {
                            ebp_{{copy}}(c, channels, {{Begin(sizes.StrideY * window.Height, "row")}}, {{Begin(sizes.StrideX * window.Width, "column")}}, image, patch, zero);
                            image = &image[channels * c->height * c->width];
                            for (n = first; n < (first + outputs); n += {{tile.Together}}u) {
                                tap = ebp_sums_of_{{name}}(p, n, channels, tap, patch, {{string.Concat(Places().Select(place => place.Argument + ", "))}}at);
                                at = &at[{{(tile.Together == 2 ? "2u * " : "")}}plane];
                            }
                        }
                    }
                }
            }

            """;

        static string Divided(int size) => size == 1 ? "" : $" / {size}u";

        static string Begin(int factor, string of) => factor == 1 ? of : $"{of} * {factor}u";
    }
}
