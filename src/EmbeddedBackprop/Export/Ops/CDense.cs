using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// A fully connected layer in C: the sums of Kernels/Scalar/Products/Gemm.cs for one sample, and for one output those of
/// Kernels/Scalar/Products/Dot.cs.
/// </summary>
internal sealed class CDense : COp
{
    private static string GradientText(CGradientSum gradient) => $$"""
        /* BP4 for one sample: dC/dw_kj = x_k delta_j; {{gradient.Remark}} */
        static void ebp_dense{{gradient.Suffix}}(size_t inputs, size_t outputs, const float *x, const float *delta, {{gradient.Parameters}})
        {
            size_t at = 0u;
            size_t k;
            size_t j;
            for (k = 0u; k < inputs; k++) {
                const float xk = x[k];
                for (j = 0u; j < outputs; j++) {
                    const float sum = EBP_M(xk, delta[j], {{gradient.Start("at")}});
                    {{gradient.End("at", "sum")}}
                    at++;
                }
            }
        }

        """;

    private static string InputGradientText(CWeightLoad load, bool continues) => $$"""
        /* BP2 for the layer below: dx_k {{(continues ? "goes on with the" : "=")}} sum of delta_j w_kj, in the order of j.{{load.Remark}} */
        static void ebp_dense_back{{(continues ? "_more" : "")}}{{load.Suffix}}(size_t inputs, size_t outputs, const float *delta, {{load.Parameter("w")}}, float *dx)
        {
            size_t at = 0u;
            size_t k;
            size_t j;
            for (k = 0u; k < inputs; k++) {
                float sum = {{(continues ? "dx[k]" : "0.0f")}};
                for (j = 0u; j < outputs; j++) {
                    sum = EBP_M(delta[j], {{load.Weight("w[at]", "w_scale[j]")}}, sum);
                    at++;
                }
                dx[k] = sum;
            }
        }

        """;

    public override CScaleAxis? WeightAxis(Op op, int index) => index == 0 ? CScaleAxis.Columns(((Dense)op).Outputs) : null;

    public override void Write(CStep step, CProgram program)
    {
        Dense dense = (Dense)step.Step.Op;
        CActivation activation = CActivations.For(step.Step, dense.Activation);
        int l = step.Number;
        program.Comment(
            $"{step.Name}: a^{l}[{step.OutputLength}] = {activation.Name}(z^{l}): {activation.Formula}; {CText.Number(dense.MultiplyAdds)} multiply-adds"
        );
        program.Comment($"z_j = b_j + sum over k of w_jk x_k, x[{step.InputLength}] (Nielsen, chapter 2: z^l = w^l a^(l-1) + b^l)");
        // In training the derivative may read z later: then it has memory of its own.
        string z = step.Saved ?? step.Output;
        CWeightLoad load = step.Tables[0].Load;
        string weight = step.Tables[0].Argument, bias = step.Tables[1].Name;
        if (dense.Outputs == 1)
        {
            string dot = CReduce.Dot(program, load);
            program.Statement($"{z}[0] = {dot}({CText.Size(step.InputLength)}, {step.Inputs[0]}, {weight}) + {bias}[0];");
        }
        else
        {
            string multiply = Ask(program, load, dense.Outputs);
            program.Statement(
                $"{multiply}({CText.Size(step.InputLength)}, {CText.Size(step.OutputLength)}, {step.Inputs[0]}, {weight}, {bias}, {z});");
        }

        activation.Write(program, step.OutputLength, z, step.Output);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        Dense dense = (Dense)step.Step.Op;
        CActivation activation = CActivations.For(step.Step, dense.Activation);
        string inputs = CText.Size(dense.Inputs), outputs = CText.Size(dense.Outputs), delta = step.OutputGradient;
        int l = step.Number;
        program.Comment(
            $"{step.Name}, backwards: BP1/BP2 delta^{l} = dC/da^{l} {activation.Name}'(z^{l}), BP3 dC/db = delta, BP4 dC/dw_jk = x_k delta_j");
        activation.WriteBackward(program, dense.Outputs, step.Forward.Saved ?? step.Forward.Output, step.Forward.Output, delta);
        if (step.InputGradients[0] is { } dx)
        {
            CTable table = step.Forward.Tables[0];
            program.Statement(
                $"{AskBack(program, table.Load, step.ContinueInputGradients[0])}({inputs}, {outputs}, {delta}, {table.Argument}, {dx});");
        }

        if (step.Tensors[0]?.GradientSum is { } weights)
        {
            program.Statement($"{AskGradient(program, weights)}({inputs}, {outputs}, {step.Forward.Inputs[0]}, {delta}, {weights.Arguments});");
        }

        if (step.Tensors[1]?.GradientSum is { } biases)
        {
            program.Statement($"{AskBias(program, biases)}({outputs}, {delta}, {biases.Arguments});");
        }
    }

    /// <summary>Asks for dense_gradient(inputs, outputs, x, delta, ...).</summary>
    public static string AskGradient(CProgram program, CGradientSum gradient) =>
        program.Routine("dense" + gradient.Suffix, CFunctions.MultiplyAdd, GradientText(gradient));

    /// <summary>Asks for dense_back(inputs, outputs, delta, w, dx), or for dense_back_more where dx continues from its stored value.</summary>
    public static string AskBack(CProgram program, CWeightLoad load, bool continues) =>
        program.Routine(
            (continues ? "dense_back_more" : "dense_back") + load.Suffix,
            CFunctions.MultiplyAdd | load.Functions,
            InputGradientText(load, continues));

    /// <summary>Asks for bias_gradient(n, delta, ...): the gradient of a bias that is added to each of n elements.</summary>
    public static string AskBias(CProgram program, CGradientSum gradient) => program.Routine("bias" + gradient.Suffix, CFunctions.MultiplyAdd, $$"""
        /* BP3 for one sample: dC/db_j = delta_j; {{gradient.Remark}} */
        static void ebp_bias{{gradient.Suffix}}(size_t n, const float *delta, {{gradient.Parameters}})
        {
            size_t j;
            for (j = 0u; j < n; j++) {
                const float sum = {{gradient.Start("j")}} + delta[j];
                {{gradient.End("j", "sum")}}
            }
        }

        """);

    /// <summary>Asks for dense(inputs, outputs, x, w, b, z), made for a number of outputs, or shared by all where code has to be small.</summary>
    /// <returns>The name to call the routine by.</returns>
    public static string Ask(CProgram program, CWeightLoad load, int outputs)
    {
        (int together, bool rest) = SumsOf(program, load, outputs);
        string name = Name(program, load, outputs);
        return program.Routine(name, CFunctions.MultiplyAdd | load.Functions | load.NeighbourFunctions, DenseText(load, name, together, rest));
    }

    /// <summary>The name of the routine, without the prefix.</summary>
    public static string Name(CProgram program, CWeightLoad load, int outputs)
    {
        (int together, bool rest) = SumsOf(program, load, outputs);
        return $"dense_{CText.Number(together)}{(rest ? "_rest" : "")}{load.Suffix}";
    }

    /// <summary>
    /// The sums that the routine for so many outputs computes at once: 12 at most, of bytes 10, so that sums and factors fit into 32 registers. A sum
    /// is a load and a multiply-add, a turn of the loop takes about 4 instructions more, and what is left over is computed one by one.
    /// </summary>
    public static int Together(CWeightLoad load, int outputs)
    {
        int best = Math.Min(outputs, load.HasFactor ? 10 : 12);
        for (int count = best; count > 1; count--)
        {
            best = Turns(count) < Turns(best) ? count : best;
        }

        return best;

        double Turns(int count) => (outputs / count * ((2 * count) + 4)) + (outputs % count > 0 ? 3 + (5.5 * (outputs % count)) : 0);
    }

    /// <summary>
    /// The matrix product; several sums at once in named locals: each x is read once for all, and an array of sums would stay in memory.
    /// </summary>
    private static string DenseText(CWeightLoad load, string name, int together, bool rest)
    {
        (string Before, string Weight)[] weights = [.. load.Neighbours(together, i => $"w[{Index("at", i)}]", i => $"f{i}")];
        string whole = rest ? "whole" : "outputs";
        return
            $"/* z[j] = b[j] + sum of x[k] * w[k][j], one sum after the other in the order of k; {together} j at a time"
            + $"{(rest ? "" : $", outputs is a multiple of {together}")}; w has a row per input.{load.Remark} */\n"
            + $"static void ebp_{name}(size_t inputs, size_t outputs, const float *x, {load.Parameter("w")}, const float *b, float *z)\n"
            + $"{{\n{(rest ? $"    const size_t whole = outputs - (outputs % {together}u);\n" : "")}    size_t j;\n    size_t k;\n"
            + $"    for (j = 0u; j < {whole}; j += {together}u) {{\n"
            + string.Concat(Enumerable.Range(0, together).Select(i => load.Factor("        ", $"f{i}", "w", Index("j", i))))
            + Lines(i => $"        float s{i} = b[{Index("j", i)}];")
            + "        size_t at = j;\n"
            + "        for (k = 0u; k < inputs; k++) {\n            const float xk = x[k];\n"
            + Lines(
                i => weights[i].Before.Length > 0 ? "            " + weights[i].Before : "",
                i => $"            s{i} = EBP_M(xk, {weights[i].Weight}, s{i});")
            + "            at += outputs;\n        }\n"
            + Lines(i => $"        z[{Index("j", i)}] = s{i};")
            + "    }\n"
            + (rest
                ? $"    for (; j < outputs; j++) {{\n{load.Factor("        ", "f", "w", "j")}        float s = b[j];\n        size_t at = j;\n"
                    + "        for (k = 0u; k < inputs; k++) {\n"
                    + $"            s = EBP_M(x[k], {load.Weight("w[at]", "f")}, s);\n            at += outputs;\n        }}\n"
                    + "        z[j] = s;\n    }\n"
                : "")
            + "}\n";

        // The lines of every sum, one sum after the other.
        string Lines(params Func<int, string>[] lines) => string.Concat(
            Enumerable.Range(0, together).SelectMany(i => lines.Select(line => line(i))).Where(line => line.Length > 0).Select(line => line + "\n"));
    }

    /// <summary>The sums at once, and whether the routine computes outputs that are left over.</summary>
    private static (int Together, bool HasRest) SumsOf(CProgram program, CWeightLoad load, int outputs)
    {
        const int Shared = 5;
        int together = program.IsSmall ? Shared : Together(load, outputs);
        return (together, program.IsSmall || outputs % together > 0);
    }

    private static string Index(string variable, int offset) => offset == 0 ? variable : $"{variable} + {offset}u";
}
