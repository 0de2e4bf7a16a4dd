using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// Batch normalisation in C: Kernels/Scalar/Norms/ChannelNorm.cs. In training it measures the samples of a call; predictions take what it has
/// measured.
/// </summary>
internal sealed class CBatchNorm : COp
{
    private const string PredictionText = """
        /* y = gamma * ((x - mean) * inverse) + beta for every channel, inverse = 1 / sqrt(variance + epsilon); y may be x. */
        static void ebp_batch_norm(size_t channels, size_t positions, const float *x, const float *mean, const float *inverse, const float *gamma, const float *beta, float *y)
        {
            size_t c;
            size_t i;
            for (c = 0u; c < channels; c++) {
                for (i = c * positions; i < (c + 1u) * positions; i++) {
                    const float normal = (x[i] - mean[c]) * inverse[c];
                    y[i] = EBP_M(gamma[c], normal, beta[c]);
                }
            }
        }

        """;

    private const string RunningText = """
        /* y = gamma * ((x - mean) / sqrt(variance + epsilon)) + beta for every channel, by what training has measured; y may be x. */
        static void ebp_batch_norm_running(
            size_t batch, size_t channels, size_t positions, const float *x, const float *mean, const float *variance, float epsilon,
            const float *gamma, const float *beta, float *y)
        {
            size_t c;
            size_t b;
            size_t i;
            for (c = 0u; c < channels; c++) {
                const float inverse = 1.0f / EBP_SQRTF(variance[c] + epsilon);
                for (b = 0u; b < batch; b++) {
                    const size_t first = ((b * channels) + c) * positions;
                    for (i = first; i < first + positions; i++) {
                        const float normal = (x[i] - mean[c]) * inverse;
                        y[i] = EBP_M(gamma[c], normal, beta[c]);
                    }
                }
            }
        }

        """;

    private const string TrainingText = """
        /*
         * y = gamma * ((x - mean) / sqrt(variance + epsilon)) + beta with mean and variance of the channel's numbers in all samples, each a sum in 16 parts; y may
         * be x. Mean and 1 / sqrt(variance + epsilon) are kept. The running mean and variance move the share of momentum towards mean and correction * variance.
         */
        static void ebp_batch_norm_training(
            size_t batch, size_t channels, size_t positions, const float *x, const float *gamma, const float *beta, float epsilon,
            float momentum, float correction, float *running_mean, float *running_variance, float *kept, float *y)
        {
            const size_t n = batch * positions;
            size_t c;
            size_t b;
            size_t i;
            for (c = 0u; c < channels; c++) {
                float s[16];
                float mean;
                float variance;
                float inverse;
                for (i = 0u; i < 16u; i++) {
                    s[i] = 0.0f;
                }
                for (b = 0u; b < batch; b++) {
                    const float *plane = x + (((b * channels) + c) * positions);
                    for (i = 0u; i < positions; i++) {
                        s[i % 16u] = s[i % 16u] + plane[i];
                    }
                }
                mean = ebp_fold(s) / (float)n;
                for (i = 0u; i < 16u; i++) {
                    s[i] = 0.0f;
                }
                for (b = 0u; b < batch; b++) {
                    const float *plane = x + (((b * channels) + c) * positions);
                    for (i = 0u; i < positions; i++) {
                        const float d = plane[i] - mean;
                        s[i % 16u] = EBP_M(d, d, s[i % 16u]);
                    }
                }
                variance = ebp_fold(s) / (float)n;
                running_mean[c] = EBP_M(momentum, mean - running_mean[c], running_mean[c]);
                if (n > 1u) {
                    running_variance[c] = EBP_M(momentum, (correction * variance) - running_variance[c], running_variance[c]);
                }
                inverse = 1.0f / EBP_SQRTF(variance + epsilon);
                kept[c] = mean;
                kept[channels + c] = inverse;
                for (b = 0u; b < batch; b++) {
                    const size_t first = ((b * channels) + c) * positions;
                    for (i = first; i < first + positions; i++) {
                        const float normal = (x[i] - mean) * inverse;
                        y[i] = EBP_M(gamma[c], normal, beta[c]);
                    }
                }
            }
        }

        """;

    /// <summary>Mean and variance are those of all samples of a call.</summary>
    public override bool TakesBatch(Op op) => true;

    /// <summary>The gradient of the input, which may overwrite delta, needs scale and sums of a channel together.</summary>
    public override bool CanUpdateAtOnce(Op op) => false;

    /// <summary>Instead of the running variance the table has 1 / sqrt(variance + epsilon), which the engine computes at every prediction.</summary>
    public override (string Name, float[] Values) KeptTable(Op op, int index, string name, float[] values) => index == 0
        ? (name, values)
        : (op.Name + ".inverse_deviation", Array.ConvertAll(values, variance => 1f / MathF.Sqrt(variance + ((BatchNorm)op).Epsilon)));

    public override void Write(CStep step, CProgram program)
    {
        BatchNorm op = (BatchNorm)step.Step.Op;
        Shape shape = step.InputShape(0);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}] = gamma (x - mean) / deviation + beta for each of {shape[0]} channels (Ioffe and Szegedy 2015)"
        );
        string sizes = $"{CText.Size(shape[0])}, {CText.Size(shape.Length / shape[0])}, {step.Inputs[0]}",
            scales = $"{step.Tables[0].Name}, {step.Tables[1].Name}";
        if (!step.HasTraining)
        {
            string norm = program.Routine("batch_norm", CFunctions.MultiplyAdd, PredictionText);
            program.Statement($"{norm}({sizes}, {step.Tables[2].Name}, {step.Tables[3].Name}, {scales}, {step.Output});");
            return;
        }

        string running = program.Routine("batch_norm_running", CFunctions.MultiplyAdd | CFunctions.SquareRoot, RunningText);
        string batch = CText.Size(step.Batch), epsilon = CText.Hex(op.Epsilon);
        string predict = $"{running}({batch}, {sizes}, {step.Kept[0]}, {step.Kept[1]}, {epsilon}, {scales}, {step.Output});";
        if (!step.IsTrainingForward || step.Step.Frozen)
        {
            program.Statement(predict);
            return;
        }

        int n = step.Batch * (shape.Length / shape[0]);
        if (n == 1)
        {
            ExportErrors.NothingToNormalize(step.Name);
        }

        program.Comment($"in training mean and deviation of the {n} numbers of a channel in this call, towards which the running ones move");
        CReduce.Fold(program);
        string train = program.Routine("batch_norm_training", CFunctions.MultiplyAdd | CFunctions.SquareRoot, TrainingText);
        // One element has no unbiased variance: the running one is not changed.
        string correction = CText.Hex(n > 1 ? n / (n - 1f) : 0f);
        program.Open("if (training != 0)");
        program.Statement(
            $"{train}({batch}, {sizes}, {scales}, {epsilon}, {CText.Hex(op.Momentum)}, {correction}, {step.Kept[0]}, {step.Kept[1]}, {step.Saved}, {step.Output});"
        );
        program.Close();
        program.Open("else");
        program.Statement(predict);
        program.Close();
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        CStep forward = step.Forward;
        Shape shape = forward.InputShape(0);
        bool again = step.Step.ContinueParameterGradient, adds = step.ContinueInputGradients[0];
        if (step.Step.Frozen)
        {
            WriteFixed(step, program, shape, adds);
            return;
        }

        // Of an op that is used twice the second part is added.
        string suffix = (again ? "_again" : "") + (adds ? "_add" : "");
        program.Comment(
            $"{step.Name}, backwards: x' = (x - mean) / deviation; dgamma = sum of dy x', dbeta = sum of dy over the numbers of a channel,");
        program.Comment("dx = (gamma / deviation) (dy - mean of dy - x' mean of dy x')");
        CReduce.Fold(program);
        string back = program.Routine(
            "batch_norm_backward" + suffix,
            CFunctions.MultiplyAdd,
            BackwardText(suffix, again ? "+" : "", adds ? "+" : ""));
        program.Statement(
            $"{back}({CText.Size(forward.Batch)}, {CText.Size(shape[0])}, {CText.Size(shape.Length / shape[0])}, {forward.Inputs[0]}, {forward.Saved}, {forward.Tables[0].Name}, "
                + $"{step.OutputGradient}, {step.Tensors[0]?.Gradient ?? "NULL"}, {step.Tensors[1]?.Gradient ?? "NULL"}, {step.InputGradients[0] ?? "NULL"});"
        );
    }

    /// <summary>A frozen layer continues to predict by its measured statistics, which do not depend on x.</summary>
    private static void WriteFixed(CBackwardStep step, CProgram program, Shape shape, bool adds)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        CStep forward = step.Forward;
        string suffix = adds ? "_add" : "";
        program.Comment($"{step.Name}, which is frozen: dx = (gamma / deviation) dy");
        string back = program.Routine(
            "batch_norm_fixed" + suffix,
            CFunctions.MultiplyAdd | CFunctions.SquareRoot,
            $$"""
            /* dx {{(
                adds ? "+" : ""
            )}}= (gamma * inverse) * dy, inverse = 1 / sqrt(variance + epsilon); dx may be dy. x decides about the sign of a zero. */
            static void ebp_batch_norm_fixed{{suffix}}(
                size_t batch, size_t channels, size_t positions, const float *x, const float *mean, const float *variance, float epsilon,
                const float *gamma, const float *dy, float *dx)
            {
                size_t c;
                size_t b;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    const float inverse = 1.0f / EBP_SQRTF(variance[c] + epsilon);
                    const float factor = gamma[c] * inverse;
                    for (b = 0u; b < batch; b++) {
                        const size_t first = ((b * channels) + c) * positions;
                        for (i = first; i < first + positions; i++) {
                            const float normal = (x[i] - mean[c]) * inverse;
                            const float back = factor * EBP_M(-normal, 0.0f, dy[i]);
                            dx[i] = {{(adds ? "dx[i] + back" : "back")}};
                        }
                    }
                }
            }

            """);
        program.Statement(
            $"{back}({CText.Size(forward.Batch)}, {CText.Size(shape[0])}, {CText.Size(shape.Length / shape[0])}, {forward.Inputs[0]}, {forward.Kept[0]}, {forward.Kept[1]}, "
            + $"{CText.Hex(((BatchNorm)step.Step.Op).Epsilon)}, {forward.Tables[0].Name}, {step.OutputGradient}, {dx});");
    }

    private static string BackwardText(string suffix, string parameterSign, string inputSign) => $$"""
        /*
         * dgamma {{parameterSign}}= sum of dy x', dbeta {{parameterSign}}= sum of dy, dx {{inputSign}}= (gamma * inverse) * (dy - mean of dy - x' * mean of dy x'); none where it is NULL. dx may be dy.
         * Each sum has 16 parts.
         */
        static void ebp_batch_norm_backward{{suffix}}(
            size_t batch, size_t channels, size_t positions, const float *x, const float *kept, const float *gamma,
            const float *dy, float *dgamma, float *dbeta, float *dx)
        {
            const float n = (float)(batch * positions);
            size_t c;
            size_t b;
            size_t i;
            for (c = 0u; c < channels; c++) {
                const float mean = kept[c];
                const float inverse = kept[channels + c];
                const float factor = gamma[c] * inverse;
                float s[16];
                float t[16];
                float sum;
                float product;
                for (i = 0u; i < 16u; i++) {
                    s[i] = 0.0f;
                    t[i] = 0.0f;
                }
                for (b = 0u; b < batch; b++) {
                    const size_t first = ((b * channels) + c) * positions;
                    for (i = 0u; i < positions; i++) {
                        const float normal = (x[first + i] - mean) * inverse;
                        s[i % 16u] = s[i % 16u] + dy[first + i];
                        t[i % 16u] = EBP_M(dy[first + i], normal, t[i % 16u]);
                    }
                }
                sum = ebp_fold(s);
                product = ebp_fold(t);
                if (dgamma != NULL) {
                    dgamma[c] = {{(parameterSign.Length > 0 ? "dgamma[c] + " : "")}}product;
                }
                if (dbeta != NULL) {
                    dbeta[c] = {{(parameterSign.Length > 0 ? "dbeta[c] + " : "")}}sum;
                }
                sum = sum / n;
                product = product / n;
                for (b = 0u; dx != NULL && b < batch; b++) {
                    const size_t first = ((b * channels) + c) * positions;
                    for (i = first; i < first + positions; i++) {
                        const float normal = (x[i] - mean) * inverse;
                        const float back = factor * EBP_M(-normal, product, dy[i] - sum);
                        dx[i] = {{(inputSign.Length > 0 ? "dx[i] + back" : "back")}};
                    }
                }
            }
        }

        """;
}
