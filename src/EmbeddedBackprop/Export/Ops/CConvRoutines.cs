using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The gradients of convolutions in C, and the transposed one: Kernels/Scalar/Convolution/Conv.cs for one sample.</summary>
internal static class CConvRoutines
{
    private const string DotText = """
        /* sum + the products of d and x over rows of columns, one after the other. */
        EBP_APART static float ebp_conv_dot(size_t rows, size_t columns, const float *d, size_t d_row, const float *x, size_t x_next, size_t x_row, float sum)
        {
            size_t from = 0u;
            size_t at = 0u;
            size_t j;
            for (; rows > 0u; rows--) {
                const float *line = d + from;
                size_t k = at;
                for (j = columns; j > 0u; j--) {
                    sum = EBP_M(*line, x[k], sum);
                    line++;
                    k += x_next;
                }
                from += d_row;
                at += x_row;
            }
            return sum;
        }

        """;

    /// <summary>Asks for conv_onto(sizes, x, w, z), which adds to z: the way back through a transposed convolution.</summary>
    public static string Onto(CProgram program, CWeightLoad load)
    {
        CConvSizes.Ask(program);
        return program.Routine("conv_onto" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, OntoText(load));
    }

    /// <summary>Asks for conv_input(sizes, delta, w, dx), which adds to dx: the way back through a convolution.</summary>
    public static string Input(CProgram program, CWeightLoad load)
    {
        CConvSizes.Ask(program);
        CConvSizes.AskTaps(program);
        CConvSizes.AskApart(program);
        return program.Routine("conv_input" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, InputText(load, "conv_input", spreads: false));
    }

    /// <summary>
    /// Asks for conv_spread(sizes, x, w, y), which adds to y: a transposed convolution. It is conv_input but for whose output a stored scale is.
    /// </summary>
    public static string Spread(CProgram program, CWeightLoad load)
    {
        if (!load.HasFactor)
        {
            return Input(program, load);
        }

        CConvSizes.Ask(program);
        CConvSizes.AskTaps(program);
        CConvSizes.AskApart(program);
        return program.Routine("conv_spread" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, InputText(load, "conv_spread", spreads: true));
    }

    /// <summary>Asks for conv_weights(sizes, x, delta, ...).</summary>
    public static string Weights(CProgram program, CGradientSum gradient)
    {
        CConvSizes.Ask(program);
        CConvSizes.AskTaps(program);
        CConvSizes.AskApart(program);
        program.Routine("conv_dot", CFunctions.MultiplyAdd, DotText);
        return program.Routine("conv_weights" + gradient.Suffix, CFunctions.MultiplyAdd, $$"""
            /*
             * dw[o][c][u][v] = sum of delta[o][i][j] * x[c][i * stride + u - top][j * stride + v - left], one term after the other in the order of i, j:
             * {{gradient.Remark}}. Terms outside the image are left out.
             */
            static void ebp_conv_weights{{gradient.Suffix}}(const ebp_conv_sizes *s, const float *x, const float *delta, {{gradient.Parameters}})
            {
                const size_t channels = s->channels / s->groups;
                const size_t outputs = s->outputs / s->groups;
                const size_t taps = s->kernel_height * s->kernel_width;
                size_t tap;
                size_t o;
                size_t c;
                for (tap = 0u; tap < taps; tap++) {
                    const size_t u = (tap / s->kernel_width) * s->dilation_y;
                    const size_t v = (tap % s->kernel_width) * s->dilation_x;
                    size_t i_0 = 0u;
                    size_t j_0 = 0u;
                    const size_t columns = ebp_conv_taps(v, s->left, s->width, s->stride_x, s->output_width, &j_0);
                    const size_t rows = columns > 0u ? ebp_conv_taps(u, s->top, s->height, s->stride_y, s->output_height, &i_0) : 0u;
                    const size_t first = rows > 0u ? ((i_0 * s->stride_y) + u) - s->top : 0u;
                    const size_t left = rows > 0u ? ((j_0 * s->stride_x) + v) - s->left : 0u;
                    size_t n = tap;
                    for (o = 0u; o < s->outputs; o++) {
                        for (c = 0u; c < channels; c++) {
                            const size_t plane = (((o / outputs) * channels) + c) * s->height;
                            const float sum = ebp_conv_dot(
                                rows, columns, delta + (((o * s->output_height) + i_0) * s->output_width) + j_0, s->output_width,
                                x + ((plane + first) * s->width) + left, s->stride_x, s->stride_y * s->width, {{gradient.Start("n")}});
                            {{gradient.End("n", "sum")}}
                            n += taps;
                        }
                    }
                }
            }

            """);
    }

    /// <summary>Adds the gradient of a bias: the sum of each channel's delta.</summary>
    public static void ChannelSums(CProgram program, CGradientSum gradient, int channels, int positions, string delta)
    {
        string sums = program.Routine("channel_sums" + gradient.Suffix, gradient.Updates ? CFunctions.MultiplyAdd : CFunctions.None, $$"""
            /* db[c] = sum of the channel's delta, one term after the other: {{gradient.Remark}}. */
            static void ebp_channel_sums{{gradient.Suffix}}(size_t channels, size_t positions, const float *delta, {{gradient.Parameters}})
            {
                size_t c;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    float sum = {{gradient.Start("c")}};
                    for (i = 0u; i < positions; i++) {
                        sum = sum + *delta++;
                    }
                    {{gradient.End("c", "sum")}}
                }
            }

            """);
        program.Statement($"{sums}({CText.Size(channels)}, {CText.Size(positions)}, {delta}, {gradient.Arguments});");
    }

    // In the textbook's form every element of dx collects its terms, with a division for each; here every element of delta spreads them. An
    // element gets them in the same order.
    private static string InputText(CWeightLoad load, string name, bool spreads)
    {
        string scale = load.HasFactor ? spreads ? ", w_scale + ((o / outputs) * channels)" : ", w_scale + o" : "";
        return $$"""
            /* The kernel's part of rows x columns, times d, is added to every channel of dx. */
            EBP_APART static void ebp_{{name}}_add{{load.Suffix}}(const ebp_conv_sizes *s, size_t rows, size_t columns, float d, {{load.Parameter(
                "w"
            )}}, float *dx)
            {
                const size_t next = s->dilation_x;
                const size_t row = s->dilation_y * s->width;
                size_t c;
                size_t u;
                size_t v;
            {{(spreads ? "" : load.Factor("    ", "f", "w", "0"))}}    for (c = 0u; c < s->channels / s->groups; c++) {
                    size_t from = c * s->kernel_height * s->kernel_width;
                    size_t to = c * s->height * s->width;
            {{(spreads ? load.Factor("        ", "f", "w", "c") : "")}}        for (u = rows; u > 0u; u--) {
                        const {{load.Type}} *tap = w + from;
                        size_t at = to;
                        for (v = columns; v > 0u; v--) {
                            dx[at] = EBP_M(d, {{load.Weight("*tap", "f")}}, dx[at]);
                            tap++;
                            at += next;
                        }
                        from += s->kernel_width;
                        to += row;
                    }
                }
            }

            /*
             * The way back through a convolution: dx[c][i * stride + u - top][j * stride + v - left] += delta[o][i][j] * w[o][c][u][v]. A number of dx gets its
             * terms in the order of i, j, o; those outside the image are left out.{{load.Remark}}
             */
            static void ebp_{{name}}{{load.Suffix}}(const ebp_conv_sizes *s, const float *delta, {{load.Parameter("w")}}, float *dx)
            {
                const size_t channels = s->channels / s->groups;
                const size_t outputs = s->outputs / s->groups;
                const size_t positions = s->output_height * s->output_width;
                size_t at;
                size_t o;
                for (at = 0u; at < positions; at++) {
                    const size_t top = (at / s->output_width) * s->stride_y;
                    const size_t left = (at % s->output_width) * s->stride_x;
                    size_t u = 0u;
                    size_t v = 0u;
                    const size_t columns = ebp_conv_taps(left, s->left, s->width, s->dilation_x, s->kernel_width, &v);
                    const size_t rows = columns > 0u ? ebp_conv_taps(top, s->top, s->height, s->dilation_y, s->kernel_height, &u) : 0u;
                    if (rows > 0u) {
                        const size_t first = (((top + (u * s->dilation_y)) - s->top) * s->width) + ((left + (v * s->dilation_x)) - s->left);
                        for (o = 0u; o < s->outputs; o++) {
                            ebp_{{name}}_add{{load.Suffix}}(
                                s, rows, columns, delta[(o * positions) + at], w + (((o * channels * s->kernel_height) + u) * s->kernel_width) + v{{scale}},
                                dx + ((o / outputs) * channels * s->height * s->width) + first);
                        }
                    }
                }
            }

            """;
    }

    private static string OntoText(CWeightLoad load) => $$"""
        /*
         * z[o][i][j] += sum of w[o][c][u][v] * x[c][i * stride + u - top][j * stride + v - left], one sum after the other in the order of c, u, v.
         * Terms outside the image are left out: a position in front of it wraps around to a large number.{{load.Remark}}
         */
        static void ebp_conv_onto{{load.Suffix}}(const ebp_conv_sizes *s, const float *x, {{load.Parameter("w")}}, float *z)
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
                const float *image = x + ((o / outputs) * channels * s->height * s->width);
                for (i = 0u; i < s->output_height; i++) {
                    for (j = 0u; j < s->output_width; j++) {
                        const float *plane = image;
                        const {{load.Type}} *kernel = w + (o * channels * taps);
                        float sum = *z;
                        for (c = 0u; c < channels; c++) {
        {{load.Factor("                    ", "f", "w", "((o / outputs) * channels) + c")}}                    for (u = 0u; u < s->kernel_height; u++) {
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
                            kernel = &kernel[taps];
                        }
                        *z = sum;
                        z++;
                    }
                }
            }
        }

        """;
}
