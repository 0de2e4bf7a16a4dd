using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// Recurrent layers in C: Ops/RecurrentTwin.cs for one sample, with the formulas of Kernels/Gates. Time is a loop; hidden state and cell
/// are in the plan's scratch, or in the state that the caller keeps from call to call.
/// </summary>
internal sealed class CRecurrent : COp
{
    private const string Sizes = """
        /* A recurrent layer: x[steps][features]; every step's h goes to y + time * stride, or with stride 0 only the last one to y. */
        typedef struct {
            size_t steps;
            size_t features;
            size_t hidden;
            size_t stride;
            int backwards; /* from the last time step to the first */
        } ebp_recurrent_sizes;

        """;

    public override bool UsesScratch => true;

    // Weights of the inputs, of the hidden state, and two biases, for each direction.
    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        Recurrent layer = (Recurrent)op;
        return index % 4 < 2 ? CScaleAxis.Columns(layer.Gates * layer.Hidden) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        Recurrent op = (Recurrent)step.Step.Op;
        CGates gates = CGates.Of(op);
        Describe(step, program, op, gates);
        if (step.HasTraining)
        {
            // Routines written for training predict as well, and are in flash once.
            CRecurrentTraining.WriteForward(step, program, op, predicts: true);
            return;
        }

        program.Routine("recurrent_sizes", CFunctions.None, Sizes);
        CWeightLoad load = step.Tables[0].Load;
        _ = CDense.Ask(program, load, op.Gates * op.Hidden);
        CFormulaText body = gates.Predict(depth: 4);
        string routine = program.Routine(gates.Name + load.Suffix, body.Functions, name => Loop(program, op, gates, body, load, name));
        for (int direction = 0; direction < op.Directions; direction++)
        {
            Call(step, program, op, routine, direction);
        }
    }

    public override void WriteTraining(CStep step, CProgram program)
    {
        Recurrent op = (Recurrent)step.Step.Op;
        Describe(step, program, op, CGates.Of(op));
        CRecurrentTraining.WriteForward(step, program, op, predicts: false);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        program.Comment(
            $"{step.Name}, backwards through time: the deltas of the gates, dC/dw = sum over steps and samples of x delta, dC/dh' = W_hh delta");
        CRecurrentTraining.WriteBackward(step, program, (Recurrent)step.Step.Op);
    }

    /// <summary>The chain of a weight's gradient runs over the steps outside and over the samples inside.</summary>
    public override bool TakesBatch(Op op) => true;

    /// <summary>The chain of a weight's gradient runs over all steps.</summary>
    public override bool CanUpdateAtOnce(Op op) => false;

    private static void Describe(CStep step, CProgram program, Recurrent op, CGates gates) =>
        program.Comment(
            $"{step.Name}: {gates.Name}, {op.Hidden} units, x[{op.Steps}][{op.Features}]: {gates.Equations}; {CText.Comment(op.Detail)}; {CText.Number(op.MultiplyAdds)} multiply-adds"
        );

    private static string Loop(CProgram program, Recurrent op, CGates gates, CFormulaText body, CWeightLoad load, string name)
    {
        string dense = CDense.Name(program, load, op.Gates * op.Hidden);
        string cell = op.HasCell ? ", float *cell" : "", units = op.Gates > 1 ? "    const size_t units = r_sizes->hidden;\n" : "";
        return $$"""
            /* {{gates.Equations}}; mask may be NULL; where it is not above 0 the state stays as it is. products: room for {{2
                * op.Gates}} numbers a unit. */
            static void ebp_{{name}}(const ebp_recurrent_sizes *r_sizes, const float *x, const float *mask, {{load.Parameter(
                "wx"
            )}}, {{load.Parameter("wh")}}, const float *bx, const float *bh, float *products, float *h{{cell}}, float *y)
            {
                const size_t columns = {{op.Gates}}u * r_sizes->hidden;
            {{units}}    float *p = products;
                float *q = products + columns;
                size_t s;
                size_t j;
                for (s = 0u; s < r_sizes->steps; s++) {
                    const size_t t = r_sizes->backwards != 0 ? (r_sizes->steps - 1u) - s : s;
                    if (mask == NULL || mask[t] > 0.0f) {
                        ebp_{{dense}}(r_sizes->features, columns, x + (t * r_sizes->features), {{load.Pass("wx")}}, bx, p);
                        ebp_{{dense}}(r_sizes->hidden, columns, h, {{load.Pass("wh")}}, bh, q);
                        for (j = 0u; j < r_sizes->hidden; j++) {
            {{body.Text}}            }
                    }
                    if (r_sizes->stride != 0u) {
                        (void)memcpy(y + (t * r_sizes->stride), h, r_sizes->hidden * sizeof *h);
                    }
                }
                if (r_sizes->stride == 0u) {
                    (void)memcpy(y, h, r_sizes->hidden * sizeof *h);
                }
            }

            """;
    }

    private static void Call(CStep step, CProgram program, Recurrent op, string routine, int direction)
    {
        int products = 2 * op.Gates * op.Hidden;
        string mask = step.Inputs.Length > 1 ? step.Inputs[1] : "NULL";
        bool carries = op.Options.CarryState;
        string[] state = carries
            ? step.State
            : [CText.At(step.Scratch, products), .. op.HasCell ? new[] { CText.At(step.Scratch, products + op.Hidden) } : []];
        program.Statement("{");
        program.Statement($"    static const {program.Prefix}_recurrent_sizes sizes = {{");
        program.Statement($"        .steps = {CText.Size(op.Steps)}, .features = {CText.Size(op.Features)}, .hidden = {CText.Size(op.Hidden)},");
        program.Statement($"        .stride = {CText.Size(op.Options.AllSteps ? op.Directions * op.Hidden : 0)}, .backwards = {direction}");
        program.Statement("    };");
        if (!carries)
        {
            // All bits zero is +0; h and c are contiguous.
            program.Statement($"    (void)memset({state[0]}, 0, {CText.Size(state.Length * op.Hidden)} * sizeof(float));");
        }

        string tables = string.Join(", ", step.Tables.Skip(4 * direction).Take(4).Select(table => table.Argument));
        program.Statement(
            $"    {routine}(&sizes, {step.Inputs[0]}, {mask}, {tables}, {step.Scratch}, {string.Join(", ", state)}, {CText.At(step.Output, direction * op.Hidden)});"
        );
        program.Statement("}");
    }
}
