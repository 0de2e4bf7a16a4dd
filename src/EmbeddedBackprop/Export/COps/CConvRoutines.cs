namespace EmbeddedBackprop.Export.COps;

/// <summary>The gradients of convolutions in C, and the transposed one: Kernels/Scalar/Conv.cs for one sample.</summary>
internal static class CConvRoutines
{
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
        return program.Routine("conv_input" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, InputText(load, "conv_input", spreads: false));
    }

    /// <summary>Asks for conv_spread(sizes, x, w, y), which adds to y: a transposed convolution. It is conv_input but for whose output a stored scale is.</summary>
    public static string Spread(CProgram program, CWeightLoad load)
    {
        if (!load.HasFactor)
        {
            return Input(program, load);
        }

        CConvSizes.Ask(program);
        return program.Routine("conv_spread" + load.Suffix, CFunctions.MultiplyAdd | load.Functions, InputText(load, "conv_spread", spreads: true));
    }

    /// <summary>Asks for conv_weights(sizes, x, delta, ...).</summary>
    public static string Weights(CProgram program, CEnding ending)
    {
        CConvSizes.Ask(program);
        return program.Routine("conv_weights" + ending.Suffix, CFunctions.MultiplyAdd, $$"""
            /*
             * dw[o][c][u][v] = sum of delta[o][i][j] * x[c][i * stride + u - top][j * stride + v - left], one term after the other in the order of i, j:
             * {{ending.Remark}}. Terms outside the image are left out: a position in front of it wraps around to a large number.
             */
            static void ebp_conv_weights{{ending.Suffix}}(const ebp_conv_sizes *s, const float *x, const float *delta, {{ending.Parameters}})
            {
                const size_t channels = s->channels / s->groups;
                const size_t outputs = s->outputs / s->groups;
                const size_t plane = s->height * s->width;
                size_t n = 0u;
                size_t o;
                size_t c;
                size_t u;
                size_t v;
                size_t i;
                size_t j;
                for (o = 0u; o < s->outputs; o++) {
                    const float *image = x + ((o / outputs) * channels * plane);
                    for (c = 0u; c < channels; c++) {
                        for (u = 0u; u < s->kernel_height; u++) {
                            for (v = 0u; v < s->kernel_width; v++) {
                                const float *d = delta;
                                size_t row = (u * s->dilation_y) - s->top;
                                float sum = {{ending.Start("n")}};
                                for (i = 0u; i < s->output_height; i++) {
                                    if (row < s->height) {
                                        const float *line = image + (row * s->width);
                                        size_t column = (v * s->dilation_x) - s->left;
                                        for (j = 0u; j < s->output_width; j++) {
                                            if (column < s->width) {
                                                sum = EBP_M(d[j], line[column], sum);
                                            }
                                            column += s->stride_x;
                                        }
                                    }
                                    d += s->output_width;
                                    row += s->stride_y;
                                }
                                {{ending.End("n", "sum")}}
                                n++;
                            }
                        }
                        image += plane;
                    }
                    delta += s->output_height * s->output_width;
                }
            }

            """);
    }

    /// <summary>Adds the gradient of a bias: the sum of each channel's delta.</summary>
    public static void ChannelSums(CProgram program, CEnding ending, int channels, int positions, string delta)
    {
        string sums = program.Routine("channel_sums" + ending.Suffix, ending.Updates ? CFunctions.MultiplyAdd : CFunctions.None, $$"""
            /* db[c] = sum of the channel's delta, one term after the other: {{ending.Remark}}. */
            static void ebp_channel_sums{{ending.Suffix}}(size_t channels, size_t positions, const float *delta, {{ending.Parameters}})
            {
                size_t c;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    float sum = {{ending.Start("c")}};
                    for (i = 0u; i < positions; i++) {
                        sum = sum + *delta++;
                    }
                    {{ending.End("c", "sum")}}
                }
            }

            """);
        program.Statement($"{sums}({CText.Size(channels)}, {CText.Size(positions)}, {delta}, {ending.Arguments});");
    }

    // In the textbook's form every number of dx collects its terms, with a division for each; here every place of delta spreads them. To one number they
    // come in the same order.
    private static string InputText(CWeightLoad load, string name, bool spreads) => $$"""
        /*
         * The way back through a convolution: dx[c][i * stride + u - top][j * stride + v - left] += delta[o][i][j] * w[o][c][u][v]. A number of dx gets its
         * terms in the order of i, j, o; those outside the image are left out.{{load.Remark}}
         */
        static void ebp_{{name}}{{load.Suffix}}(const ebp_conv_sizes *s, const float *delta, {{load.Parameter("w")}}, float *dx)
        {
            const size_t channels = s->channels / s->groups;
            const size_t outputs = s->outputs / s->groups;
            const size_t plane = s->height * s->width;
            const size_t positions = s->output_height * s->output_width;
            size_t at;
            size_t o;
            size_t c;
            size_t u;
            size_t v;
            for (at = 0u; at < positions; at++) {
                const {{load.Type}} *tap = w;
                for (o = 0u; o < s->outputs; o++) {
        {{(spreads ? "" : load.Factor("            ", "f", "w", "o"))}}            const float d = delta[(o * positions) + at];
                    float *image = dx + ((o / outputs) * channels * plane);
                    for (c = 0u; c < channels; c++) {
        {{(spreads ? load.Factor("                ", "f", "w", "((o / outputs) * channels) + c") : "")}}                size_t row = ((at / s->output_width) * s->stride_y) - s->top;
                        for (u = 0u; u < s->kernel_height; u++) {
                            if (row < s->height) {
                                float *line = image + (row * s->width);
                                size_t column = ((at % s->output_width) * s->stride_x) - s->left;
                                for (v = 0u; v < s->kernel_width; v++) {
                                    if (column < s->width) {
                                        line[column] = EBP_M(d, {{load.Weight("tap[v]", "f")}}, line[column]);
                                    }
                                    column += s->dilation_x;
                                }
                            }
                            tap += s->kernel_width;
                            row += s->dilation_y;
                        }
                        image += plane;
                    }
                }
            }
        }

        """;

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
                            kernel += taps;
                        }
                        *z++ = sum;
                    }
                }
            }
        }

        """;
}
