using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>An activation of integers by itself, in C: a table, or a rounding and a clamp.</summary>
internal sealed class CIntegerTable : COp
{
    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source)
    {
        IntegerTable op = (IntegerTable)source.Op;
        IntegerType x = source.InputType(0);
        if (!op.HasTable(x))
        {
            return [];
        }

        int[] table = new int[IntegerActivation.TableLength];
        IntegerActivation.Fill(op.Activation, source.Arithmetic, IntegerTable.Entries(x), source.OutputType, table);
        return [CLookUp.Table(source, "table", CText.Comment(op.Activation.Name), table, x.Bits == 16)];
    }

    public override void Write(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        IntegerTable op = (IntegerTable)source.Op;
        string name = CText.Comment(op.Activation.Name);
        if (step.Tables.Length > 0)
        {
            program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {name} by its table");
            CLookUp.Write(program, step.InputType(0), step.OutputType, step.OutputLength, step.Tables[0].Name, step.Inputs[0], step.Output);
            return;
        }

        IntegerType x = source.InputType(0), y = source.OutputType;
        Multiplier factor = Multiplier.Of((double)x.Scale / y.Scale);
        int shift = CRescale.Shifts(step.Name, [factor.M], [factor.Shift])[0];
        (int lowest, int highest) = IntegerActivation.Clamp(op.Activation, y);
        CRescale.AskLayer(program);
        string structure = program.Constant("layer", CRescale.Ends(y.ZeroPoint, lowest, highest));
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {name}, rounded");
        CIntegerScale.WriteEach(step, program, structure, $"{CText.Number(factor.M)}, {CText.Number(shift)}", shift < 0, 1);
    }
}
