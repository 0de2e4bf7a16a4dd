using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>A layer with weights on integers in C: its tables, its constant structure, and the table of its activation.</summary>
internal abstract class CIntegerLayer : CIntegerActivated
{
    // The order of a layer's tables.
    private const int Weights = 0, Biases = 1, Multipliers = 2, ShiftTable = 3;

    /// <summary>Weights in the order in which the C reads them, biases less zero point times weights, multipliers and shifts.</summary>
    protected override IEnumerable<CTable> OwnTables(CTableSource source)
    {
        IntegerLayer layer = (IntegerLayer)source.Op;
        WeightAxis axis = layer.Axis(Layout.Compact);
        LayerIntegers integers = Integers(source, layer, axis);
        int zero = source.InputType(0).ZeroPoint;
        int[] biases = integers.Bias.ToArray();
        for (int i = 0; i < integers.Weights.Length && FoldsZeroPoint; i++)
        {
            biases[axis.OutputOf(i)] -= zero * integers.Weights[i];
        }

        int[] shifts = CRescale.Shifts(layer.Name, integers.M, integers.Shift);
        int digits = Digits(in integers, source.InputType(0), shifts);
        shifts = [.. shifts.Select(shift => shift + digits)];
        string outputs = $"[{CText.Number(layer.Outputs)} outputs]";
        return
        [
            source.Table("weight", Order(layer), CElement.Int8, Ordered(layer, integers.Weights)),
            source.Table("bias", outputs + (FoldsZeroPoint ? ", less the zero point of the input times the weights" : ""), CElement.Int32, biases),
            source.Table("multiplier", outputs, CElement.Int32, integers.M.ToArray()),
            source.Table("shift", outputs + $", less {CText.Number(33 - digits)}", CElement.Int8, shifts),
        ];
    }

    /// <summary>Whether a sum always has all its products, so that the zero point of the input is in the bias.</summary>
    protected virtual bool FoldsZeroPoint => true;

    /// <summary>The order of the weights, for a comment.</summary>
    protected abstract string Order(IntegerLayer layer);

    /// <summary>The weights in that order.</summary>
    protected abstract int[] Ordered(IntegerLayer layer, ReadOnlySpan<int> weights);

    /// <summary>Whether some shift is below 33, and a sum may be too large to be raised.</summary>
    protected static bool IsWide(CStep step) => step.Tables[ShiftTable].Codes.Any(shift => shift < 0);

    /// <summary>The C expression of the address of the layer's structure.</summary>
    protected static string Structure(CStep step, CProgram program, int inputs)
    {
        CTable[] tables = step.Tables;
        return Structure(step, program, $$"""
                .inputs = {{CText.Size(inputs)}}, .bias = {{tables[Biases].Name}}, .multiplier = {{tables[Multipliers].Name}}, .shift = {{tables[ShiftTable].Name}},
                .factor = {{CText.Number(1 << Digits(step.Source!))}},

            """);
    }

    /// <summary>The name of the table of weights.</summary>
    protected static string WeightTable(CStep step) => step.Tables[Weights].Name;

    /// <summary>The integers of a layer, from its parameters and its state.</summary>
    public static LayerIntegers Integers(CTableSource source, IntegerLayer layer, WeightAxis axis)
    {
        LayerIntegers integers = new(axis, new int[LayerIntegers.Length(axis)]);
        integers.Make(
            source.Arithmetic, layer.Activation, source.Parameter(0), source.Parameter(1)[..layer.Outputs], source.State(layer.ScaleState),
            source.InputType(0), source.OutputType,
            layer.HasTable ? IntegerActivated.IndexType(source.State(layer.TableState)) : default);
        return integers;
    }

    private static int Digits(CTableSource source)
    {
        IntegerLayer layer = (IntegerLayer)source.Op;
        LayerIntegers integers = Integers(source, layer, layer.Axis(Layout.Compact));
        return Digits(in integers, source.InputType(0), CRescale.Shifts(layer.Name, integers.M, integers.Shift));
    }

    /// <summary>
    /// The binary digits by which every sum is raised, so that no shift is below 33; 0 where a sum could leave 32 bits, or a shift reach 32.
    /// </summary>
    private static int Digits(in LayerIntegers integers, IntegerType x, int[] shifts)
    {
        int digits = Math.Max(0, -shifts.Min());
        for (int j = 0; j < shifts.Length; j++)
        {
            long reach = ((long)integers.Magnitudes[j] * x.LargestCentred) + Math.Abs((long)integers.Bias[j]);
            if (reach << digits > int.MaxValue || shifts[j] + digits > 31)
            {
                return 0;
            }
        }

        return digits;
    }
}
