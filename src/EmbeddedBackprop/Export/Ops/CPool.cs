using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The largest element or the mean of every window, in C: Kernels/Scalar/Pooling/Pool2D.cs. A signal is an image of one row.</summary>
/// <param name="isMean">The mean; else the largest element.</param>
internal sealed class CPool(bool isMean) : COp
{
    private const string Sizes = """
        /* Windows over channels x height x width numbers. */
        typedef struct {
            size_t channels;
            size_t height;
            size_t width;
            size_t window_height;
            size_t window_width;
            size_t stride_y;
            size_t stride_x;
            size_t top; /* numbers of padding in front */
            size_t left;
            size_t output_height;
            size_t output_width;
        } ebp_pool_sizes;

        """;

    /// <summary>The C expression of the elements of a window.</summary>
    private const string Count =
        "(float)(counts_padding != 0 ? p->window_height * p->window_width : (last_row - first_row) * (last_column - first_column))";

    public override bool TakesIntegers => !isMean;

    public override void Write(CStep step, CProgram program)
    {
        Pooling op = (Pooling)step.Step.Op;
        Shape from = step.InputShape(0), to = step.OutputShape;
        (int inputHeight, int outputHeight) = from.Rank == 3 ? (from[1], to[1]) : (1, 1);
        int inputWidth = from[from.Rank - 1], outputWidth = to[to.Rank - 1];
        program.Comment(
            $"{step.Name}: a^{step.Number}[{to[0]}][{outputHeight}][{outputWidth}] = the {(isMean ? "mean" : "largest")} of every window of {op.Window.Height} x {op.Window.Width}"
            + $" of x[{from[0]}][{inputHeight}][{inputWidth}]");
        string sizes = SizesOf(program, op, from, to);
        string pool = isMean
            ? program.Routine(
                "average_pool",
                CFunctions.None,
                Loops(
                    "average_pool",
                    "y = the mean of every window; padding adds nothing, and is counted only if asked for; without it y may be x",
                    "const float *x, float *y, int counts_padding",
                    PlaneOf("const ", "x"),
                    "float sum = 0.0f;",
                    "sum = sum + plane[(row * p->width) + column];",
                    $"*y = sum / {Count};\n                y++;"))
            : program.Routine(
                "max_pool" + step.OutputType.Suffix,
                CFunctions.None,
                step.OutputType.Typed(
                    "max_pool",
                    Loops(
                        "max_pool",
                        "y = the largest of every window, the first of equal ones; padding is left out; without it y may be x",
                        "const float *x, float *y",
                        PlaneOf("const ", "x"),
                        "float best = plane[(first_row * p->width) + first_column];",
                        "best = plane[(row * p->width) + column] > best ? plane[(row * p->width) + column] : best;",
                        "*y = best;\n                y++;")));
        program.Statement($"{pool}({sizes}, {step.Inputs[0]}, {step.Output}{CountsPadding(op)});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        Pooling op = (Pooling)step.Step.Op;
        program.Comment(
            $"{step.Name}, backwards: dC/dx {(isMean ? "= shares of dC/dy, added up where windows overlap" : "+= dC/dy at the largest number of each window, found again")}"
        );
        step.Begin(program, 0);
        string sizes = SizesOf(program, op, step.Forward.InputShape(0), step.Forward.OutputShape);
        program.Statement(
            $"{Backward(program)}({sizes}, {(isMean ? "" : step.Forward.Inputs[0] + ", ")}{step.OutputGradient}, {dx}{CountsPadding(op)});");
    }

    /// <summary>Asks for the way back, which adds to dx.</summary>
    private string Backward(CProgram program) =>
        isMean
            ? program.Routine(
                "average_pool_backward",
                CFunctions.None,
                Loops(
                    "average_pool_backward",
                    "Every place of a window gets its share of dy",
                    "const float *dy, float *dx, int counts_padding",
                    PlaneOf("", "dx"),
                    $"const float share = *dy / {Count};",
                    "plane[(row * p->width) + column] = plane[(row * p->width) + column] + share;",
                    "dy++;"))
            : program.Routine(
                "max_pool_backward",
                CFunctions.None,
                Loops(
                    "max_pool_backward",
                    "The largest of every window, the first of equal ones, gets all of dy",
                    "const float *x, const float *dy, float *dx",
                    PlaneOf("const ", "x") + "\n        float *gradient = dx + (c * p->height * p->width);",
                    "size_t best = (first_row * p->width) + first_column;",
                    "best = plane[(row * p->width) + column] > plane[best] ? (row * p->width) + column : best;",
                    "gradient[best] = gradient[best] + *dy++;"));

    private static string CountsPadding(Pooling op) => op is AveragePooling average ? average.CountIncludePad ? ", 1" : ", 0" : "";

    private static string PlaneOf(string constant, string array) => $"{constant}float *plane = {array} + (c * p->height * p->width);";

    /// <summary>Asks for the constant with the sizes of a step.</summary>
    /// <returns>The C expression of its address.</returns>
    public static string SizesOf(CProgram program, Pooling op, Shape from, Shape to)
    {
        program.Routine("pool_sizes", CFunctions.None, Sizes);
        (int inputHeight, int outputHeight, int inputWidth, int outputWidth) =
            from.Rank == 3 ? (from[1], to[1], from[2], to[2]) : (1, 1, from[1], to[1]);
        return program.Constant(
            "pool_sizes",
            $$"""
                .channels = {{from[0]}}u, .height = {{inputHeight}}u, .width = {{inputWidth}}u,
                .window_height = {{op.Window.Height}}u, .window_width = {{op.Window.Width}}u,
                .stride_y = {{op.Stride.Height}}u, .stride_x = {{op.Stride.Width}}u,
                .top = {{op.Padding.Height}}u, .left = {{op.Padding.Width}}u,
                .output_height = {{outputHeight}}u, .output_width = {{outputWidth}}u

            """);
    }

    /// <summary>The loops over windows with what is done for each element and each window.</summary>
    public static string Loops(string name, string what, string parameters, string plane, string begin, string each, string end) => $$"""
        /* {{what}}. */
        static void ebp_{{name}}(const ebp_pool_sizes *p, {{parameters}})
        {
            size_t c;
            size_t i;
            size_t j;
            for (c = 0u; c < p->channels; c++) {
                {{plane}}
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
                        {{end}}
                    }
                }
            }
        }

        """;
}
