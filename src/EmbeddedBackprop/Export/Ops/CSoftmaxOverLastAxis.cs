using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A softmax of every row in C.</summary>
internal sealed class CSoftmaxOverLastAxis : COp
{
    private const string Text = """
        static void ebp_softmax_rows(size_t rows, size_t n, const float *z, float *a)
        {
            size_t r;
            for (r = 0u; r < rows; r++) {
                ebp_softmax(n, z + (r * n), a + (r * n));
            }
        }

        """;

    private const string BackText = """
        static void ebp_softmax_rows_back(size_t rows, size_t n, const float *a, float *d)
        {
            size_t r;
            for (r = 0u; r < rows; r++) {
                ebp_softmax_back(n, a + (r * n), d + (r * n));
            }
        }

        """;

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        int columns = shape[shape.Rank - 1];
        program.Comment($"{step.Name}: a^{step.Number}[{shape.Length / columns}][{columns}] = softmax of each row");
        CSoftmax.Ask(program);
        string rows = program.Routine("softmax_rows", CFunctions.None, Text);
        program.Statement($"{rows}({CText.Size(shape.Length / columns)}, {CText.Size(columns)}, {step.Inputs[0]}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is null)
        {
            return;
        }

        Shape shape = step.Forward.InputShape(0);
        int columns = shape[shape.Rank - 1];
        program.Comment($"{step.Name}, backwards: dz_j = a_j (da_j - sum over k of a_k da_k) in each row");
        CSoftmax.AskBack(program);
        string back = program.Routine("softmax_rows_back", CFunctions.None, BackText);
        program.Statement($"{back}({CText.Size(shape.Length / columns)}, {CText.Size(columns)}, {step.Forward.Output}, {step.OutputGradient});");
        step.PassOn(program, shape.Length, step.OutputGradient, 0);
    }
}
