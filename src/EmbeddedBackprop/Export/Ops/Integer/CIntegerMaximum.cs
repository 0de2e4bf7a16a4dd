using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>The largest integer of every feature over time, in C; where a mask lets no step count, the zero point.</summary>
internal static class CIntegerMaximum
{
    /// <summary>Writes the statement and asks for its routine.</summary>
    public static void Write(CStep step, CProgram program, int zero)
    {
        Shape shape = step.InputShape(0);
        string sizes = $"{CText.Size(shape[0])}, {CText.Size(shape[1])}", x = step.OutputType.Type, suffix = step.OutputType.Suffix;
        if (step.Inputs.Length == 1)
        {
            string all = program.Routine("max_over_time" + suffix, CFunctions.None, Plain(suffix, x));
            program.Statement($"{all}({sizes}, {step.Inputs[0]}, {step.Output});");
            return;
        }

        CElement mask = step.InputType(1);
        string name = $"masked_max_over_time{suffix}{mask.Suffix}", masked = program.Routine(name, CFunctions.None, Masked(name, x, mask));
        program.Statement($"{masked}({sizes}, {CText.Number(zero)}, {step.Inputs[0]}, {step.Inputs[1]}, {step.Output});");
    }

    private static string Plain(string suffix, string x) => $$"""
        /* y[j] = the largest x[t][j]. */
        static void ebp_max_over_time{{suffix}}(size_t steps, size_t features, const {{x}} *x, {{x}} *y)
        {
            size_t t;
            size_t j;
            for (j = 0u; j < features; j++) {
                {{x}} best = x[j];
                for (t = 1u; t < steps; t++) {
                    if (x[(t * features) + j] > best) {
                        best = x[(t * features) + j];
                    }
                }
                y[j] = best;
            }
        }

        """;

    private static string Masked(string name, string x, CElement mask) => $$"""
        /* y[j] = the largest x[t][j] over the steps that the mask leaves; zero without any. */
        static void ebp_{{name}}(size_t steps, size_t features, {{x}} zero, const {{x}} *x, const {{mask.Type}} *mask, {{x}} *y)
        {
            size_t t;
            size_t j;
            for (j = 0u; j < features; j++) {
                {{x}} best = zero;
                int any = 0;
                for (t = 0u; t < steps; t++) {
                    if (({{CSelector.Counts(mask, "t")}}) && ((any == 0) || (x[(t * features) + j] > best))) {
                        best = x[(t * features) + j];
                        any = 1;
                    }
                }
                y[j] = best;
            }
        }

        """;
}
