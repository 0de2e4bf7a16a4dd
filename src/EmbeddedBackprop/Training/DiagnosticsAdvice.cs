using System.Globalization;

namespace EmbeddedBackprop.Training;

/// <summary>The meaning of a diagnosis's numbers, in the light of BP1 to BP4.</summary>
internal static class DiagnosticsAdvice
{
    private const double DeadRecall = 0.02;
    private const int FewestSamples = 5;
    private const int NamedUnits = 12;

    private const string Unstick =
        " Another seed often gets past it; a loss whose delta has no f'(z) always does (--loss cross-entropy, or binary-cross-entropy with sigmoids), and smaller "
        + "first weights (--init scaled-normal or glorot) keep outputs out of the flat ends";

    /// <summary>The gravest first: in the order of <see cref="FindingKind"/>.</summary>
    public static IReadOnlyList<Finding> Find(DiagnosticsReport report)
    {
        List<Finding> findings = [];
        NotFinite(report, findings);
        DeadClasses(report, findings);
        foreach (LayerDiagnosis layer in report.Layers)
        {
            Slopes(layer, findings);
            Updates(layer, findings);
            LowInputs(layer, findings);
        }

        Gradients(report, findings);
        if (report.Plateau == true)
        {
            findings.Add(
                new Finding(
                    FindingKind.Plateau,
                    "loss",
                    [],
                    "the loss has not fallen by even 1 % in the last five epochs: a smaller rate may find its way further down (--schedule plateau or step); if it stands high, "
                        + "look at the layers above it in this list, or give the net more units; if only validation stands still, it is overfitting (--weight-decay, dropout, more data)"
                ));
        }

        findings.Sort((x, y) => x.Kind.CompareTo(y.Kind));
        return findings;
    }

    private static void NotFinite(DiagnosticsReport report, List<Finding> findings)
    {
        string[] bad = [.. report.Layers.Where(l => !double.IsFinite(l.WeightNorm)).Select(l => l.Name)];
        bad = bad.Length > 0 ? bad : [.. report.Layers.Where(l => !double.IsFinite(l.GradientNorm)).Select(l => l.Name)];
        if (!double.IsFinite(report.Loss) || bad.Length > 0)
        {
            findings.Add(
                new Finding(
                    FindingKind.NotFinite,
                    bad.Length > 0 ? string.Join(", ", bad) : "loss",
                    [],
                    "numbers have left the range of floats, and what is infinite or no number is never learned away: begin anew with a smaller rate, with --clip-norm, or with "
                        + "smaller first weights; look for such numbers in the inputs, too"));
        }
    }

    private static void DeadClasses(DiagnosticsReport report, List<Finding> findings)
    {
        bool cancels = report.Layers.Any(layer => layer.SlopeCancels);
        foreach (ClassDiagnosis c in report.Classes)
        {
            if (c.Count < FewestSamples || c.Recall > DeadRecall)
            {
                continue;
            }

            string unit = c.MeanOutput is { } output && c.MeanSlope is { } slope
                ? Text($" Its output gives {output:G2} on its own samples, where f'(z) is {slope:G2} on average")
                    + (slope < 0.05 && !cancels
                        ? ": by BP1 its error is dC/da times that f'(z), so however wrong it is, next to nothing comes back to it."
                        : ".")
                : "";
            string of = c.Output.Length > 0 ? Text($"class {c.Label} of {c.Output}") : Text($"class {c.Label}");
            findings.Add(
                new Finding(
                    FindingKind.DeadClass,
                    of,
                    [c.Label],
                    Text(
                        $"{of} is never learned: {c.Right} of its {c.Count} samples are recognised, {c.Predicted} samples of any class are taken for it."
                    )
                        + unit
                        + (
                            cancels
                                ? " Its delta is a - y and does not fade (BP1): more epochs, or, if the class is rare, --class-weights balanced"
                                : Unstick)));
        }
    }

    private static void Slopes(LayerDiagnosis layer, List<Finding> findings)
    {
        if (layer.FlatShare is not { } share || layer.SlopeCancels)
        {
            return;
        }

        if (layer.DeadUnits.Count > 0)
        {
            findings.Add(
                new Finding(
                    FindingKind.DeadUnits,
                    layer.Name,
                    layer.DeadUnits,
                    Text(
                        $"{layer.DeadUnits.Count} of {layer.Units} units of {layer.Name} ({Named(layer.DeadUnits)}) stand where {layer.Activation} is flat, on every sample."
                    )
                        + " delta carries f'(z) as a factor (BP1, BP2), the bias moves by delta (BP3) and each weight by delta times its input (BP4): nothing can move them."
                        + (
                            layer.HalfFlat
                                ? " For this activation that is z below 0 everywhere: a smaller rate, --init he, or leaky-relu, elu or gelu, which keep a slope there"
                                : " Smaller first weights (--init scaled-normal or glorot), inputs of mean 0 and variance 1, a smaller rate")));
        }

        if (share > 0.5 && !layer.HalfFlat && !layer.IsOutput)
        {
            findings.Add(
                new Finding(
                    FindingKind.Saturated,
                    layer.Name,
                    [],
                    Text($"{share:P0} of {layer.Name}'s outputs are saturated: f'(z) is {layer.MeanSlope:G2} on average.")
                        + " A unit's error is what comes from above times f'(z) (BP1, BP2), so a saturated unit learns slowly, right or wrong, and passes little on to the layers below."
                        + " At the output, cross-entropy takes that factor away; elsewhere smaller first weights (--init scaled-normal or glorot), --max-norm or --l2, inputs of mean 0 "
                        + "and variance 1, or relu"));
        }
    }

    private static void Updates(LayerDiagnosis layer, List<Finding> findings)
    {
        if (layer.UpdateRatio is > 0.1)
        {
            findings.Add(
                new Finding(
                    FindingKind.LargeUpdate,
                    layer.Name,
                    [],
                    Text(
                        $"one update changes {layer.Name} by {layer.UpdateRatio:P0} of its length: steps of that size jump over what they look for. About a thousandth is usual; a smaller --lr, or --clip-norm"
                    )));
        }
        else if (layer.UpdateRatio is < 1e-6 and >= 0)
        {
            findings.Add(
                new Finding(
                    FindingKind.SmallUpdate,
                    layer.Name,
                    [],
                    Text(
                        $"one update changes {layer.Name} by {layer.UpdateRatio:G1} of its length: it stands still. Unless training is done, a larger --lr, or what makes its delta small (see flat slopes above it)"
                    )));
        }
    }

    private static void LowInputs(LayerDiagnosis layer, List<Finding> findings)
    {
        if (layer.LowInputShare > 0.95 && layer.GradientNorm > 0)
        {
            findings.Add(
                new Finding(
                    FindingKind.LowInputs,
                    layer.Name,
                    [],
                    Text($"{layer.LowInputShare:P0} of what {layer.Name} reads is near 0.")
                        + " A weight's gradient is delta times its input (BP4), so weights on low inputs learn slowly. Scale or standardise the inputs; of a hidden layer, look at the one below"
                ));
        }
    }

    private static void Gradients(DiagnosticsReport report, List<Finding> findings)
    {
        LayerDiagnosis[] trained = [.. report.Layers.Where(l => l.WeightNorm > 0 && double.IsFinite(l.GradientNorm))];
        if (trained.Length < 2)
        {
            return;
        }

        LayerDiagnosis first = trained[0], last = trained[^1];
        if (last.GradientNorm > 0 && first.GradientNorm < 1e-3 * last.GradientNorm)
        {
            findings.Add(
                new Finding(
                    FindingKind.VanishingGradient,
                    first.Name,
                    [],
                    Text($"the gradient of {first.Name} is {first.GradientNorm:G2}, that of {last.Name} {last.GradientNorm:G2}.")
                        + " On its way down the error is multiplied by a layer's weights and f'(z) at each step (BP2); where those products are small it dies out, and the lower layers "
                        + "learn last. relu, --init he or orthogonal, a skip connection, batch or layer normalisation, fewer layers"));
        }

        foreach (LayerDiagnosis layer in trained.Where(l => l.GradientNorm > 10 * Math.Max(l.WeightNorm, 1)))
        {
            findings.Add(
                new Finding(
                    FindingKind.ExplodingGradient,
                    layer.Name,
                    [],
                    Text(
                        $"the gradient of {layer.Name} is {layer.GradientNorm:G2}, ten times the length of its weights ({layer.WeightNorm:G2}) or more."
                    )
                        + " The products of weights and f'(z) that BP2 multiplies the error by grow from layer to layer: --clip-norm 1, smaller first weights (--init orthogonal), a smaller --lr"
                ));
        }
    }

    private static string Named(IReadOnlyList<int> units)
    {
        string named = string.Join(", ", units.Take(NamedUnits).Select(unit => unit.ToString(CultureInfo.InvariantCulture)));
        return units.Count > NamedUnits ? named + ", ..." : named;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
