using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>A part of the first axis in C.</summary>
internal sealed class CSlice : COp
{
    protected override Type OpType => typeof(Slice);

    public override void Write(CStep step, CProgram program)
    {
        Slice slice = (Slice)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}], rows {slice.First} to {slice.First + slice.Count - 1} of the first axis");
        program.Copy(step.OutputLength, At(step.Inputs[0], slice.First * (step.OutputLength / slice.Count)), step.Output);
    }
}
