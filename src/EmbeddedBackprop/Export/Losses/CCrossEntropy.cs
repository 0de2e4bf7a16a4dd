using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Losses;

/// <summary>Cross-entropy on logits in C: the passes of Losses/SoftmaxCrossEntropy.cs, sample by sample.</summary>
internal sealed class CCrossEntropy : CLoss
{
    private const string LogSumExp = """
        /* log of the sum of e^z: the largest z is subtracted, so that e^ cannot overflow; the sum has 16 parts. */
        static float ebp_log_sum_exp(size_t n, const float *z)
        {
            float s[16];
            float largest = z[0];
            size_t i;
            for (i = 1u; i < n; i++) {
                largest = z[i] > largest ? z[i] : largest;
            }
            for (i = 0u; i < 16u; i++) {
                s[i] = 0.0f;
            }
            for (i = 0u; i < n; i++) {
                s[i % 16u] = s[i % 16u] + ebp_exp(z[i] - largest);
            }
            return largest + ebp_log(ebp_fold(s));
        }

        """;

    private const string Label = """
        /* The number of a class; n where there is no such class. */
        static size_t ebp_class_of(size_t n, float y)
        {
            return (y >= 0.0f && y < (float)n) ? (size_t)y : n;
        }

        """;

    protected override string Formula => "cross-entropy of softmax(z): sum of y_j (log sum of e^z - z_j) (Nielsen, chapter 3, equation 80)";

    protected override string Slope => "softmax(z)_j times the sum of y, less y_j";

    protected override void WriteTerms(CStep step, Loss loss, CProgram program)
    {
        (string suffix, string parameters, string arguments, string target) = Variant((SoftmaxCrossEntropy)loss, program);
        bool index = ((SoftmaxCrossEntropy)loss).IndexTarget, weighed = loss.ClassWeights is not null;
        CReduce.Fold(program);
        program.Routine("log_sum_exp", CFunctions.Exp | CFunctions.Log, LogSumExp);
        string term = "(" + target + " * (lse - z[i]))";
        term = weighed ? $"(weight * {term})" : term;
        // A class index gives one term; the others are 0.
        string body =
            index && loss.LabelSmoothing == 0f
                ? $$"""
                        const size_t i = ebp_class_of(n, y[0]);
                        if (i < n) {
                            parts[(first + i) % 16u] = parts[(first + i) % 16u] + {{(
                        weighed ? "(weight * (ebp_log_sum_exp(n, z) - z[i]))" : "(ebp_log_sum_exp(n, z) - z[i])"
                    )}};
                        }
                    """
                : $$"""
                        const float lse = ebp_log_sum_exp(n, z);
                    {{(index ? "    const size_t label = ebp_class_of(n, y[0]);\n" : "")}}    size_t i;
                        for (i = 0u; i < n; i++) {
                            parts[(first + i) % 16u] = parts[(first + i) % 16u] + {{term}};
                        }
                    """;
        string add = program.Routine(
            "cross_entropy_terms" + suffix,
            CFunctions.MultiplyAdd,
            $$"""
            /* Adds a sample's terms to 16 partial sums, the first one to part number first mod 16. */
            static void ebp_cross_entropy_terms{{suffix}}(size_t n, const float *z, const float *y{{parameters}}, size_t first, float *parts)
            {
            {{body}}
            }

            """);
        Each(step, loss, program, (z, y, _, first) => $"{add}({CText.Size(loss.Outputs)}, {z}, {y}{arguments}, {first}, {step.Output});");
    }

    protected override void WriteSlope(CBackwardStep step, Loss loss, string scale, CProgram program)
    {
        (string suffix, string parameters, string arguments, string target) = Variant((SoftmaxCrossEntropy)loss, program);
        bool index = ((SoftmaxCrossEntropy)loss).IndexTarget, weighed = loss.ClassWeights is not null, sums = !(index && loss.LabelSmoothing == 0f);
        CSoftmax.Ask(program);
        CReduce.Fold(program);
        string slope = $"((d[i] * {(sums ? "total" : "1.0f")}) - {target}) * scale";
        string sum = sums
            ? $$"""
                    for (i = 0u; i < 16u; i++) {
                        s[i] = 0.0f;
                    }
                    for (i = 0u; i < n; i++) {
                        s[i % 16u] = s[i % 16u] + {{target}};
                    }
                    total = ebp_fold(s);

                """
            : "";
        string gradient = program.Routine("cross_entropy_slope" + suffix, CFunctions.MultiplyAdd, $$"""
            /* d_j = (softmax(z)_j times the sum of y - y_j) scale */
            static void ebp_cross_entropy_slope{{suffix}}(size_t n, const float *z, const float *y{{parameters}}, float scale, float *d)
            {
            {{(sums ? "    float s[16];\n    float total;\n" : "")}}{{(index ? "    const size_t label = ebp_class_of(n, y[0]);\n" : "")}}    size_t i;
            {{sum}}    ebp_softmax(n, z, d);
                for (i = 0u; i < n; i++) {
                    d[i] = {{(weighed ? $"weight * ({slope})" : slope)}};
                }
            }

            """);
        bool continues = step.ContinueInputGradients[0];
        string d = continues ? step.Scratch : step.InputGradients[0]!;
        Each(step.Forward, loss, program, (z, y, place, _) => $"{gradient}({CText.Size(loss.Outputs)}, {z}, {y}{arguments}, {scale}, {place});", d);
        if (continues)
        {
            step.PassOn(program, step.Forward.Batch * loss.Outputs, d, 0);
        }
    }

    private static void Each(CStep step, Loss loss, CProgram program, Func<string, string, string, string, string> call, string d = "")
    {
        int n = loss.Outputs, batch = step.Batch;
        string y = Row(step.Inputs[1], step.Step.Inputs[1].Columns, batch);
        string statement = call(Row(step.Inputs[0], n, batch), y, d.Length == 0 ? "" : Row(d, n, batch), First(n, batch));
        if (loss.ClassWeights is null)
        {
            OpenSamples(program, batch);
            program.Statement(statement);
            CloseSamples(program, batch);
            return;
        }

        program.Open("");
        program.Statement(ClassWeights(loss));
        OpenSamples(program, batch);
        bool index = ((SoftmaxCrossEntropy)loss).IndexTarget;
        if (index)
        {
            program.Statement($"const size_t label = {program.Prefix}_class_of({CText.Size(n)}, {y}[0]);");
        }

        program.Statement(
            $"const float weight = {(index ? $"label < {CText.Size(n)} ? class_weights[label] : 0.0f" : SampleWeight(loss, y, program))};");
        program.Statement(statement);
        CloseSamples(program, batch);
        program.Close();
    }

    /// <summary>How the routines read targets: as they are, as a class index, and smoothed; and whether a sample is weighed.</summary>
    private static (string Suffix, string Parameters, string Arguments, string Target) Variant(SoftmaxCrossEntropy loss, CProgram program)
    {
        bool smooths = loss.LabelSmoothing > 0f, weighed = loss.ClassWeights is not null, index = loss.IndexTarget;
        if (index)
        {
            program.Routine("class_of", CFunctions.None, Label);
        }

        string y = index ? "(i == label ? 1.0f : 0.0f)" : "y[i]";
        return (
            (index ? "_of_class" : "") + (smooths ? "_smoothed" : "") + (weighed ? "_weighed" : ""),
            (smooths ? ", float keep, float share" : "") + (weighed ? ", float weight" : ""),
            (smooths ? $", {CText.Hex(1f - loss.LabelSmoothing)}, {CText.Hex(loss.LabelSmoothing / loss.Outputs)}" : "")
                + (weighed ? ", weight" : ""),
            smooths ? $"EBP_M(keep, {y}, share)" : y);
    }
}
