using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>The largest number or the mean of every window, in C: Kernels/Scalar/Pool2D.cs. A signal is an image of one row.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class CPool<TOp> : COp where TOp : Pooling
{
    private const string Sizes = """
        /* Windows over channels x height x width numbers. */
        typedef struct {
            size_t channels, height, width;
            size_t window_height, window_width, stride_y, stride_x, top, left; /* top, left: numbers of padding in front */
            size_t output_height, output_width;
        } ebp_pool_sizes;

        """;

    private static readonly bool IsMean = typeof(AveragePooling).IsAssignableFrom(typeof(TOp));

    protected override Type OpType => typeof(TOp);

    public override void Write(CStep step, CProgram program)
    {
        Pooling op = (Pooling)step.Step.Op;
        Shape from = step.InputShape(0), to = step.OutputShape;
        (int inputHeight, int outputHeight) = from.Rank == 3 ? (from[1], to[1]) : (1, 1);
        int inputWidth = from[from.Rank - 1], outputWidth = to[to.Rank - 1];
        bool countsPadding = op is AveragePooling { CountIncludePad: true };
        program.Comment(
            $"{step.Name}: a^{step.Number}[{to[0]}][{outputHeight}][{outputWidth}] = the {(IsMean ? "mean" : "largest")} of every window of {op.Window.Height} x {op.Window.Width}"
            + $" of x[{from[0]}][{inputHeight}][{inputWidth}]");
        program.Routine("pool_sizes", CFunctions.None, Sizes);
        string pool = IsMean
            ? program.Routine("average_pool", CFunctions.None, Loops(
                "average_pool", "the mean of every window; padding adds nothing, and is counted only if asked for", ", int counts_padding",
                "float sum = 0.0f;", "sum = sum + plane[(row * p->width) + column];",
                "sum / (float)(counts_padding != 0 ? p->window_height * p->window_width : (last_row - first_row) * (last_column - first_column))"))
            : program.Routine("max_pool", CFunctions.None, Loops(
                "max_pool", "the largest of every window, the first of equal ones; padding is left out", "",
                "float best = plane[(first_row * p->width) + first_column];",
                "best = plane[(row * p->width) + column] > best ? plane[(row * p->width) + column] : best;", "best"));
        program.Statement("{");
        program.Statement($"    static const {program.Prefix}_pool_sizes sizes = {{");
        program.Statement($"        .channels = {CText.Size(from[0])}, .height = {CText.Size(inputHeight)}, .width = {CText.Size(inputWidth)},");
        program.Statement($"        .window_height = {CText.Size(op.Window.Height)}, .window_width = {CText.Size(op.Window.Width)},");
        program.Statement($"        .stride_y = {CText.Size(op.Stride.Height)}, .stride_x = {CText.Size(op.Stride.Width)},");
        program.Statement($"        .top = {CText.Size(op.Padding.Height)}, .left = {CText.Size(op.Padding.Width)},");
        program.Statement($"        .output_height = {CText.Size(outputHeight)}, .output_width = {CText.Size(outputWidth)}");
        program.Statement("    };");
        program.Statement($"    {pool}(&sizes, {step.Inputs[0]}, {step.Output}{(!IsMean ? "" : countsPadding ? ", 1" : ", 0")});");
        program.Statement("}");
    }

    private static string Loops(string name, string what, string parameter, string begin, string each, string result) => $$"""
        /* y = {{what}}. */
        static void ebp_{{name}}(const ebp_pool_sizes *p, const float *x, float *y{{parameter}})
        {
            size_t c;
            size_t i;
            size_t j;
            for (c = 0u; c < p->channels; c++) {
                const float *plane = x + (c * p->height * p->width);
                for (i = 0u; i < p->output_height; i++) {
                    const size_t y_in_padding = i * p->stride_y;
                    const size_t y_end = (y_in_padding + p->window_height) - p->top;
                    const size_t first_row = y_in_padding > p->top ? y_in_padding - p->top : 0u;
                    const size_t last_row = y_end < p->height ? y_end : p->height;
                    for (j = 0u; j < p->output_width; j++) {
                        const size_t x_in_padding = j * p->stride_x;
                        const size_t x_end = (x_in_padding + p->window_width) - p->left;
                        const size_t first_column = x_in_padding > p->left ? x_in_padding - p->left : 0u;
                        const size_t last_column = x_end < p->width ? x_end : p->width;
                        {{begin}}
                        size_t row;
                        size_t column;
                        for (row = first_row; row < last_row; row++) {
                            for (column = first_column; column < last_column; column++) {
                                {{each}}
                            }
                        }
                        *y++ = {{result}};
                    }
                }
            }
        }

        """;
}
