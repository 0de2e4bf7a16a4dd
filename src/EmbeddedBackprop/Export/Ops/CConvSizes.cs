using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The sizes of a convolution as a C structure.</summary>
internal static class CConvSizes
{
    private const string Text = """
        /* A convolution of x[channels][height][width] to z[outputs][output_height][output_width]. */
        typedef struct {
            size_t channels;
            size_t height;
            size_t width;
            size_t outputs;
            size_t kernel_height;
            size_t kernel_width;
            size_t stride_y;
            size_t stride_x;
            size_t dilation_y;
            size_t dilation_x;
            size_t top; /* numbers of padding in front */
            size_t left; /* numbers of padding in front */
            size_t groups;    /* the channels of one group are read by the outputs of that group only */
            size_t output_height;
            size_t output_width;
        } ebp_conv_sizes;

        """;

    private const string Taps = """
        /* How many taps of a row or a column of the kernel are inside the image, and which is the first. */
        static size_t ebp_conv_taps(size_t position, size_t padding, size_t size, size_t dilation, size_t kernel, size_t *first)
        {
            size_t count = kernel;
            size_t u = 0u;
            while (count > 0u && position + (u * dilation) < padding) {
                u++;
                count--;
            }
            while (count > 0u && (position + (((u + count) - 1u) * dilation)) - padding >= size) {
                count--;
            }
            *first = u;
            return count;
        }

        """;

    private const string Apart = """
        /* Inlined into the loops that call them, these routines would lose their registers. */
        #ifndef EBP_APART
        #if defined(__GNUC__)
        #define EBP_APART __attribute__((noinline))
        #else
        #define EBP_APART
        #endif
        #endif

        """;

    /// <summary>Asks for the type.</summary>
    public static void Ask(CProgram program) => program.Routine("conv_sizes", CFunctions.None, Text);

    /// <summary>
    /// Asks for conv_taps(position, padding, size, dilation, kernel, first): how many of the indices position + first * dilation and so on,
    /// less the padding, are inside.
    /// </summary>
    public static void AskTaps(CProgram program) => program.Routine("conv_taps", CFunctions.None, Taps);

    /// <summary>Asks for the macro EBP_APART, which keeps a routine out of the loops that call it.</summary>
    public static void AskApart(CProgram program) => program.Routine("apart", CFunctions.None, Apart);

    /// <summary>Asks for the constant with these sizes, once for every layer and direction that has them.</summary>
    /// <returns>The C expression of its address.</returns>
    public static string Constant(CProgram program, in ConvSizes s)
    {
        Ask(program);
        return program.Constant("conv_sizes", $$"""
                .channels = {{s.Channels}}u, .height = {{s.Height}}u, .width = {{s.Width}}u,
                .outputs = {{s.Outputs}}u, .kernel_height = {{s.KernelHeight}}u, .kernel_width = {{s.KernelWidth}}u,
                .stride_y = {{s.StrideY}}u, .stride_x = {{s.StrideX}}u, .dilation_y = {{s.DilationY}}u, .dilation_x = {{s.DilationX}}u,
                .top = {{s.Top}}u, .left = {{s.Left}}u, .groups = {{s.Groups}}u,
                .output_height = {{s.OutputHeight}}u, .output_width = {{s.OutputWidth}}u

            """);
    }
}
