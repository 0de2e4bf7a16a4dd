using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>What a block does to each sum before it is stored: an activation, or a batch normalisation by its running statistics.</summary>
/// <param name="Parameters">The parameters of the block's function.</param>
/// <param name="Arguments">The C expressions that it is called with.</param>
/// <param name="Factors">The lines that load what an output channel has of its own, given the channel's index and the suffix of the names.</param>
/// <param name="Apply">The lines that change a sum, given its name and the suffix.</param>
internal sealed record CBlockStage(
    string[] Parameters,
    string[] Arguments,
    Func<string, string, string[]> Factors,
    Func<string, string, string[]> Apply)
{
    /// <summary>The functions that the lines use.</summary>
    public CFunctions Functions { get; private init; }

    /// <summary>Whether the stage is a = max(z, 0).</summary>
    public bool IsRelu { get; private init; }

    /// <summary>The stage of an activation; null for the identity.</summary>
    public static CBlockStage? Of(Activation activation, CProgram program)
    {
        LaneText input = LaneText.Input("z"), value = activation.ValueText(input)!.Value;
        if (value.Node == input.Node)
        {
            return null;
        }

        CFormulaText c = CFormula.Print(1, [], new CResult("return", value));
        // Asked for where it is used: the windows of a pooling may do without.
        string Function() => program.Routine("value_" + CText.Identifier(activation.Name), c.Functions, name => $$"""
            /* {{(activation.Equation.Length == 0 ? $"a = {CText.Comment(activation.Name)}(z)" : CText.Equation(activation.Equation))}} */
            static float ebp_{{name}}(float z)
            {
            {{(c.Inputs.Contains("z") ? "" : "    (void)z;\n")}}{{c.Text}}}

            """);
        return new CBlockStage([], [], (_, _) => [], (sum, _) => [$"{sum} = {Function()}({sum});"]) { IsRelu = activation is Activation<Relu> };
    }

    /// <summary>The stage of a batch normalisation.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="number">Counts the normalisations of a block: its names end with it.</param>
    public static CBlockStage Of(CStep step, int number)
    {
        string n = number == 1 ? "" : CText.Number(number), epsilon = CText.Hex(((BatchNorm)step.Step.Op).Epsilon);
        // Statistics in RAM change with training, so the deviation is computed there; a table has its inverse.
        (string scale, string inverse) = step.HasTraining
            ? ("variance", $"1.0f / EBP_SQRTF(variance{n}[{{0}}] + {epsilon})")
            : ("inverse", $"inverse{n}[{{0}}]");
        string[] kept = step.HasTraining ? step.Kept : [step.Tables[2].Name, step.Tables[3].Name];
        return new CBlockStage(
            [$"const float *mean{n}", $"const float *{scale}{n}", $"const float *gamma{n}", $"const float *beta{n}"],
            [.. kept, step.Tables[0].Name, step.Tables[1].Name],
            (channel, t) =>
            [
                $"const float mean{n}_{t} = mean{n}[{channel}];",
                $"const float inverse{n}_{t} = {inverse.Replace("{0}", channel, StringComparison.Ordinal)};",
                $"const float gamma{n}_{t} = gamma{n}[{channel}];",
                $"const float beta{n}_{t} = beta{n}[{channel}];",
            ],
            (sum, t) =>
            [
                $"{sum} = ({sum} - mean{n}_{t}) * inverse{n}_{t};",
                $"{sum} = EBP_M(gamma{n}_{t}, {sum}, beta{n}_{t});",
            ])
        {
            Functions = CFunctions.MultiplyAdd | (step.HasTraining ? CFunctions.SquareRoot : CFunctions.None),
        };
    }
}
