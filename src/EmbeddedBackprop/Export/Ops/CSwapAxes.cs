using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

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

    private const string BackText = """
        /* dx[i][j] = dy[j][i], or dx[i][j] + dy[j][i] if it goes on */
        static void ebp_swap_axes_back(size_t rows, size_t columns, const float *dy, int goes_on, float *dx)
        {
            size_t i;
            size_t j;
            for (i = 0u; i < rows; i++) {
                for (j = 0u; j < columns; j++) {
                    const float d = dy[(j * rows) + i];
                    *dx = goes_on != 0 ? *dx + d : d;
                    dx++;
                }
            }
        }

        """;

    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        program.Comment($"{step.Name}: a^{step.Number}[{shape[1]}][{shape[0]}], rows and columns exchanged");
        const string Name = "swap_axes";
        CElement element = step.OutputType;
        string swap = program.Routine(Name + element.Suffix, CFunctions.None, element.Typed(Name, Text));
        program.Statement($"{swap}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {step.Inputs[0]}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        Shape shape = step.Forward.InputShape(0);
        program.Comment($"{step.Name}, backwards: rows and columns of the gradient exchanged");
        string back = program.Routine("swap_axes_back", CFunctions.None, BackText);
        program.Statement(
            $"{back}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {step.OutputGradient}, {(step.ContinueInputGradients[0] ? 1 : 0)}, {dx});");
    }
}
