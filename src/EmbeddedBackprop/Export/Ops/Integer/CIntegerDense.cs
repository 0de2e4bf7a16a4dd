using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>A fully connected layer on integers in C.</summary>
internal sealed class CIntegerDense : CIntegerLayer
{
    public override void Write(CStep step, CProgram program)
    {
        IntegerLayer layer = (IntegerLayer)step.Step.Op;
        int l = step.Number;
        program.Comment($"{step.Name}: a^{l}[{step.OutputLength}] = the rounded b_j + sum over k of w_jk (x_k - zero point), x[{step.InputLength}]; "
            + $"{Activation(step.Source!)}; {CText.Number(layer.MultiplyAdds)} multiply-adds");
        string sums = CSums.Ask(program, step.InputType(0), step.OutputType, IsWide(step));
        program.Statement($"{sums}({Structure(step, program, step.InputLength)}, 0u, {CText.Size(step.OutputLength)}, "
            + $"{WeightTable(step)}, {step.Inputs[0]}, {step.Output}, 1u);");
        WriteLookUp(step, program);
    }

    protected override string Order(IntegerLayer layer) =>
        $"[{CText.Number(layer.Outputs)} outputs][{CText.Number(layer.Axis(Layout.Compact).Terms)} inputs] in panels of four by four";

    protected override int[] Ordered(IntegerLayer layer, ReadOnlySpan<int> weights)
    {
        // The engine's rows are inputs.
        int outputs = layer.Outputs;
        int[] rows = weights.ToArray();
        return [.. CSums.Panels(outputs, rows.Length / outputs, (j, k) => rows[(k * outputs) + j])];
    }
}
