using System.Globalization;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// The forward sums of a convolution in C, those of Kernels/Scalar/Convolution/Conv.cs for one sample. Where the whole kernel row is inside the
/// image, four sums run at once: of four outputs, which share the x, or of four neighbouring positions, which share the weight.
/// </summary>
/// <remarks>
/// Measured on Cortex-M4F with gcc -Os for a kernel of 3x3: one output at a time with every tap checked took 25 instructions a multiply-add, this
/// takes 5 (bench/device). Sums and weights have names of their own, a kernel row is written out up to eight taps, and the routines are kept apart
/// from the loops around them: inlined, the compiler runs out of registers.
/// </remarks>
internal static class CConvForward
{
    private const int Together = 4;

    // A wider kernel row is a loop.
    private const int WrittenOut = 8;

    private const string Window = """
        /* What outputs side by side read: as many of the kernel's taps as are inside the image, and the ways from one number to the next. */
        typedef struct {
            size_t first; /* of the outputs side by side */
            size_t count;
            size_t channels;
            size_t rows;
            size_t columns;
            size_t x_next; /* of the next output; of the next tap, of the next row, from behind the last row to the next channel */
            size_t x_column;
            size_t x_row;
            size_t x_channel;
            size_t w_row;
            size_t w_channel;
            size_t w_output;
            size_t z_output;
        } ebp_conv_window;

        """;

    /// <summary>Asks for conv(sizes, x, w, b, z), which is made for the width of a kernel's row.</summary>
    /// <returns>The name to call the routine by.</returns>
    public static string Ask(CProgram program, CWeightLoad load, in ConvSizes sizes)
    {
        int outputs = sizes.Outputs / sizes.Groups;
        bool across = outputs >= Together, along = outputs % Together != 0 && sizes.OutputWidth >= Together;
        string row = CText.Number(sizes.KernelWidth) + (sizes.DilationX > 1 ? "_by_" + CText.Number(sizes.DilationX) : "");
        CFunctions functions = CFunctions.MultiplyAdd | load.Functions;
        CConvSizes.Ask(program);
        CConvSizes.AskTaps(program);
        CConvSizes.AskApart(program);
        program.Routine("conv_window", CFunctions.None, Window);
        if (across)
        {
            program.Routine($"conv_across_{row}{load.Suffix}", functions, AcrossText(load, row, sizes.KernelWidth, sizes.DilationX));
        }

        if (along)
        {
            program.Routine($"conv_along_{row}{load.Suffix}", functions, AlongText(load, row, sizes.KernelWidth, sizes.DilationX));
        }

        program.Routine("conv_any" + load.Suffix, functions, $"{EachText(load)}\n{AnyText(load)}");
        string kind = row + (across && along ? "" : across ? "_across" : along ? "_along" : "_one");
        return program.Routine($"conv_{kind}{load.Suffix}", CFunctions.None, $$"""
            static void ebp_conv_{{kind}}{{load.Suffix}}(const ebp_conv_sizes *s, const float *x, {{load.Parameter("w")}}, const float *b, float *z)
            {
                ebp_conv_any{{load.Suffix}}(s, {{(across ? $"ebp_conv_across_{row}{load.Suffix}" : "NULL")}}, {{(
                along ? $"ebp_conv_along_{row}{load.Suffix}" : "NULL"
            )}}, x, {{load.Pass("w")}}, b, z);
            }

            """);
    }

    private static string AcrossText(CWeightLoad load, string row, int width, int dilation)
    {
        string type = load.Type;
        return $$"""
            /* Four outputs at once for each of the places side by side.{{load.Remark}} */
            EBP_APART static void ebp_conv_across_{{row}}{{load.Suffix}}(const ebp_conv_window *p, const float *x, {{load.Parameter(
                "w"
            )}}, const float *b, float *z)
            {
                const size_t step = p->w_output;
                const size_t x_row = p->x_row;
            {{Each(i => load.Factor("    ", "f" + i, "w", i + "u"))}}    size_t n;
                for (n = 0u; n < p->count; n++) {
                    size_t at = n * p->x_next;
                    size_t k = 0u;
                    size_t c;
                    size_t u;
            {{Each(i => $"        float s{i} = b[{i}];\n")}}        for (c = p->channels; c > 0u; c--) {
                        const {{type}} *w0 = w + k;
                        const {{type}} *w1 = w0 + step;
                        const {{type}} *w2 = w1 + step;
                        const {{type}} *w3 = w2 + step;
                        for (u = p->rows; u > 0u; u--) {
                            const float *line = x + at;
            {{Taps(
                width,
                dilation,
                "const float xv = line[{0}];",
                (i, v) => $"s{i} = EBP_M(xv, {load.Weight($"w{i}[{v}]", "f" + i)}, s{i});"
            )}}                at += x_row;
            {{Each(i => $"                w{i} = &w{i}[{width}];\n")}}            }
                        at += p->x_channel;
                        k += p->w_channel;
                    }
            {{Each(i => $"        z[{(i == "0" ? "n" : $"n + ({i}u * p->z_output)")}] = s{i};\n")}}    }
            }

            """;
    }

    private static string AlongText(CWeightLoad load, string row, int width, int dilation) => $$"""
        /* One output for four places side by side at once.{{load.Remark}} */
        EBP_APART static void ebp_conv_along_{{row}}{{load.Suffix}}(const ebp_conv_window *p, const float *x, {{load.Parameter("w")}}, const float *b, float *z)
        {
            const size_t next = p->x_next;
            const size_t x_row = p->x_row;
        {{load.Factor("    ", "f", "w", "0")}}    size_t n;
            for (n = 0u; n + 4u <= p->count; n += 4u) {
                size_t at = n * next;
                size_t k = 0u;
                size_t c;
                size_t u;
        {{Each(i => $"        float s{i} = b[0];\n")}}        for (c = p->channels; c > 0u; c--) {
                    const {{load.Type}} *tap = w + k;
                    for (u = p->rows; u > 0u; u--) {
                        const float *x0 = x + at;
                        const float *x1 = x0 + next;
                        const float *x2 = x1 + next;
                        const float *x3 = x2 + next;
        {{Taps(width, dilation, $"const float wv = {load.Weight("tap[{1}]", "f")};", (i, v) => $"s{i} = EBP_M(x{i}[{Times(v, dilation)}], wv, s{i});")}}                at += x_row;
                        tap = &tap[{{width}}];
                    }
                    at += p->x_channel;
                    k += p->w_channel;
                }
        {{Each(i => $"        z[n{(i == "0" ? "" : $" + {i}u")}] = s{i};\n")}}    }
        }

        """;

    private static string EachText(CWeightLoad load) => $$"""
        /* One output after the other, whatever part of the kernel is inside the image. */
        EBP_APART static void ebp_conv_each{{load.Suffix}}(const ebp_conv_window *p, const float *x, {{load.Parameter("w")}}, const float *b, float *z)
        {
        {{load.Factor("    ", "f", "w", "0")}}    size_t n;
            for (n = p->first; n < p->count; n++) {
                size_t at = n * p->x_next;
                size_t k = 0u;
                size_t c;
                size_t u;
                size_t v;
                float sum = b[0];
                for (c = p->channels; c > 0u; c--) {
                    const {{load.Type}} *row = w + k;
                    for (u = p->rows; u > 0u; u--) {
                        size_t column = at;
                        for (v = 0u; v < p->columns; v++) {
                            sum = EBP_M(x[column], {{load.Weight("row[v]", "f")}}, sum);
                            column += p->x_column;
                        }
                        at += p->x_row;
                        row += p->w_row;
                    }
                    at += p->x_channel;
                    k += p->w_channel;
                }
                z[n] = sum;
            }
        }

        """;

    private static string AnyText(CWeightLoad load) => $$"""
        typedef void (*ebp_conv_part{{load.Suffix}})(const ebp_conv_window *p, const float *x, {{load.Parameter("w")}}, const float *b, float *z);

        /*
         * z[o][i][j] = b[o] + sum of w[o][c][u][v] * x[c][i * stride + u - top][j * stride + v - left], one sum after the other in the order of c, u, v; what is
         * outside the image is left out. Runs of j that see a whole row of the kernel go to across (four o at once) and along (four j at once), if they are given.
         */
        static void ebp_conv_any{{load.Suffix}}(const ebp_conv_sizes *s, ebp_conv_part{{load.Suffix}} across, ebp_conv_part{{load.Suffix}} along, const float *x, {{load.Parameter("w")}}, const float *b, float *z)
        {
            const size_t channels = s->channels / s->groups;
            const size_t outputs = s->outputs / s->groups; /* that read the same channels */
            const size_t plane = s->height * s->width;
            ebp_conv_window p;
            size_t i;
            size_t j;
            /* Of a kernel of one row the channels are the rows: one loop less. */
            p.channels = s->kernel_height == 1u ? 1u : channels;
            p.x_next = s->stride_x;
            p.x_column = s->dilation_x;
            p.x_row = s->kernel_height == 1u ? plane : s->dilation_y * s->width;
            p.w_row = s->kernel_width;
            p.w_channel = s->kernel_height * s->kernel_width;
            p.w_output = channels * p.w_channel;
            p.z_output = s->output_height * s->output_width;
            for (i = 0u; i < s->output_height; i++) {
                size_t u;
                const size_t rows = (channels / p.channels) * ebp_conv_taps(i * s->stride_y, s->top, s->height, s->dilation_y, s->kernel_height, &u);
                for (j = 0u; j < s->output_width; j += p.count) {
                    size_t v;
                    size_t o = 0u;
                    size_t group;
                    size_t at = 0u;
                    size_t tap = 0u;
                    uint32_t whole;
                    p.columns = ebp_conv_taps(j * s->stride_x, s->left, s->width, s->dilation_x, s->kernel_width, &v);
                    p.rows = p.columns > 0u ? rows : 0u;
                    whole = 0u;
                    if (p.columns == s->kernel_width) {
                        whole = 1u;
                    }
                    p.count = 1u;
                    while (whole != 0u && j + p.count < s->output_width
                        && (((j + p.count) * s->stride_x) + ((p.columns - 1u) * s->dilation_x)) - s->left < s->width) {
                        p.count++;
                    }
                    p.x_channel = plane - (p.rows * p.x_row);
                    if (p.rows > 0u) {
                        at = ((((i * s->stride_y) + (u * s->dilation_y)) - s->top) * s->width) + (((j * s->stride_x) + (v * s->dilation_x)) - s->left);
                        tap = (u * s->kernel_width) + v;
                    }
                    for (group = 0u; group < s->groups; group++) {
                        const size_t end = o + outputs;
                        while (whole != 0u && across != NULL && end - o >= 4u) {
                            across(&p, x + at, w + (o * p.w_output) + tap{{Scale(load)}}, b + o, z + (o * p.z_output));
                            o += 4u;
                        }
                        p.first = 0u;
                        for (; o < end; o++) {
                            if (whole != 0u && along != NULL) {
                                along(&p, x + at, w + (o * p.w_output) + tap{{Scale(load)}}, b + o, z + (o * p.z_output));
                                p.first = p.count - (p.count % 4u);
                            }
                            ebp_conv_each{{load.Suffix}}(&p, x + at, w + (o * p.w_output) + tap{{Scale(load)}}, b + o, z + (o * p.z_output));
                        }
                        at += channels * plane;
                    }
                    z += p.count;
                }
            }
        }

        """;

    private static string Scale(CWeightLoad load) => load.HasFactor ? ", w_scale + o" : "";

    private static string Each(Func<string, string> line) => string.Concat(Enumerable.Range(0, Together).Select(i => line(CText.Number(i))));

    /// <summary>A row of the kernel: one line that loads what the four sums share, {0} of x and {1} of the weights, and the four sums.</summary>
    private static string Taps(int width, int dilation, string load, Func<string, string, string> sum)
    {
        if (width <= WrittenOut)
        {
            return string.Concat(Enumerable.Range(0, width).Select(v => Tap(CText.Number(v), CText.Number(v * dilation), "                ")));
        }

        return
            $"                size_t v;\n                for (v = 0u; v < {width}u; v++) {{\n{Tap("v", Times("v", dilation), "                    ")}                }}\n";

        string Tap(string v, string x, string indent) =>
            $"{indent}{{\n{indent}    {string.Format(CultureInfo.InvariantCulture, load, x, v)}\n"
            + Each(i => $"{indent}    {sum(i, v)}\n")
            + $"{indent}}}\n";
    }

    private static string Times(string v, int dilation) =>
        int.TryParse(v, NumberStyles.None, CultureInfo.InvariantCulture, out int place) ? CText.Number(place * dilation)
        : dilation == 1 ? v
        : $"{v} * {dilation}u";
}
