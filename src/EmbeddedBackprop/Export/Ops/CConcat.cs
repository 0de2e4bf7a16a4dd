using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Inputs one after the other in C.</summary>
internal sealed class CConcat : COp
{
    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        bool[] inPlace = step.Step.MovedInPlace;
        string names = string.Join(", ", step.Step.InputNodes.Where((_, i) => inPlace[i]).Select(node => CText.Comment(node.Name)).Distinct());
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}], {step.Inputs.Length} inputs one after the other"
            + (names.Length == 0 ? "" : $"; written in their place already: {names}"));
        int first = 0;
        for (int i = 0; i < step.Inputs.Length; i++)
        {
            int length = step.Step.Inputs[i].Columns;
            if (!inPlace[i])
            {
                program.Copy(length, step.Inputs[i], CText.At(step.Output, first), step.OutputType.Type);
            }

            first += length;
        }
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        program.Comment($"{step.Name}, backwards: every input's part of the gradient");
        int first = 0;
        for (int i = 0; i < step.InputGradients.Length; i++)
        {
            int length = step.Step.Inputs[i].Columns;
            step.PassOn(program, length, CText.At(step.OutputGradient, first), i);
            first += length;
        }
    }
}
