using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>Frames of a signal in C.</summary>
internal sealed class CFrames : COp
{
    private const string Text = """
        /* y[t] = the samples t * hop ... t * hop + length - 1 of x */
        static void ebp_frames(size_t frames, size_t length, size_t hop, const float *x, float *y)
        {
            size_t t;
            for (t = 0u; t < frames; t++) {
                (void)memcpy(y + (t * length), x + (t * hop), length * sizeof *y);
            }
        }

        """;

    public override void Write(CStep step, CProgram program)
    {
        Frames op = (Frames)step.Step.Op;
        string frames = CText.Size(step.OutputShape[0]), length = CText.Size(op.Length), hop = CText.Size(op.Hop);
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputShape[0]}][{op.Length}] = a frame every {op.Hop} samples");
        program.Statement($"{program.Routine("frames", CFunctions.None, Text)}({frames}, {length}, {hop}, {step.Inputs[0]}, {step.Output});");
    }
}
