using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// Recurrent layers that are trained, in C: Ops/RecurrentTwin.cs. A sample keeps its gates, hidden states, cells and tanh of the cells one after the
/// other, each in the order of the steps. The chains of the weight gradients run over the steps, the last one first, and inside each over the
/// samples.
/// </summary>
internal static class CRecurrentTraining
{
    private const string Sizes = """
        /* A recurrent layer: x[steps][features]; every step's h goes to y + place * stride, or with stride 0 only the last one to y. */
        typedef struct {
            size_t batch;    /* samples */
            size_t steps;
            size_t features;
            size_t hidden;
            size_t stride;
            size_t row;      /* from one sample's y to the next */
            size_t truncate; /* no gradient goes from a step that is a multiple of it to the one before; 0: it goes through all steps */
            int backwards;   /* from the last place to the first */
            int keeps;       /* what the way back reads */
            int goes_on;     /* dx goes on from what stands there */
        } ebp_recurrent_layer;

        """;

    /// <summary>Asks for the type.</summary>
    public static void AskSizes(CProgram program) => program.Routine("recurrent_layer", CFunctions.None, Sizes);

    /// <summary>Asks for run(layer, x, mask, wx, wh, bx, bh, q, saved, h, [c,] y) for one sample.</summary>
    public static string AskForward(CProgram program, Recurrent op, CWeightLoad load)
    {
        CGates gates = CGates.Of(op);
        AskSizes(program);
        _ = CDense.Ask(program, load, op.Gates * op.Hidden);
        CFormulaText body = gates.Keep(depth: 4);
        return program.Routine(gates.Name + "_run" + load.Suffix, body.Functions, name => ForwardText(program, op, gates, body, load, name));
    }

    /// <summary>Asks for back(layer, [x,] mask, wx, wh, saved, dy, dh, dx[, dwx, dwh, dbx, dbh]) for all samples.</summary>
    /// <param name="program">Collects the C.</param>
    /// <param name="op">The layer.</param>
    /// <param name="load">How the weights are read.</param>
    /// <param name="ending">How a gradient is used; null where the layer's weights are not trained.</param>
    public static string AskBackward(CProgram program, Recurrent op, CWeightLoad load, CGradientSum? ending)
    {
        CGates gates = CGates.Of(op);
        AskSizes(program);
        CDense.AskBack(program, load, continues: false);
        CDense.AskBack(program, load, continues: true);
        if (ending is not null)
        {
            CDense.AskGradient(program, ending);
            CDense.AskBias(program, ending);
        }

        string name = gates.Name + (ending is null ? "_back_frozen" : "_back") + load.Suffix;
        CFormulaText body = gates.Back(depth: 5);
        return program.Routine(name, body.Functions, BackwardText(op, body, load, name, ending is not null));
    }

    /// <summary>h of every step, with the values that the backward pass reads or, in a prediction, without them.</summary>
    public static void WriteForward(CStep step, CProgram program, Recurrent op, bool predicts)
    {
        int products = op.Gates * op.Hidden, batch = step.Batch, row = op.Steps * op.Features;
        string routine = AskForward(program, op, step.Tables[0].Load);
        for (int direction = 0; direction < op.Directions; direction++)
        {
            string saved = predicts ? CText.At(step.Scratch, products) : CText.At(step.Saved!, direction * (step.Step.Saved.Length / op.Directions));
            string mask = step.Inputs.Length > 1 ? Row(step.Inputs[1], op.Steps) : "NULL";
            string[] state =
                op.Options.CarryState ? [.. step.State.Select(place => StateRow(step, place, op.Hidden))]
                : op.HasCell ? ["NULL", "NULL"]
                : ["NULL"];
            string tables = string.Join(", ", step.Tables.Skip(4 * direction).Take(4).Select(table => table.Argument));
            program.Statement("{");
            Layer(program, op, direction, batch, keeps: !predicts, goesOn: false);
            string call =
                $"{routine}(&layer, {Row(step.Inputs[0], row)}, {mask}, {tables}, {step.Scratch}, {Row(saved, KeptOf(op))}, {string.Join(", ", state)}, "
                + $"{Row(CText.At(step.Output, direction * op.Hidden), step.OutputLength)});";
            program.Statement(batch == 1 ? "    " + call : $"    for (b = 0u; b < {CText.Size(batch)}; b++) {{");
            if (batch > 1)
            {
                program.Statement("        " + call);
                program.Statement("    }");
            }

            program.Statement("}");
        }

        string Row(string place, int columns) => batch == 1 ? place : $"{place} + (b * {CText.Size(columns)})";
    }

    /// <summary>The gradients of weights and input; the last direction comes first, as in the engine.</summary>
    public static void WriteBackward(CBackwardStep step, CProgram program, Recurrent op)
    {
        CStep forward = step.Forward;
        string routine = AskBackward(program, op, forward.Tables[0].Load, step.Tensors[0]?.GradientSum);
        for (int direction = op.Directions - 1; direction >= 0; direction--)
        {
            CTable[] tables = forward.Tables[(4 * direction)..];
            string saved = CText.At(forward.Saved!, direction * (step.Step.Saved.Length / op.Directions)),
                dy = CText.At(step.OutputGradient, direction * op.Hidden);
            string weights = string.Concat(step.Tensors.Skip(4 * direction).Take(4).Select(tensor => tensor is null ? "" : ", " + tensor.Gradient));
            program.Statement("{");
            Layer(program, op, direction, forward.Batch, keeps: true, step.ContinueInputGradients[0] || direction < op.Directions - 1);
            program.Statement(
                $"    {routine}(&layer, {(weights.Length > 0 ? forward.Inputs[0] + ", " : "")}{(forward.Inputs.Length > 1 ? forward.Inputs[1] : "NULL")}, {tables[0].Argument}, {tables[1].Argument}, {saved}, {dy}, {step.Scratch}, "
                + $"{step.InputGradients[0] ?? "NULL"}{weights});");
            program.Statement("}");
        }
    }

    /// <summary>The address of a sample's carried state: there is a row for each sample of an update, also where it takes several calls.</summary>
    private static string StateRow(CStep step, string place, int columns) => step.IsTrainingForward && step.Step.StateRanges[0].Rows > step.Batch
        ? $"{place} + (({step.LogicalSample}{(step.Batch > 1 ? " + b" : "")}) * {CText.Size(columns)})"
        : step.Batch > 1 ? $"{place} + (b * {CText.Size(columns)})" : place;

    /// <summary>Floats that a sample keeps of one direction.</summary>
    private static int KeptOf(Recurrent op) => (((op.Deltas + (op.HasCell ? 3 : 1)) * op.Steps) + (op.HasCell ? 2 : 1)) * op.Hidden;

    private static void Layer(CProgram program, Recurrent op, int direction, int batch, bool keeps, bool goesOn)
    {
        int row = op.Directions * op.Hidden;
        program.Statement($"    static const {program.Prefix}_recurrent_layer layer = {{");
        program.Statement(
            $"        .batch = {CText.Size(batch)}, .steps = {CText.Size(op.Steps)}, .features = {CText.Size(op.Features)}, .hidden = {CText.Size(op.Hidden)},");
        program.Statement(
            $"        .stride = {CText.Size(op.Options.AllSteps ? row : 0)}, .row = {CText.Size(op.Options.AllSteps ? op.Steps * row : row)}, .truncate = {CText.Size(op.Options.TruncateEvery)},");
        program.Statement($"        .backwards = {direction}, .keeps = {(keeps ? 1 : 0)}, .goes_on = {(goesOn ? 1 : 0)}");
        program.Statement("    };");
    }

    private static string ForwardText(CProgram program, Recurrent op, CGates gates, CFormulaText body, CWeightLoad load, string name)
    {
        bool cell = op.HasCell;
        string dense = CDense.Name(program, load, op.Gates * op.Hidden);
        return $$"""
            /*
             * {{gates.Equations}}; mask may be NULL; where it is not above 0 the state stays as it is. state may be NULL: zeros.
             * q: room for {{op.Gates}} numbers a unit; saved: {{op.Deltas}} for the gates, 1 for h{{(
                cell ? ", 2 for c and tanh c" : ""
            )}}; if the layer keeps them for
             * every step, and h{{(cell ? " and c" : "")}} before the first one.
             */
            static void ebp_{{name}}(const ebp_recurrent_layer *layer, const float *x, const float *mask, {{load.Parameter(
                "wx"
            )}}, {{load.Parameter("wh")}}, const float *bx, const float *bh, float *q, float *saved, float *state{{(
                cell ? ", float *state_c" : ""
            )}}, float *y)
            {
                const size_t units = layer->hidden;
                const size_t blocks = layer->keeps != 0 ? layer->steps : 1u;
                const size_t next = layer->keeps != 0 ? units : 0u; /* from one step to the next */
                float *p = saved;
                float *before = p + ({{op.Deltas}}u * blocks * units);
            {{Lines(
                cell,
                "    float *cell = before + (blocks * units) + next;",
                "    float *cell_tanh = cell + (blocks * units) + next;"
            )}}    size_t s;
                size_t j;
                if (state != NULL) {
                    (void)memcpy(before, state, units * sizeof *before);
            {{Lines(cell, "        (void)memcpy(cell, state_c, units * sizeof *cell);")}}    } else {
                    (void)memset(before, 0, units * sizeof *before);
            {{Lines(cell, "        (void)memset(cell, 0, units * sizeof *cell);")}}    }
                for (s = 0u; s < layer->steps; s++) {
                    const size_t place = layer->backwards != 0 ? (layer->steps - 1u) - s : s;
                    float *after = before + next;
                    if (mask == NULL || mask[place] > 0.0f) {
                        ebp_{{dense}}(layer->features, {{op.Gates}}u * units, x + (place * layer->features), {{load.Pass("wx")}}, bx, p);
                        ebp_{{dense}}(units, {{op.Gates}}u * units, before, {{load.Pass("wh")}}, bh, q);
                        for (j = 0u; j < units; j++) {
            {{body.Text}}            }
                    } else if (next != 0u) {
                        (void)memcpy(after, before, units * sizeof *after);
            {{Lines(cell, "            (void)memcpy(cell + next, cell, units * sizeof *cell);")}}        }
                    if (layer->stride != 0u) {
                        (void)memcpy(y + (place * layer->stride), after, units * sizeof *y);
                    }
                    p += {{op.Deltas}}u * next;
                    before = after;
            {{Lines(cell, "        cell += next;", "        cell_tanh += next;")}}    }
                if (layer->stride == 0u) {
                    (void)memcpy(y, before, units * sizeof *y);
                }
                if (state != NULL) {
                    (void)memcpy(state, before, units * sizeof *state);
            {{Lines(cell, "        (void)memcpy(state_c, cell, units * sizeof *state_c);")}}    }
            }

            """;
    }

    private static string BackwardText(Recurrent op, CFormulaText body, CWeightLoad load, string name, bool trains)
    {
        bool cell = op.HasCell, splits = op.SplitsLastGate;
        return $$"""
            /*
             * The way back through the layer, from the last step to the first, in each over the samples. dy may be read only; dh: room for {{(
                cell ? "2 numbers" : "a number"
            )}} a unit
             * and sample; dx may be NULL. The deltas take the place of the gates.
             */
            static void ebp_{{name}}(const ebp_recurrent_layer *layer, {{(trains ? "const float *x, " : "")}}const float *mask, {{load.Parameter(
                "wx"
            )}}, {{load.Parameter("wh")}}, float *saved, const float *dy, float *dh, float *dx{{(
                trains ? ", float *dwx, float *dwh, float *dbx, float *dbh" : ""
            )}})
            {
                const size_t units = layer->hidden;
                const size_t columns = {{op.Gates}}u * units;
                const size_t whole = (({{op.Deltas + (cell ? 3 : 1)}}u * layer->steps) + {{(cell ? 2 : 1)}}u) * units; /* what a sample keeps */
            {{Lines(cell, "    float *dc = dh + (layer->batch * units);")}}    size_t s;
                size_t b;
                size_t j;
                for (b = 0u; b < layer->batch; b++) {
                    const size_t last = layer->backwards != 0 ? 0u : layer->steps - 1u;
                    (void)memcpy(dh + (b * units), dy + (b * layer->row) + (last * layer->stride), units * sizeof *dh);
                }
            {{Lines(cell, "    (void)memset(dc, 0, layer->batch * units * sizeof *dc);")}}    for (s = layer->steps; s-- > 0u;) {
                    const size_t place = layer->backwards != 0 ? (layer->steps - 1u) - s : s;
                    for (b = 0u; b < layer->batch; b++) {
                        float *delta = saved + (b * whole) + ({{op.Deltas}}u * s * units);
                        const float *before = saved + (b * whole) + ((({{op.Deltas}}u * layer->steps) + s) * units);
            {{Lines(body.Inputs.Contains("h_after"), "            const float *after = before + units;")}}{{Lines(
                cell,
                "            const float *cell = before + ((layer->steps + 1u) * units);",
                "            const float *cell_tanh = cell + ((layer->steps + 1u) * units);"
            )}}            const float *up = NULL; /* the gradient of the output at the step before */
                        const size_t at = (b * layer->steps) + place;
                        if (s > 0u && layer->stride != 0u) {
                            up = dy + (b * layer->row) + ((layer->backwards != 0 ? place + 1u : place - 1u) * layer->stride);
                        }
                        if (mask == NULL || mask[at] > 0.0f) {
                            for (j = 0u; j < units; j++) {
            {{body.Text}}                }
                        } else {
                            (void)memset(delta, 0, {{op.Deltas}}u * units * sizeof *delta);
                            for (j = 0u; j < units && up != NULL; j++) {
                                dh[j] = up[j] + dh[j];
                            }
                        }
                        if (dx != NULL && layer->goes_on != 0) {
                            ebp_dense_back_more{{load.Suffix}}(layer->features, columns, delta, {{load.Pass("wx")}}, dx + (at * layer->features));
                        } else if (dx != NULL) {
                            ebp_dense_back{{load.Suffix}}(layer->features, columns, delta, {{load.Pass("wx")}}, dx + (at * layer->features));
                        }
            {{Lines(
                trains,
                "            ebp_dense_gradient(layer->features, columns, x + (at * layer->features), delta, dwx);",
                "            ebp_bias_gradient(columns, delta, dbx);"
            )}}{{Lines(
                splits,
                "            /* The new gate's hidden product has a delta of its own. */",
                $"            (void)memcpy(delta + ({op.Gates - 1}u * units), delta + columns, units * sizeof *delta);"
            )}}{{Lines(
                trains,
                "            ebp_dense_gradient(units, columns, before, delta, dwh);",
                "            ebp_bias_gradient(columns, delta, dbh);"
            )}}            if (s > 0u && layer->truncate != 0u && s % layer->truncate == 0u) {
                            for (j = 0u; j < units; j++) {
                                dh[j] = up != NULL ? up[j] : 0.0f;
            {{Lines(cell, "                    dc[j] = 0.0f;")}}                }
                        } else if (s > 0u) {
                            ebp_dense_back_more{{load.Suffix}}(units, columns, delta, {{load.Pass("wh")}}, dh);
                        }
                        dh += units;
            {{Lines(cell, "            dc += units;")}}        }
                    dh -= layer->batch * units;
            {{Lines(cell, "        dc -= layer->batch * units;")}}    }
            }

            """;
    }

    private static string Lines(bool wanted, params ReadOnlySpan<string> lines) => wanted ? string.Join("\n", lines!) + "\n" : "";
}
