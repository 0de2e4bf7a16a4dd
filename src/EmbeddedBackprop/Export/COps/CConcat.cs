using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Inputs one behind the other in C.</summary>
internal sealed class CConcat : COp
{
    protected override Type OpType => typeof(Concat);

    public override void Write(CStep step, CProgram program)
    {
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}], {step.Inputs.Length} inputs one behind the other");
        int first = 0;
        for (int i = 0; i < step.Inputs.Length; i++)
        {
            int length = step.Step.Inputs[i].Columns;
            program.Copy(length, step.Inputs[i], At(step.Output, first));
            first += length;
        }
    }
}
