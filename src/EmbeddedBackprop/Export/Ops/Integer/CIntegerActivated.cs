using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>An op on integers in C that ends in a clamp, or in the table of an activation.</summary>
internal abstract class CIntegerActivated : COp
{
    private const string TableName = "table";

    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source) => [.. OwnTables(source), .. Table(source)];

    /// <summary>The tables before that of the activation.</summary>
    protected virtual IEnumerable<CTable> OwnTables(CTableSource source) => [];

    /// <summary>What R is clamped to, and the type of a table's index.</summary>
    public static IntegerEnd End(CTableSource source)
    {
        IntegerActivated op = (IntegerActivated)source.Op;
        return IntegerEnd.Of(op.Activation, source.OutputType, op.HasTable ? IntegerActivated.IndexType(source.State(op.TableState)) : default);
    }

    /// <summary>The C expression of the address of the structure that R is clamped by, of an op without tables of multipliers.</summary>
    protected static string Structure(CStep step, CProgram program) => Structure(step, program, "");

    /// <summary>The same with further fields before, whole lines.</summary>
    protected static string Structure(CStep step, CProgram program, string fields)
    {
        CTableSource source = step.Source!;
        IntegerEnd end = End(source);
        int zero = ((IntegerActivated)source.Op).HasTable ? end.Index.ZeroPoint : source.OutputType.ZeroPoint;
        CRescale.AskLayer(program);
        return program.Constant("layer", fields + CRescale.Ends(zero, end.Lowest, end.Highest));
    }

    /// <summary>After R: an index of the activation's table becomes its entry.</summary>
    protected static void WriteLookUp(CStep step, CProgram program)
    {
        if (((IntegerActivated)step.Source!.Op).HasTable)
        {
            CLookUp.Write(program, step.OutputType, step.OutputType, step.OutputLength, step.Tables[^1].Name, step.Output, step.Output);
        }
    }

    /// <summary>The activation, for a comment.</summary>
    protected static string Activation(CTableSource source)
    {
        IntegerActivated op = (IntegerActivated)source.Op;
        return CText.Comment(op.Activation.Name) + (op.HasTable ? " by its table" : "");
    }

    /// <summary>A multiplier as arguments: m, and the shift less 33.</summary>
    protected static (string Arguments, bool IsWide) Arguments(CStep step, Multiplier factor)
    {
        int shift = CRescale.Shifts(step.Step.Owner.Name, [factor.M], [factor.Shift])[0];
        return ($"{CText.Number(factor.M)}, {CText.Number(shift)}", shift < 0);
    }

    private static CTable[] Table(CTableSource source)
    {
        IntegerActivated op = (IntegerActivated)source.Op;
        if (!op.HasTable)
        {
            return [];
        }

        int[] table = new int[IntegerActivation.TableLength];
        IntegerActivation.Fill(op.Activation, source.Arithmetic, End(source).Entries, source.OutputType, table);
        return [CLookUp.Table(source, TableName, CText.Comment(op.Activation.Name), table, source.OutputType.Bits == 16)];
    }
}
