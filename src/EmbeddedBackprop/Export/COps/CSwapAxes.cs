using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Rows and columns exchanged, in C.</summary>
internal sealed class CSwapAxes : COp
{
    private const string Text = """
        /* y[j][i] = x[i][j] */
        static void ebp_swap_axes(size_t rows, size_t columns, const float *x, float *y)
        {
            size_t i;
            size_t j;
            for (i = 0u; i < rows; i++) {
                for (j = 0u; j < columns; j++) {
                    y[(j * rows) + i] = x[(i * columns) + j];
                }
            }
        }

        """;

    protected override Type OpType => typeof(SwapAxes);

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        program.Comment($"{step.Name}: a^{step.Number}[{shape[1]}][{shape[0]}], rows and columns exchanged");
        string swap = program.Routine("swap_axes", CFunctions.None, Text);
        program.Statement($"{swap}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {step.Inputs[0]}, {step.Output});");
    }
}
