using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The mask of the rows that are part of a stream, in C.</summary>
internal sealed class CBegun : COp
{
    private const string Text = """
        /* A mask of ones, with 0 for rows that come before the stream's begin. */
        static void ebp_begun(size_t count, size_t zeros, float *y)
        {
            size_t i;
            for (i = 0u; i < count; i++) {
                y[i] = i < zeros ? 0.0f : 1.0f;
            }
        }

        """;

    public override void Write(CStep step, CProgram program)
    {
        Begun begun = (Begun)step.Step.Op;
        string count = CText.Size(begun.Count);
        program.Comment($"{step.Name}: a^{step.Number}[{begun.Count}] = 1 for rows of the stream, 0 for those before its begin");
        string zeros = CKeep.Zeros(step, program, begun.Begin, begun.Count, 0);
        string routine = program.Routine("begun", CFunctions.None, Text);
        program.Statement($"{routine}({count}, {zeros}, {step.Output});");
    }
}
