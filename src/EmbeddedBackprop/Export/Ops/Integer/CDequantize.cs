using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Integers to floats in C: Ops/Integer/Dequantize.cs.</summary>
internal sealed class CDequantize : COp
{
    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source) => [];

    public override void Write(CStep step, CProgram program)
    {
        IntegerType type = step.Source!.InputType(0);
        string x = step.InputType(0).Type, name = "dequantize" + step.InputType(0).Suffix;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {CText.Decimal(type.Scale)} (x - {type.ZeroPoint})");
        string dequantize = program.Routine(name, CFunctions.None, $$"""
            /* y = scale * (x - zero) */
            static void ebp_{{name}}(size_t n, const {{x}} *x, float scale, int32_t zero, float *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    const int32_t centred = (int32_t)x[i] - zero;
                    y[i] = scale * (float)centred;
                }
            }

            """);
        program.Statement(
            $"{dequantize}({CText.Size(step.OutputLength)}, {step.Inputs[0]}, {CText.Hex(type.Scale)}, {CText.Number(type.ZeroPoint)}, {step.Output});");
    }
}
