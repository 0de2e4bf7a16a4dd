using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// Dropout in C: Kernels/Scalar/Random/DropoutMask.cs in training, nothing in a prediction. The mask is drawn again in the backward pass.
/// </summary>
internal sealed class CDropout : COp
{
    private const string Text = """
        /*
         * Inverted dropout: y[i] = x[i] * scale where the random number of place i is not below the threshold, else 0; or that is added to y. The number is a function
         * of seed, step, op, sample and place alone, so the mask is not stored. y may be x.
         */
        static void ebp_dropout(uint64_t seed, uint32_t sample, uint32_t step, uint32_t op, uint32_t threshold, float scale, size_t n, const float *x, int goes_on, float *y)
        {
            uint32_t words[4] = { 0u, 0u, 0u, 0u };
            size_t i;
            for (i = 0u; i < n; i++) {
                float kept;
                if (i % 4u == 0u) {
                    words[0] = (uint32_t)(i / 4u);
                    words[1] = sample;
                    words[2] = step;
                    words[3] = op;
                    ebp_philox((uint32_t)seed, (uint32_t)(seed >> 32), words);
                }
                kept = (words[i % 4u] >> 8) >= threshold ? x[i] * scale : 0.0f;
                y[i] = goes_on != 0 ? y[i] + kept : kept;
            }
        }

        """;

    public override bool TakesIntegers => true;

    public override void Write(CStep step, CProgram program)
    {
        bool inPlace = step.Inputs[0] == step.Output;
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}], dropout: in a prediction the same numbers{(inPlace ? " in the same place" : "")}");
        if (!inPlace)
        {
            program.Copy(step.OutputLength, step.Inputs[0], step.Output, step.OutputType.Type);
        }
    }

    public override void WriteTraining(CStep step, CProgram program)
    {
        Dropout op = (Dropout)step.Step.Op;
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}], of which dropout keeps a number with probability {CText.Hex(1f - op.Probability)} (Srivastava et al. 2014)"
        );
        program.Statement("if (training != 0) {");
        program.Statement("    " + Call(step, program, step.Inputs[0], goesOn: false, step.Output));
        if (step.Inputs[0] != step.Output)
        {
            program.Statement("} else {");
            program.Statement($"    (void)memcpy({step.Output}, {step.Inputs[0]}, {CText.Size(step.OutputLength)} * sizeof(float));");
        }

        program.Statement("}");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is { } dx)
        {
            program.Comment($"{step.Name}, backwards: the gradient of what was kept, drawn again");
            program.Statement(Call(step.Forward, program, step.OutputGradient, step.ContinueInputGradients[0], dx));
        }
    }

    private static string Call(CStep step, CProgram program, string x, bool goesOn, string y)
    {
        DropoutDraw draw = new(0, 0, step.Step.OpIndex, 0, ((Dropout)step.Step.Op).Probability);
        CRandom.Ask(program);
        string dropout = program.Routine("dropout", CFunctions.None, Text);
        return
            $"{dropout}(model->seed, {step.LogicalSample}, (uint32_t)model->step, {CText.Number((uint)draw.Random.Purpose)}u, {CText.Number(draw.Threshold)}u, "
            + $"{CText.Hex(1f / (1f - draw.Probability))}, {CText.Size(step.OutputLength)}, {x}, {(goesOn ? 1 : 0)}, {y});";
    }
}
