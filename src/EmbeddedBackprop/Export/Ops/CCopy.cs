using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Ops that do not change a sample's elements (flatten, reshape): nothing at all where the plan lets them work in place.</summary>
internal sealed class CCopy : COp
{
    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        bool inPlace = step.Inputs[0] == step.Output;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}], the same numbers{(inPlace ? " in the same place" : "")}");
        if (!inPlace)
        {
            program.Copy(step.OutputLength, step.Inputs[0], step.Output, step.OutputType.Type);
        }
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is { } dx)
        {
            bool inPlace = dx == step.OutputGradient && !step.ContinueInputGradients[0];
            program.Comment($"{step.Name}, backwards: the gradient, number by number{(inPlace ? ", in the same place" : "")}");
            step.PassOn(program, step.Forward.OutputLength, step.OutputGradient, 0);
        }
    }
}
