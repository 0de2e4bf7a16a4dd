using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>Bands in C: weighted sums over runs of frequencies.</summary>
internal sealed class CBands : COp
{
    private const string Text = """
        /* y[b] = the sum of w x over the run of band b, which begins at runs[2 b] and has runs[2 b + 1] elements, in each row of n */
        static void ebp_bands(size_t rows, size_t n, size_t bands, const float *w, const uint16_t *runs, const float *x, float *y)
        {
            size_t r;
            size_t b;
            size_t k;
            for (r = 0u; r < rows; r++) {
                const float *weight = w;
                for (b = 0u; b < bands; b++) {
                    const float *from = x + runs[2u * b];
                    const size_t count = runs[(2u * b) + 1u];
                    float s = 0.0f;
                    for (k = 0u; k < count; k++) {
                        s = EBP_M(from[k], weight[k], s);
                    }
                    y[b] = s;
                    weight = &weight[count];
                }
                x = &x[n];
                y = &y[bands];
            }
        }

        """;

    public override CConstant[] Constants(Op op)
    {
        BandTable table = ((BandOp)op).Table;
        return
        [
            new("bands", "weights, one band after the other", table.Weights.ToArray()),
            new("runs", "first frequency and number of frequencies of each band", [],
                [.. Enumerable.Range(0, table.Rows).SelectMany(band => (int[])[table.First[band], table.Of(band).Length])]),
        ];
    }

    public override void Write(CStep step, CProgram program)
    {
        BandTable table = ((BandOp)step.Step.Op).Table;
        int rows = step.OutputShape.Length / table.Rows;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{table.Rows}] = {table.Rows} bands of each row");
        string bands = program.Routine("bands", CFunctions.MultiplyAdd, Text);
        program.Statement(
            $"{bands}({CText.Size(rows)}, {CText.Size(table.Columns)}, {CText.Size(table.Rows)}, {step.Tables[0].Name}, {step.Tables[1].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
