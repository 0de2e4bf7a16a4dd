using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Losses;

/// <summary>The C text of one kind of loss: its 16 partial sums forwards, dL/da backwards. All samples of a call at once.</summary>
internal abstract class CLoss : COp
{
    // The list of all that can be exported: a loss is one line here.
    private static readonly CLoss[] All =
    [
        new CElementLoss<Quadratic>("C = 1/(2n) sum of (a - y)^2 (Nielsen, chapter 1, equation 6)", "0.5f * ((a - y) * (a - y))", "a - y"),
        new CElementLoss<MeanSquared>("the mean of (a - y)^2", "(a - y) * (a - y)", "2.0f * (a - y)"),
        new CElementLoss<MeanAbsolute>(
            "the mean of abs(a - y)", "ebp_from_bits(ebp_bits(a - y) & 0x7FFFFFFFu)", "e > 0.0f ? 1.0f : (0.0f > e ? -1.0f : e)", CFunctions.Bits, [], ["const float e = a - y;"]),
        new CElementLoss<Huber>(
            "the mean of e^2/2, beyond 1 of abs(e) - 1/2, e = a - y", "size > 1.0f ? size - 0.5f : 0.5f * (e * e)", "e > 1.0f ? 1.0f : (-1.0f > e ? -1.0f : e)",
            CFunctions.Bits, ["const float e = a - y;", "const float size = ebp_from_bits(ebp_bits(e) & 0x7FFFFFFFu);"], ["const float e = a - y;"]),
        new CElementLoss<BinaryCrossEntropy>(
            "-(y log a + (1 - y) log(1 - a)), logarithms at least -100 (Nielsen, chapter 3, equation 57)", "-((y * (-100.0f > p ? -100.0f : p)) + ((1.0f - y) * (-100.0f > q ? -100.0f : q)))",
            "(a - y) / (1e-12f > v ? 1e-12f : v)", CFunctions.Log | CFunctions.Log1P, ["const float p = ebp_log(a);", "const float q = ebp_log1p(-a);"], ["const float v = a * (1.0f - a);"]),
        new CElementLoss<BinaryCrossEntropyWithLogits>(
            "binary cross-entropy on z: max(z, 0) - z y + log(1 + e^-abs z) (Nielsen, chapter 3, equation 61)",
            "((a > 0.0f ? a : 0.0f) - (a * y)) + ebp_log1p(ebp_exp(ebp_from_bits(ebp_bits(a) | 0x80000000u)))", "ebp_sigmoid(a) - y",
            CFunctions.Log1P | CFunctions.Exp | CFunctions.Sigmoid | CFunctions.Bits, [], []),
        new CCrossEntropy(),
    ];

    /// <summary>The loss's class.</summary>
    protected abstract Type OpType { get; }

    public override bool TakesBatch(Op op) => true;

    /// <summary>The text for a loss.</summary>
    /// <exception cref="NotSupportedException">There is none: it is a user's own.</exception>
    public static CLoss For(Step step)
    {
        foreach (CLoss candidate in All)
        {
            if (candidate.OpType == step.Op.GetType())
            {
                return candidate;
            }
        }

        ExportErrors.UnknownLoss(step.Name, step.Op.Kind);
        return null;
    }

    /// <summary>Adds the terms of all samples to the parts.</summary>
    public override void Write(CStep step, CProgram program)
    {
        Loss loss = (Loss)step.Step.Op;
        program.Comment($"{step.Name}: {Formula}; {CText.Number(loss.Outputs)} numbers a sample{(loss.Detail.Length == 0 ? "" : ", " + loss.Detail)}");
        program.Statement($"(void)memset({step.Output}, 0, 16u * sizeof(float));");
        WriteTerms(step, loss, program);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        Loss loss = (Loss)step.Step.Op;
        float scale = (float)loss.GradientScale(step.LogicalBatch);
        program.Comment($"{step.Name}: BP1, dL/da{(scale == 1f ? "" : $" times 1/n{(loss.Weight == 1f ? "" : " and the weight")}")}: {Slope}");
        WriteSlope(step, loss, CText.Hex(scale), program);
    }

    /// <summary>What the loss is, for a person.</summary>
    protected abstract string Formula { get; }

    /// <summary>What its derivative is, for a person.</summary>
    protected abstract string Slope { get; }

    /// <summary>Adds the terms.</summary>
    protected abstract void WriteTerms(CStep step, Loss loss, CProgram program);

    /// <summary>Writes dL/da, or adds it where it continues.</summary>
    protected abstract void WriteSlope(CBackwardStep step, Loss loss, string scale, CProgram program);

    /// <summary>The class weights as a table inside a block.</summary>
    protected static string ClassWeights(Loss loss) =>
        $"static const float class_weights[{loss.ClassWeights!.Count}] = {{ {string.Join(", ", loss.ClassWeights.Select(CText.Hex))} }};";

    /// <summary>
    /// What a sample weighs, as LossTargets.Weight says: the dot product of class weights and target; for a single output M(w1, y, w0 (1 - y)).
    /// </summary>
    protected static string SampleWeight(Loss loss, string y, CProgram program)
    {
        if (loss.Outputs > 1)
        {
            return $"{CDense.AskDot(program)}({CText.Size(loss.Outputs)}, class_weights, {y})";
        }

        program.Need(CFunctions.MultiplyAdd);
        return $"EBP_M(class_weights[1], {y}[0], class_weights[0] * (1.0f - {y}[0]))";
    }

    /// <summary>The place of a sample's row in a loop over b.</summary>
    protected static string Row(string place, int columns, int batch) => batch == 1 ? place : $"({place} + (b * {CText.Size(columns)}))";

    /// <summary>The number of numbers in front of a sample's row.</summary>
    protected static string First(int columns, int batch) => batch == 1 ? "0u" : $"b * {CText.Size(columns)}";

    /// <summary>Opens a loop over the samples, or a block where there is one.</summary>
    protected static void OpenSamples(CProgram program, int batch)
    {
        if (batch > 1)
        {
            program.Open($"for (b = 0u; b < {CText.Size(batch)}; b++)");
        }
    }

    /// <summary>Closes it.</summary>
    protected static void CloseSamples(CProgram program, int batch)
    {
        if (batch > 1)
        {
            program.Close();
        }
    }
}
