using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export.Update;

/// <summary>
/// The body of NAME_update: the steps of Training/GradientUpdate.cs from the gradients to the new parameters, in the same order: the test for
/// non-finite gradients, clipping by value, clipping by norm, penalties, the optimiser, the bound on weights. A step that is switched off has no C.
/// </summary>
internal sealed class CUpdate(CTraining training, CProgram program)
{
    private readonly CTensor[] tensors = [.. training.Tensors.Where(tensor => tensor.Gradient is not null)];

    private readonly COptimizer optimizer = COptimizer.For(training.Options.Optimizer);

    private CTrainingOptions Options => training.Options;

    /// <summary>Writes the statements; none where every gradient changes its weight within the backward pass.</summary>
    public void Write()
    {
        if (tensors.Length == 0)
        {
            return;
        }

        string n = CText.Size(training.GradientLength);
        program.Comment("a step with a gradient that is not finite is left out");
        Refuse($"{CBounds.Finite(program)}({n}, gradients)");
        if (Options.Clipping.Value > 0)
        {
            program.Gap();
            program.Comment("every gradient is held within a bound");
            program.Statement($"{CBounds.Clip(program)}({n}, {CText.Hex(Options.Clipping.Value)}, gradients);");
        }

        if (Options.Clipping.Norm > 0)
        {
            WriteNorm(n);
        }

        optimizer.WriteBegin(training, program);
        for (int first = 0; first < tensors.Length;)
        {
            int end = first + 1;
            while (end < tensors.Length && IsAlike(tensors[end - 1], tensors[end]))
            {
                end++;
            }

            WriteGroup(
                new CGroup(
                    training,
                    tensors[first..end],
                    Options.Optimizer.DecouplesDecay && IsPenalised(tensors[first]) ? Options.Regularization.WeightDecay : 0f));
            first = end;
        }
    }

    private void Refuse(string finite)
    {
        program.Open($"if ({finite} == 0)");
        program.Statement("return;");
        program.Close();
    }

    private void WriteNorm(string n)
    {
        string add = CBounds.AddSquares(program), longest = CText.Hex(Options.Clipping.Norm);
        program.Gap();
        program.Comment("the norm of all gradients: one chain of squares in 16 parts, each tensor in the order of files");
        program.Statement("float parts[16];");
        program.Statement("(void)memset(parts, 0, sizeof parts);");
        foreach (CTensor tensor in tensors)
        {
            // Tensors that are not trained count in the engine's chain, too; their squares are 0.
            int before = 0;
            foreach (Graphs.ParameterRange range in training.Plan.Parameters)
            {
                if (range.Name == tensor.Range.Name)
                {
                    break;
                }

                before += range.Count;
            }

            program.Statement(
                $"{add}({CText.Size(before % 16)}, {CText.Size(tensor.Range.Rows)}, {CText.Size(tensor.Range.Columns)}, {tensor.Gradient}, parts);");
        }

        program.Statement($"const float norm = EBP_SQRTF({program.Prefix}_fold(parts));");
        Refuse($"{CBounds.Finite(program)}(1u, &norm)");
        program.Open($"if (norm > {longest})");
        program.Statement($"{CBounds.Scale(program)}({n}, {longest} / (norm + {CText.Hex(1e-6f)}), gradients);");
        program.Close();
    }

    private void WriteGroup(CGroup group)
    {
        CTensor first = group.Tensors[0];
        Regularization penalty = Options.Regularization;
        program.Gap();
        program.Comment(group.Name);
        if (first.L2 > 0)
        {
            program.Statement($"{CBounds.AddScaled(program)}({group.Count}, {CText.Hex(first.L2)}, {group.Weights}, {group.Gradients});");
        }

        if (penalty.L1 > 0 && IsPenalised(first))
        {
            program.Statement($"{CBounds.AddSign(program)}({group.Count}, {CText.Hex(penalty.L1)}, {group.Weights}, {group.Gradients});");
        }

        optimizer.WriteUpdate(group, program);
        if (IsShortened(first))
        {
            bool inFileOrder = first.Range.Dimensions is not null;
            int outputs = first.Range.Dimensions?[0] ?? first.Range.Columns, terms = first.Length / outputs;
            program.Statement(
                $"{CBounds.Shorten(program)}({CText.Hex(penalty.MaxNorm)}, {CText.Size(outputs)}, {CText.Size(inFileOrder ? terms : 1)}, "
                + $"{CText.Size(terms)}, {CText.Size(inFileOrder ? 1 : outputs)}, {group.Weights});");
        }
    }

    private bool IsPenalised(CTensor tensor) => Options.Regularization.AllParameters || tensor.Range.Kind == Graphs.ParameterKind.Weight;

    private bool IsShortened(CTensor tensor) => Options.Regularization.MaxNorm > 0 && tensor.Range.Kind == Graphs.ParameterKind.Weight;

    /// <summary>Whether two tensors are neighbours that are treated alike.</summary>
    private bool IsAlike(CTensor a, CTensor b)
    {
        Regularization penalty = Options.Regularization;
        bool penalties = penalty.L1 > 0 || penalty.L2 > 0 || penalty.WeightDecay > 0;
        return b.Offset == a.Offset + a.Length && b.GradientOffset == a.GradientOffset + a.Length
            && (!penalties || IsPenalised(a) == IsPenalised(b)) && !IsShortened(a) && !IsShortened(b);
    }
}
