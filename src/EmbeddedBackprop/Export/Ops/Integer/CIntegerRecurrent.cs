using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Recurrent layers on integers in C, for one sample: Ops/Integer/IntegerRecurrent.cs.</summary>
internal sealed class CIntegerRecurrent : COp
{
    // The order of the tables of one product; a direction has those of the inputs, then those of the hidden state.
    private const int Weights = 0, Biases = 1, Multipliers = 2, ShiftTable = 3, OfProduct = 4;

    private const string Sizes = """
        /* A recurrent layer: x[steps][features]; every step's h goes to y + time * stride, or with stride 0 only the last one to y. */
        typedef struct {
            size_t steps;
            size_t features;
            size_t hidden;
            size_t stride;
            int backwards; /* from the last time step to the first */
            int32_t cell;  /* a cell has steps of 2^(cell - 15) */
        } ebp_sequence;

        """;

    public override bool TakesIntegers => true;

    public override bool UsesScratch => true;

    public override CElement? ScratchElement(Op op) => CElement.Int16;

    public override CTable[] MakeTables(CTableSource source)
    {
        IntegerRecurrent op = (IntegerRecurrent)source.Op;
        List<CTable> tables = [];
        for (int direction = 0; direction < op.Layer.Directions; direction++)
        {
            tables.AddRange([.. Product(source, op, direction, hidden: false), .. Product(source, op, direction, hidden: true)]);
        }

        return [.. tables, .. CIntegerGates.Tables(source)];
    }

    public override void Write(CStep step, CProgram program)
    {
        IntegerRecurrent op = (IntegerRecurrent)step.Step.Op;
        CIntegerGates gates = CIntegerGates.Of(op);
        program.Comment(
            $"{step.Name}: {gates.Name}, {op.Layer.Hidden} units, x[{op.Layer.Steps}][{op.Layer.Features}]: {gates.Equations}; "
            + $"{CText.Comment(op.Layer.Detail)}; {CText.Number(op.MultiplyAdds)} multiply-adds");
        CIntegerGates.Ask(program, op);
        CRescale.AskMatrix(program);
        program.Routine("sequence", CFunctions.None, Sizes);
        for (int direction = 0; direction < op.Layer.Directions; direction++)
        {
            Call(step, program, op, gates, direction);
        }
    }

    /// <summary>The tables of b + x W, or of b + h W.</summary>
    private static IEnumerable<CTable> Product(CTableSource source, IntegerRecurrent op, int direction, bool hidden)
    {
        WeightAxis axis = op.Axis(hidden, Layout.Compact);
        LayerIntegers integers = new(axis, new int[LayerIntegers.Length(axis)]);
        int tensor = (4 * direction) + (hidden ? 1 : 0), columns = op.Columns;
        op.Make(
            source.Arithmetic, hidden, source.InputType(0), source.OutputType, source.Parameter(tensor), source.Parameter(tensor + 2)[..columns],
            source.State(op.ScaleState(direction, hidden)), integers);
        int[] rows = integers.Weights.ToArray(), biases = integers.Bias.ToArray();
        int inputs = rows.Length / columns, zero = hidden ? 0 : source.InputType(0).ZeroPoint;
        for (int i = 0; i < rows.Length; i++)
        {
            biases[i % columns] -= zero * rows[i];
        }

        string end = (hidden ? "_hh" : "_ih") + (direction == 0 ? "" : "_reverse"), outputs = $"[{columns} outputs]";
        return
        [
            source.Table(
                "weight" + end, $"[{columns} outputs][{inputs} inputs] in panels of four by four", CElement.Int8,
                [.. CSums.Panels(columns, inputs, (j, k) => rows[(k * columns) + j])]),
            source.Table(
                "bias" + end, outputs + (hidden ? "" : ", less the zero point of the input times the weights"), CElement.Int32, biases),
            source.Table("multiplier" + end, outputs, CElement.Int32, integers.M.ToArray()),
            source.Table("shift" + end, outputs + ", less 33", CElement.Int8, CRescale.Shifts(op.Name, integers.M, integers.Shift)),
        ];
    }

    private static void Call(CStep step, CProgram program, IntegerRecurrent op, CIntegerGates gates, int direction)
    {
        Recurrent layer = op.Layer;
        CTable[] input = step.Tables[(2 * OfProduct * direction)..], hidden = input[OfProduct..];
        string fromInput = CSums.AskProducts(program, step.InputType(0), IsWide(input));
        string fromHidden = CSums.AskProducts(program, CElement.Int16, IsWide(hidden));
        CElement? mask = step.Inputs.Length > 1 ? step.InputType(1) : null;
        string routine = program.Routine(
            gates.Name + step.InputType(0).Suffix + (mask is null ? "" : "_masked"), CFunctions.None,
            name => Loop(name, op, gates, step.InputType(0), mask, fromInput, fromHidden));
        int products = 2 * op.Columns, cell = layer.HasCell ? IntegerRecurrent.CellBits(step.Source!.State(op.CellState)[0]) : 0;
        string[] state = layer.Options.CarryState
            ? step.State
            : [CText.At(step.Scratch, products), .. layer.HasCell ? new[] { CText.At(step.Scratch, products + layer.Hidden) } : []];
        string sizes = program.Constant("sequence", $$"""
                .steps = {{CText.Size(layer.Steps)}}, .features = {{CText.Size(layer.Features)}}, .hidden = {{CText.Size(layer.Hidden)}},
                .stride = {{CText.Size(layer.Options.AllSteps ? layer.Directions * layer.Hidden : 0)}}, .backwards = {{direction}}, .cell = {{cell}}

            """);
        if (!layer.Options.CarryState)
        {
            // h and c follow each other.
            program.Statement($"(void)memset({state[0]}, 0, {CText.Size(state.Length * layer.Hidden)} * sizeof(int16_t));");
        }

        string tables = $"{input[Weights].Name}, {hidden[Weights].Name}{(op.IsRelu ? "" : ", " + step.Tables[^1].Name)}";
        program.Statement(
            $"{routine}({sizes}, {Structure(program, input, layer.Features)}, {Structure(program, hidden, layer.Hidden)}, {tables}, "
            + $"{string.Join(", ", step.Inputs)}, {step.Scratch}, {string.Join(", ", state)}, {CText.At(step.Output, direction * layer.Hidden)});");
    }

    private static bool IsWide(CTable[] tables) => tables[ShiftTable].Codes.Any(shift => shift < 0);

    private static string Structure(CProgram program, CTable[] tables, int inputs) => program.Constant("matrix", $$"""
            .inputs = {{CText.Size(inputs)}}, .bias = {{tables[Biases].Name}}, .multiplier = {{tables[Multipliers].Name}}, .shift = {{tables[ShiftTable].Name}}

        """);

    private static string Loop(
        string name, IntegerRecurrent op, CIntegerGates gates, CElement x, CElement? mask, string fromInput, string fromHidden)
    {
        bool hasCell = op.Layer.HasCell;
        string body = string.Concat(gates.Body.Split('\n').Select(line => $"            {(mask is null ? "" : "    ")}{line.TrimEnd('\r')}\n"));
        string indent = mask is null ? "        " : "            ";
        string condition = mask is null ? "" : $"        if ({CSelector.Counts(mask, "t")}) {{\n";
        return $$"""
            /*
             * {{gates.Equations}}. p = b + x W and q = b + h W are{{(op.IsRelu ? "" : " in steps of 1/2048, h is in steps of 1/32768, all")}} of 16 bits.{{(
                mask is null ? "" : " Where the mask is not above 0 the state stays as it is.")}}
             */
            static void ebp_{{name}}(const ebp_sequence *r_sizes, const ebp_matrix *from_x, const ebp_matrix *from_h, const int8_t *wx, const int8_t *wh,
                {{(op.IsRelu ? "" : "const uint16_t *table, ")}}const {{x.Type}} *x, {{(mask is null ? "" : $"const {mask.Type} *mask, ")}}int16_t *products, int16_t *h,{{(
                    hasCell ? " int16_t *cell," : "")}} int16_t *y)
            {
                const size_t units = r_sizes->hidden;
                const size_t columns = {{op.Layer.Gates}}u * units;
            {{(hasCell ? "    const int32_t step = (int32_t)((uint32_t)1u << r_sizes->cell);\n" : "")}}    int16_t *p = products;
                int16_t *q = &products[columns];
                size_t s;
                size_t j;
                for (s = 0u; s < r_sizes->steps; s++) {
                    const size_t t = (r_sizes->backwards != 0) ? ((r_sizes->steps - 1u) - s) : s;
            {{condition}}{{indent}}{{fromInput}}(from_x, 0u, columns, wx, &x[t * r_sizes->features], p, 1u);
            {{indent}}{{fromHidden}}(from_h, 0u, columns, wh, h, q, 1u);
            {{indent}}for (j = 0u; j < units; j++) {
            {{body}}{{indent}}}
            {{(mask is null ? "" : "        }\n")}}        if (r_sizes->stride != 0u) {
                        (void)memcpy(&y[t * r_sizes->stride], h, units * sizeof *h);
                    }
                }
                if (r_sizes->stride == 0u) {
                    (void)memcpy(y, h, units * sizeof *h);
                }
            }

            """;
    }
}
