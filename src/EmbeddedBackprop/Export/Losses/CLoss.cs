using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Losses;

/// <summary>A loss in C: its 16 partial sums forwards, dL/da backwards. All samples of a call at once.</summary>
internal abstract class CLoss : COp
{
    public override bool TakesBatch(Op op) => true;

    /// <summary>Adds the terms of all samples to the parts.</summary>
    public override void Write(CStep step, CProgram program)
    {
        Loss loss = (Loss)step.Step.Op;
        program.Comment(
            $"{step.Name}: {Formula}; {CText.Number(loss.Outputs)} numbers a sample{(loss.Detail.Length == 0 ? "" : ", " + loss.Detail)}");
        program.Statement($"(void)memset({step.Output}, 0, 16u * sizeof(float));");
        WriteTerms(step, loss, program);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        Loss loss = (Loss)step.Step.Op;
        float scale = (float)loss.GradientScale(step.LogicalBatch);
        program.Comment(
            $"{step.Name}: BP1, dL/da{(scale == 1f ? "" : $" times 1/n{(loss.Weight == 1f ? "" : " and the weight")}")}{(Slope.Length == 0 ? "" : ": " + Slope)}"
        );
        WriteSlope(step, loss, CText.Hex(scale), program);
    }

    /// <summary>The loss's formula, for a reader of the C.</summary>
    protected abstract string Formula { get; }

    /// <summary>Its derivative, for a reader of the C; empty where the routine shows it.</summary>
    protected virtual string Slope => "";

    /// <summary>Adds the terms.</summary>
    protected abstract void WriteTerms(CStep step, Loss loss, CProgram program);

    /// <summary>Writes dL/da, or adds it where it continues.</summary>
    protected abstract void WriteSlope(CBackwardStep step, Loss loss, string scale, CProgram program);

    /// <summary>The class weights as a table inside a block.</summary>
    protected static string ClassWeights(Loss loss) =>
        $"static const float class_weights[{loss.ClassWeights!.Count}] = {{ {string.Join(", ", loss.ClassWeights.Select(CText.Hex))} }};";

    /// <summary>
    /// The weight of a sample, as in LossTargets.Weight: the dot product of class weights and target; for a single output M(w1, y, w0 (1 - y)).
    /// </summary>
    protected static string SampleWeight(Loss loss, string y, CProgram program)
    {
        if (loss.Outputs > 1)
        {
            return $"{CReduce.Dot(program, CWeightLoad.Float)}({CText.Size(loss.Outputs)}, class_weights, {y})";
        }

        program.Need(CFunctions.MultiplyAdd);
        return $"EBP_M(class_weights[1], {y}[0], class_weights[0] * (1.0f - {y}[0]))";
    }

    /// <summary>The address of a sample's row in a loop over b.</summary>
    protected static string Row(string place, int columns, int batch) => batch == 1 ? place : $"({place} + (b * {CText.Size(columns)}))";

    /// <summary>The number of elements before a sample's row.</summary>
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
