using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>An activation as a step of its own in C.</summary>
internal sealed class CActivate : COp
{
    /// <summary>The identity alone moves integers; others have an integer form of their own.</summary>
    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        if (step.Source is not null)
        {
            new CCopy().Write(step, program);
            return;
        }

        CActivation activation = CActivations.For(step.Step, ((Activate)step.Step.Op).Activation);
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {activation.Name}(z): {activation.Formula}");
        activation.Write(program, step.OutputLength, step.Inputs[0], step.Output);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        CActivation activation = CActivations.For(step.Step, ((Activate)step.Step.Op).Activation);
        CStep forward = step.Forward;
        int l = step.Number;
        program.Comment($"{step.Name}, backwards: delta^{l} = dC/da^{l} {activation.Name}'(z^{l})");
        activation.WriteBackward(program, forward.OutputLength, forward.Inputs[0], forward.Output, step.OutputGradient);
        step.PassOn(program, forward.OutputLength, step.OutputGradient, 0);
    }
}
