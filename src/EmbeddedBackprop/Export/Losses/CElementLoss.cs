using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Losses;

/// <summary>A loss that is a sum over single outputs in C: the operations of Losses/*.cs in the same order.</summary>
/// <typeparam name="TFunction">The loss.</typeparam>
/// <param name="formula">What it is, for a person.</param>
/// <param name="value">The C expression of the term of a and y.</param>
/// <param name="derivative">The C expression of its derivative.</param>
/// <param name="functions">What the expressions use.</param>
/// <param name="valueLocals">Declarations that the term uses.</param>
/// <param name="derivativeLocals">Declarations that the derivative uses.</param>
internal sealed class CElementLoss<TFunction>(
    string formula, string value, string derivative, CFunctions functions = CFunctions.None, string[]? valueLocals = null, string[]? derivativeLocals = null) : CLoss
    where TFunction : struct, ILossFunction
{
    // Each output says yes or no.
    private const int Classes = 2;

    protected override Type OpType => typeof(Loss<TFunction>);

    protected override string Formula => formula;

    protected override string Slope => derivative.Contains("ebp_", StringComparison.Ordinal) ? "sigmoid(z) - y" : derivative.Replace("f", "", StringComparison.Ordinal);

    protected override void WriteTerms(CStep step, Loss loss, CProgram program)
    {
        (string suffix, string parameters, string target, string arguments) = Variant(loss);
        bool weighed = loss.ClassWeights is not null;
        string term = weighed ? $"weight * ({value})" : value;
        string add = program.Routine($"{CText.Identifier(TFunction.Name)}_terms{suffix}", functions | CFunctions.MultiplyAdd, $$"""
            /* Adds the terms of n outputs to 16 partial sums, the first one to part number first mod 16. */
            static void ebp_{{CText.Identifier(TFunction.Name)}}_terms{{suffix}}(size_t n, const float *prediction, const float *target{{parameters}}, size_t first, float *parts)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    const float a = prediction[i];
                    const float y = {{target}};
            {{Lines(valueLocals)}}        parts[(first + i) % 16u] = parts[(first + i) % 16u] + ({{term}});
                }
            }

            """);
        Each(step, loss, program, (n, a, y, first) => $"{add}({n}, {a}, {y}{arguments}, {first}, {step.Output});");
    }

    protected override void WriteSlope(CBackwardStep step, Loss loss, string scale, CProgram program)
    {
        (string suffix, string parameters, string target, string arguments) = Variant(loss);
        bool weighed = loss.ClassWeights is not null, continues = step.ContinueInputGradients[0];
        string slope = $"({derivative}) * scale";
        slope = weighed ? $"weight * ({slope})" : slope;
        suffix += continues ? "_more" : "";
        string gradient = program.Routine($"{CText.Identifier(TFunction.Name)}_slope{suffix}", functions | CFunctions.MultiplyAdd, $$"""
            /* {{(continues ? "d = d +" : "d =")}} dL/da times scale, for n outputs */
            static void ebp_{{CText.Identifier(TFunction.Name)}}_slope{{suffix}}(size_t n, const float *prediction, const float *target{{parameters}}, float scale, float *d)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    const float a = prediction[i];
                    const float y = {{target}};
            {{Lines(derivativeLocals)}}        d[i] = {{(continues ? $"d[i] + ({slope})" : slope)}};
                }
            }

            """);
        string d = step.InputGradients[0]!;
        int batch = step.Forward.Batch;
        Each(step.Forward, loss, program, (n, a, y, first) => $"{gradient}({n}, {a}, {y}{arguments}, {scale}, {(n == CText.Size(loss.Outputs) ? Row(d, loss.Outputs, batch) : d)});");
    }

    private static string Lines(string[]? locals) => string.Concat((locals ?? []).Select(line => "        " + line + "\n"));

    /// <summary>Rows follow each other without a gap: without weights all samples are one long row.</summary>
    private static void Each(CStep step, Loss loss, CProgram program, Func<string, string, string, string, string> call)
    {
        int n = loss.Outputs, batch = step.Batch;
        if (loss.ClassWeights is null)
        {
            program.Statement(call(CText.Size(batch * n), step.Inputs[0], step.Inputs[1], "0u"));
            return;
        }

        program.Open("");
        program.Statement(ClassWeights(loss));
        OpenSamples(program, batch);
        string y = Row(step.Inputs[1], n, batch);
        program.Statement($"const float weight = {SampleWeight(loss, y, program)};");
        program.Statement(call(CText.Size(n), Row(step.Inputs[0], n, batch), y, First(n, batch)));
        CloseSamples(program, batch);
        program.Close();
    }

    private static (string Suffix, string Parameters, string Target, string Arguments) Variant(Loss loss)
    {
        bool smooths = loss.LabelSmoothing > 0f, weighed = loss.ClassWeights is not null;
        return (
            (smooths ? "_smoothed" : "") + (weighed ? "_weighed" : ""),
            (smooths ? ", float keep, float share" : "") + (weighed ? ", float weight" : ""),
            smooths ? "EBP_M(keep, target[i], share)" : "target[i]",
            (smooths ? $", {CText.Hex(1f - loss.LabelSmoothing)}, {CText.Hex(loss.LabelSmoothing / Classes)}" : "") + (weighed ? ", weight" : ""));
    }
}
