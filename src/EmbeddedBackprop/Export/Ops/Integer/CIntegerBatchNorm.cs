using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>A batch normalisation of integers that no layer has taken over, in C: a factor and a bias for each channel.</summary>
internal sealed class CIntegerBatchNorm : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        int channels = ((IntegerBatchNorm)source.Op).Channels, positions = step.OutputLength / channels;
        CTable[] tables = step.Tables;
        bool isWide = tables[3].Codes.Any(shift => shift < 0);
        CElement x = step.InputType(0), y = step.OutputType;
        string round = CRescale.AskRound(program, isWide), name = $"channel_factors{x.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y = the rounded bias + factor x of a channel; y may be x. */
            static void ebp_{{name}}(const ebp_layer *p, size_t channels, size_t positions, const int8_t *factor, const {{x.Type}} *x, {{y.Type}} *y)
            {
                size_t c;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    for (i = 0u; i < positions; i++) {
                        y[i] = ({{y.Type}})ebp_{{round}}(p, p->bias[c] + ((int32_t)x[i] * factor[c]), p->multiplier[c], p->shift[c]);
                    }
                    x = &x[positions];
                    y = &y[positions];
                }
            }

            """);
        string structure = Structure(
            step, program, $"    .inputs = 1u, .bias = {tables[1].Name}, .multiplier = {tables[2].Name}, .shift = {tables[3].Name},\n");
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = the rounded factor x + bias of every channel; {Activation(source)}");
        program.Statement(
            $"{routine}({structure}, {CText.Size(channels)}, {CText.Size(positions)}, {tables[0].Name}, {step.Inputs[0]}, {step.Output});");
        WriteLookUp(step, program);
    }

    protected override IEnumerable<CTable> OwnTables(CTableSource source)
    {
        IntegerBatchNorm op = (IntegerBatchNorm)source.Op;
        int own = op.TableState - 2;
        IntegerType x = source.InputType(0);
        int[] weights = new int[op.Channels], biases = new int[op.Channels], m = new int[op.Channels], shifts = new int[op.Channels];
        for (int c = 0; c < op.Channels; c++)
        {
            (weights[c], int bias, Kernels.Integers.Multiplier factor) = op.Channel(
                source.Parameter(0)[c], source.Parameter(1)[c], source.State(own)[c], source.State(own + 1)[c], x, End(source).Scale);
            (m[c], shifts[c]) = factor;
            biases[c] = bias - (weights[c] * x.ZeroPoint);
        }

        string channels = $"[{op.Channels} channels]";
        return
        [
            source.Table("factor", channels, CElement.Int8, weights),
            source.Table("bias", channels + ", less the zero point of the input times the factor", CElement.Int32, biases),
            source.Table("multiplier", channels, CElement.Int32, m),
            source.Table("shift", channels + ", less 33", CElement.Int8, CRescale.Shifts(op.Name, m, shifts)),
        ];
    }
}
