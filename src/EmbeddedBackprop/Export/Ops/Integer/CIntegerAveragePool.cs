using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Means over windows of integers in C: a window at an edge has fewer elements, and a multiplier of its own.</summary>
internal sealed class CIntegerAveragePool : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        IntegerAveragePool op = (IntegerAveragePool)source.Op;
        CElement x = step.InputType(0), y = step.OutputType;
        bool isWide = step.Tables[1].Codes.Any(shift => shift < 0);
        string round = CRescale.AskRound(program, isWide), name = $"average_pool{x.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        Pooling pooling = (Pooling)op.Layer;
        string sizes = CPool.SizesOf(program, pooling, step.InputShape(0), step.OutputShape);
        string routine = program.Routine(
            name,
            CFunctions.None,
            CPool.Loops(
                name,
                "y = the rounded mean of every window, by the multiplier of its number of elements; padding adds nothing, and is counted only if asked for",
                $"const ebp_layer *layer, const {x.Type} *x, {y.Type} *y, int counts_padding, int32_t zero",
                $"const {x.Type} *plane = x + (c * p->height * p->width);",
                "const size_t inside = (last_row - first_row) * (last_column - first_column);\n                "
                + "const size_t n = (counts_padding != 0 ? p->window_height * p->window_width : inside) - 1u;\n                "
                + "int32_t sum = -zero * (int32_t)inside;",
                "sum += plane[(row * p->width) + column];",
                $"*y = ({y.Type})ebp_{round}(layer, sum, layer->multiplier[n], layer->shift[n]);\n                y++;"));
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}] = the rounded mean of every window of {pooling.Window.Height} x {pooling.Window.Width}; "
            + Activation(source));
        string structure = Structure(
            step, program, $"    .multiplier = {step.Tables[0].Name}, .shift = {step.Tables[1].Name},\n");
        program.Statement(
            $"{routine}({sizes}, {structure}, {step.Inputs[0]}, {step.Output}, {(op.CountsPadding ? 1 : 0)}, "
            + $"{CText.Number(source.InputType(0).ZeroPoint)});");
        WriteLookUp(step, program);
    }

    /// <summary>The multiplier of each number of elements.</summary>
    protected override IEnumerable<CTable> OwnTables(CTableSource source)
    {
        IntegerAveragePool op = (IntegerAveragePool)source.Op;
        int most = op.Sizes.KernelHeight * op.Sizes.KernelWidth;
        int[] m = new int[most], shifts = new int[most];
        for (int n = 1; n <= most; n++)
        {
            (m[n - 1], shifts[n - 1]) = IntegerMean.Factor(source.InputType(0), n, End(source).Scale);
        }

        return
        [
            source.Table("multiplier", $"[{most} numbers of elements]", CElement.Int32, m),
            source.Table("shift", $"[{most} numbers of elements], less 33", CElement.Int8, CRescale.Shifts(op.Name, m, shifts)),
        ];
    }
}
