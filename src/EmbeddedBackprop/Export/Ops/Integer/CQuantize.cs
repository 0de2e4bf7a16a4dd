using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Floats to integers in C: Ops/Integer/Quantize.cs.</summary>
internal sealed class CQuantize : COp
{
    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source) => [];

    public override void Write(CStep step, CProgram program)
    {
        IntegerType type = step.Source!.OutputType;
        string y = step.OutputType.Type, name = "quantize" + step.OutputType.Suffix;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = round(x / {CText.Decimal(type.Scale)}) + {type.ZeroPoint}");
        string quantize = program.Routine(name, CFunctions.None, $$"""
            /* y = zero + x * inverse, clamped and rounded to even: a float of 1.5 * 2^23 has no fraction. NaN gives zero. */
            static void ebp_{{name}}(size_t n, const float *x, float inverse, int32_t zero, {{y}} *y)
            {
                const float lowest = {{CText.Decimal(type.Lowest)}} - (float)zero;
                const float highest = {{CText.Decimal(type.Highest)}} - (float)zero;
                size_t i;
                for (i = 0u; i < n; i++) {
                    const float scaled = x[i] * inverse;
                    float raised = 0.0f;
                    float clamped;
                    float whole;
                    int32_t q;
                    if (scaled > lowest) {
                        raised = scaled;
                    }
                    if (scaled <= lowest) {
                        raised = lowest;
                    }
                    clamped = raised < highest ? raised : highest;
                    whole = (clamped + 12582912.0f) - 12582912.0f;
                    q = (int32_t)whole + zero;
                    y[i] = ({{y}})q;
                }
            }

            """);
        program.Statement(
            $"{quantize}({CText.Size(step.OutputLength)}, {step.Inputs[0]}, {CText.Hex(1f / type.Scale)}, {CText.Number(type.ZeroPoint)}, {step.Output});");
    }
}
