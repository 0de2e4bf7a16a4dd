using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Ops that leave a sample's numbers as they are (flatten, reshape, dropout in inference): nothing at all where the plan lets them work in place.</summary>
internal sealed class CCopy<TOp> : COp where TOp : Op
{
    protected override Type OpType => typeof(TOp);

    public override void Write(CStep step, CProgram program)
    {
        bool inPlace = step.Inputs[0] == step.Output;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}], the same numbers{(inPlace ? " in the same place" : "")}");
        if (!inPlace)
        {
            program.Copy(step.OutputLength, step.Inputs[0], step.Output);
        }
    }
}
