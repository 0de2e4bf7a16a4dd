using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.COps;

/// <summary>The sizes of a convolution as a C structure.</summary>
internal static class CConvSizes
{
    private const string Text = """
        /* A convolution of x[channels][height][width] to z[outputs][output_height][output_width]. */
        typedef struct {
            size_t channels, height, width;
            size_t outputs, kernel_height, kernel_width;
            size_t stride_y, stride_x, dilation_y, dilation_x;
            size_t top, left; /* numbers of padding in front */
            size_t groups;    /* the channels of one group are read by the outputs of that group only */
            size_t output_height, output_width;
        } ebp_conv_sizes;

        """;

    /// <summary>Asks for the type.</summary>
    public static void Ask(CProgram program) => program.Routine("conv_sizes", CFunctions.None, Text);

    /// <summary>Adds a block that calls a routine with the constant "sizes".</summary>
    public static void Call(CProgram program, in ConvSizes s, string call)
    {
        program.Statement("{");
        program.Statement($"    static const {program.Prefix}_conv_sizes sizes = {{");
        program.Statement($"        .channels = {CText.Size(s.Channels)}, .height = {CText.Size(s.Height)}, .width = {CText.Size(s.Width)},");
        program.Statement($"        .outputs = {CText.Size(s.Outputs)}, .kernel_height = {CText.Size(s.KernelHeight)}, .kernel_width = {CText.Size(s.KernelWidth)},");
        program.Statement(
            $"        .stride_y = {CText.Size(s.StrideY)}, .stride_x = {CText.Size(s.StrideX)}, .dilation_y = {CText.Size(s.DilationY)}, .dilation_x = {CText.Size(s.DilationX)},");
        program.Statement($"        .top = {CText.Size(s.Top)}, .left = {CText.Size(s.Left)}, .groups = {CText.Size(s.Groups)},");
        program.Statement($"        .output_height = {CText.Size(s.OutputHeight)}, .output_width = {CText.Size(s.OutputWidth)}");
        program.Statement("    };");
        program.Statement("    " + call);
        program.Statement("}");
    }
}
