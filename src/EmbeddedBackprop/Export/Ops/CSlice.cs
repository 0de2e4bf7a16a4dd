using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A part of the first axis in C.</summary>
internal sealed class CSlice : COp
{
    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        Slice slice = (Slice)step.Step.Op;
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}], rows {slice.First} to {slice.First + slice.Count - 1} of the first axis"
            + (step.Step.MovedInPlace[0] ? ", where they are" : ""));
        if (!step.Step.MovedInPlace[0])
        {
            string from = CText.At(step.Inputs[0], slice.First * (step.OutputLength / slice.Count));
            program.Copy(step.OutputLength, from, step.Output, step.OutputType.Type);
        }
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        Slice slice = (Slice)step.Step.Op;
        int length = step.Forward.OutputLength, first = slice.First * (length / slice.Count), all = step.Forward.InputLength;
        program.Comment($"{step.Name}, backwards: the gradient of a part; the rest of the input gets none from here");
        step.PassOn(program, length, step.OutputGradient, 0, first);
        if (!step.ContinueInputGradients[0])
        {
            Clear(program, first, dx);
            Clear(program, all - first - length, CText.At(dx, first + length));
        }
    }

    private static void Clear(CProgram program, int length, string place)
    {
        if (length > 0)
        {
            program.Statement($"(void)memset({place}, 0, {CText.Size(length)} * sizeof(float));");
        }
    }
}
