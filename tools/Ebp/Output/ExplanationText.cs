using System.Globalization;
using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>An explanation as a person reads it: small layers whole, of large ones the entries that matter most.</summary>
internal static class ExplanationText
{
    /// <summary>Layers of up to as many units are shown whole.</summary>
    private const int WholeUnits = 16;

    /// <summary>Weights of up to so many elements are shown whole.</summary>
    private const int WholeWeights = 32;

    public static string Format(Explanation explanation, string title, int top)
    {
        StringBuilder text = new();
        bool one = explanation.Samples.Count == 1;
        Line(text, $"{title}: C = {explanation.Loss:G6}");
        Line(
            text,
            $"Where a gradient is above 0, lowering the number lowers C; below 0, raising it does.{(one ? "" : " Values are means, gradients those of the mean C.")}"
        );
        for (int i = explanation.Layers.Count - 1; i >= 0; i--)
        {
            Layer(text, explanation, i, top, one);
        }

        return text.ToString();
    }

    private static void Layer(StringBuilder text, Explanation explanation, int index, int top, bool one)
    {
        LayerExplanation layer = explanation.Layers[index];
        bool last = index == explanation.Layers.Count - 1;
        Line(
            text,
            $"\n{layer.Name} ({layer.Kind}{(layer.Activation.Length > 0 ? " " + layer.Activation : "")}), reads {layer.InputName}: {layer.Inputs.Count} numbers"
        );
        if (layer.Deltas.Count == 0)
        {
            Line(text, $"  C does not depend on it");
            return;
        }

        string origin = layer.SlopeCancels
            ? "BP1: delta = a - y, over the samples: the loss is written on z, and f'(z) cancels"
            : layer.Activation.Length == 0
                ? (last ? "BP1: delta = dC/da" : "BP2: delta = dC/da, from the layer above: W^T delta")
                : last ? "BP1: delta = dC/da * f'(z)" : "BP2: dC/da = W^T delta of the layer above; delta = dC/da * f'(z)";
        Line(text, $"  {origin}");
        Units(text, explanation, layer, last, top, one);
        Gates(text, layer, top);
        foreach (ParameterExplanation parameter in layer.Parameters)
        {
            Parameter(text, layer, parameter, top);
        }

        if (index > 0 && explanation.Layers[index - 1] is { OutputGradients.Count: > 0 } below)
        {
            int[] order = Largest(below.OutputGradients, top);
            Line(
                text,
                $"  asks of {below.Name} (BP2: dC/dx = W^T delta): {string.Join(", ", order.Select(u => Ask($"a[{u}]", below.OutputGradients[u])))}");
        }
    }

    private static void Units(StringBuilder text, Explanation explanation, LayerExplanation layer, bool last, int top, bool one)
    {
        int units = layer.Outputs.Count;
        bool whole = units <= WholeUnits;
        int[] order = whole ? [.. Enumerable.Range(0, units)] : Largest(layer.Deltas, top);
        bool target = last && explanation.Target.Count == units;
        text.Append("  unit          z          a      f'(z)      dC/da      delta")
            .Append(target ? "          y" : "")
            .Append(one ? "" : "   raise")
            .Append('\n');
        foreach (int unit in order)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"  {unit, 4}{Cell(layer.WeightedInputs, unit)}{Cell(layer.Outputs, unit)}{Cell(layer.Slopes, unit)}");
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Cell(layer.OutputGradients, unit)}{Cell(layer.Deltas, unit)}{(target ? Cell(explanation.Target, unit) : "")}");
            text.Append(one ? "" : string.Create(CultureInfo.InvariantCulture, $"{layer.RaisingSamples[unit], 5}/{explanation.Samples.Count}"))
                .Append('\n');
        }

        if (!whole)
        {
            Line(text, $"  ... the {order.Length} largest deltas of {units} units");
        }
    }

    /// <summary>The gates at the last step and over time: of a small layer all, of a large one those of the first units.</summary>
    private static void Gates(StringBuilder text, LayerExplanation layer, int top)
    {
        if (layer.Gates.Count == 0)
        {
            return;
        }

        int hidden = layer.Gates[0].Last.Count;
        bool whole = hidden <= WholeUnits;
        int[] order = [.. Enumerable.Range(0, whole ? hidden : Math.Min(top, hidden))];
        Line(text, $"  gates at the last step (and their mean over the steps){(whole ? "" : $", of the first {order.Length} of {hidden} units")}:");
        foreach (GateExplanation gate in layer.Gates)
        {
            string values = string.Join(
                "  ",
                order.Select(unit => string.Create(CultureInfo.InvariantCulture, $"{gate.Last[unit]:F3} ({gate.Mean[unit]:F3})")));
            Line(text, $"    {gate.Name, -9} {values}");
        }
    }

    private static void Parameter(StringBuilder text, LayerExplanation layer, ParameterExplanation parameter, int top)
    {
        bool weights = parameter.Kind == ParameterKind.Weight && parameter.Shape.Count == 2 && parameter.Shape[1] == layer.Inputs.Count;
        bool whole = parameter.Values.Count <= (weights ? WholeWeights : WholeUnits);
        int[] order = whole ? [.. Enumerable.Range(0, parameter.Values.Count)] : Largest(parameter.Gradients, top);
        bool shared = layer.Kind != "dense";
        string rule = parameter.Kind switch
        {
            ParameterKind.Weight => shared ? "BP4: dC/dw = sum of x * delta over all places where it is used" : "BP4: dC/dw = x * delta",
            ParameterKind.Bias => shared ? "BP3: dC/db = sum of delta over all places where it is used" : "BP3: dC/db = delta",
            _ => "gradient",
        };
        double norm = Math.Sqrt(parameter.Gradients.Sum(g => (double)g * g));
        Line(text, $"  {parameter.Name} ({rule}; length {norm:G3}){(whole ? "" : $", the {order.Length} largest of {parameter.Values.Count}")}:");
        foreach (int at in order)
        {
            int output = weights ? at / parameter.Shape[1] : at, input = weights ? at % parameter.Shape[1] : 0;
            string place = weights ? $"[{output},{input}]" : $"[{at}]";
            string factors = weights
                ? string.Create(CultureInfo.InvariantCulture, $", x[{input}] = {layer.Inputs[input]:G4}, delta[{output}] = {layer.Deltas[output]:G4}")
                : "";
            Line(text, $"    {Ask(place, parameter.Gradients[at])}, now {parameter.Values[at]:G4}{factors}");
        }
    }

    private static string Ask(string place, float gradient) => string.Create(
        CultureInfo.InvariantCulture, $"{(gradient > 0 ? "lower" : gradient < 0 ? "raise" : "leave")} {place} ({gradient:+0.###E+0;-0.###E+0;0})");

    private static string Cell(IReadOnlyList<float>? values, int unit) =>
        values is null || values.Count == 0 ? $"{"-",11}" : string.Create(CultureInfo.InvariantCulture, $"{values[unit],11:G4}");

    /// <summary>The indices of the elements largest by size, the largest first; of equals the first.</summary>
    private static int[] Largest(IReadOnlyList<float> values, int top) =>
        [.. Enumerable.Range(0, values.Count).OrderByDescending(i => Math.Abs(values[i])).ThenBy(i => i).Take(top)];

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
