using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Losses;

/// <summary>A loss that is a sum over single outputs in C: loops around its printed formula.</summary>
/// <param name="loss">The loss.</param>
internal sealed class CElementLoss(Loss loss) : CLoss
{
    // Each output says yes or no.
    private const int Classes = 2;

    private const string Part = "parts[(first + i) % 16u]";

    private static readonly string[] Parameters = ["n", "i", "prediction", "target", "keep", "share", "weight", "scale", "first", "parts", "d"];

    private readonly string name = CText.Identifier(loss.Kind);

    protected override string Formula => loss.Equation.Length == 0 ? CText.Comment(loss.Kind) : CText.Equation(loss.Equation);

    private static LaneText Prediction => LaneText.Input("a", "prediction[i]");

    /// <summary>y as the loss reads it: smoothed, it is M(keep, y, share).</summary>
    private LaneText Target => loss.LabelSmoothing > 0f
        ? LaneText.Named(LaneText.MultiplyAdd(LaneText.Input("keep"), LaneText.Input("label", "target[i]"), LaneText.Input("share")), "y")
        : LaneText.Input("y", "target[i]");

    protected override void WriteTerms(CStep step, Loss loss, CProgram program)
    {
        (string suffix, string parameters, string arguments) = Variant(loss);
        LaneText term = Weighed(loss.ValueText(Prediction, Target)!.Value);
        CFormulaText c = CFormula.Print(2, Parameters, new CResult(Part + " =", LaneText.Input("part", Part) + term));
        string add = program.Routine($"terms_of_{name}{suffix}", c.Functions, routine => $$"""
            /* Adds the terms of n outputs to 16 partial sums, the first one to part number first mod 16. */
            static void ebp_{{routine}}(size_t n, const float *prediction, const float *target{{parameters}}, size_t first, float *parts)
            {
                size_t i;
            {{Unread(c)}}    for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """);
        Each(step, loss, program, (n, a, y, first) => $"{add}({n}, {a}, {y}{arguments}, {first}, {step.Output});");
    }

    protected override void WriteSlope(CBackwardStep step, Loss loss, string scale, CProgram program)
    {
        (string suffix, string parameters, string arguments) = Variant(loss);
        bool continues = step.ContinueInputGradients[0];
        LaneText slope = Weighed(loss.DerivativeText(Prediction, Target)!.Value * LaneText.Input("scale"));
        slope = continues ? LaneText.Input("more", "d[i]") + slope : slope;
        CFormulaText c = CFormula.Print(2, Parameters, new CResult("d[i] =", slope));
        string gradient = program.Routine($"gradient_of_{name}{suffix}{(continues ? "_more" : "")}", c.Functions, routine => $$"""
            /* {{(continues ? "d = d +" : "d =")}} dL/da times scale, for n outputs */
            static void ebp_{{routine}}(size_t n, const float *prediction, const float *target{{parameters}}, float scale, float *d)
            {
                size_t i;
            {{Unread(c)}}    for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """);
        string d = step.InputGradients[0]!;
        int batch = step.Forward.Batch;
        Each(
            step.Forward,
            loss,
            program,
            (n, a, y, first) => $"{gradient}({n}, {a}, {y}{arguments}, {scale}, {(n == CText.Size(loss.Outputs) ? Row(d, loss.Outputs, batch) : d)});"
        );
    }

    /// <summary>A parameter that a formula has no use for.</summary>
    private string Unread(CFormulaText c)
    {
        (string Input, string Parameter)[] read = loss.LabelSmoothing > 0f
            ? [("a", "prediction"), ("label", "target"), ("keep", "keep"), ("share", "share")]
            : [("a", "prediction"), ("y", "target")];
        return string.Concat(read.Where(pair => !c.Inputs.Contains(pair.Input)).Select(pair => $"    (void){pair.Parameter};\n"));
    }

    private LaneText Weighed(LaneText term) => loss.ClassWeights is null ? term : LaneText.Input("weight") * term;

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

    private static (string Suffix, string Parameters, string Arguments) Variant(Loss loss)
    {
        bool smooths = loss.LabelSmoothing > 0f, weighed = loss.ClassWeights is not null;
        return (
            (smooths ? "_smoothed" : "") + (weighed ? "_weighed" : ""),
            (smooths ? ", float keep, float share" : "") + (weighed ? ", float weight" : ""),
            (smooths ? $", {CText.Hex(1f - loss.LabelSmoothing)}, {CText.Hex(loss.LabelSmoothing / Classes)}" : "") + (weighed ? ", weight" : ""));
    }
}
