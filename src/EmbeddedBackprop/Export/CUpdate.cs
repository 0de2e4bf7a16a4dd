using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export;

/// <summary>The body of NAME_update: what Training/GradientUpdate.cs does between the gradients and the new parameters, for tensors with gradient memory.</summary>
internal sealed class CUpdate(CTraining training, CProgram program)
{
    private const string Finite = """
        /* Whether no number of x is an infinity or NaN. */
        static int ebp_all_finite(size_t n, const float *x)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const float zero = x[i] - x[i];
                if (!(zero >= 0.0f)) {
                    return 0;
                }
            }
            return 1;
        }

        """;

    private const string Penalty = """
        /* g[i] = g[i] + l2 w[i]: the penalty l2/2 times the sum of w^2 (Nielsen, chapter 3, equation 88) */
        static void ebp_add_l2(size_t n, float l2, const float *w, float *g)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                g[i] = EBP_M(l2, w[i], g[i]);
            }
        }

        """;

    /// <summary>Writes the statements.</summary>
    public void Write()
    {
        CTrainingOptions options = training.Options;
        if (training.GradientLength == 0)
        {
            return;
        }

        string finite = program.Routine("all_finite", CFunctions.None, Finite);
        program.Comment("a step with a gradient that is not finite is left out");
        program.Statement($"if ({finite}({CText.Size(training.GradientLength)}, gradients) == 0) {{");
        program.Statement("    return;");
        program.Statement("}");
        if (options.Clipping != Clipping.None)
        {
            ExportErrors.NoTraining("clipping");
        }

        training.Optimizer.WriteBegin(training, program);
        foreach (CTensor tensor in training.Tensors.Where(tensor => tensor.Gradient is not null))
        {
            program.Gap();
            program.Comment($"{CText.Comment(tensor.Range.Name)}: {CText.Number(tensor.Length)} numbers");
            if (tensor.L2 > 0f)
            {
                string penalise = program.Routine("add_l2", CFunctions.MultiplyAdd, Penalty);
                program.Statement($"{penalise}({CText.Size(tensor.Length)}, {CText.Hex(tensor.L2)}, {tensor.Place}, {tensor.Gradient});");
            }

            if (options.Regularization is not { L1: 0f, MaxNorm: 0f })
            {
                ExportErrors.NoTraining(options.Regularization.L1 != 0f ? "the penalty l1" : "the bound max-norm");
            }

            training.Optimizer.WriteUpdate(training, tensor, program);
        }
    }
}
