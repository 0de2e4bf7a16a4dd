namespace EmbeddedBackprop.Onnx;

/// <summary>
/// A layer normalisation as exporters write it before opset 17: m = mean(x), d = x - m, v = mean(d^2), d / sqrt(v + epsilon), then times gamma and
/// plus
/// beta where it has them.
/// </summary>
internal static class OnnxNormPattern
{
    /// <summary>Imports the whole pattern, if this mean is its first node; false if it is another mean.</summary>
    public static bool TryApply(OnnxCall call)
    {
        OnnxScope scope = call.Scope;
        OnnxNode mean = call.Node;
        if (mean.OpType != "ReduceMean" || mean.Inputs is not [string x] || Axes(mean) is not { } axes
            || !scope.TrySingleReader(mean.Outputs[0], out OnnxNode? difference) || difference.OpType != "Sub" || difference.Inputs[0] != x)
        {
            return false;
        }

        string d = difference.Outputs[0];
        IReadOnlyList<OnnxNode> readers = scope.Readers(d);
        OnnxNode? power = readers.FirstOrDefault(node => node.OpType is "Pow" or "Mul"),
            quotient = readers.FirstOrDefault(node => node.OpType == "Div");
        if (
            scope.IsResult(d)
            || power is null
            || quotient is null
            || readers.Any(node => node != power && node != quotient)
            || !IsSquare(scope, power, d)
            || !scope.TrySingleReader(power.Outputs[0], out OnnxNode? variance)
            || variance.OpType != "ReduceMean"
            || Axes(variance) is not { } same
            || !same.SequenceEqual(axes)
            || !scope.TrySingleReader(variance.Outputs[0], out OnnxNode? sum)
            || sum.OpType != "Add"
            || sum.Inputs.Length != 2
            || Other(scope, sum, variance.Outputs[0])?.SingleValue is not { } epsilon
            || !scope.TrySingleReader(sum.Outputs[0], out OnnxNode? root) || root.OpType != "Sqrt"
            || !scope.TrySingleReader(root.Outputs[0], out OnnxNode? divided) || divided != quotient || quotient.Inputs[0] != d)
        {
            return false;
        }

        OnnxData value = call.Data(0);
        int rank = value.Rank, axis = call.SampleAxis(value, axes.Min(a => a < 0 ? a + rank : a), "a normalisation");
        int length = 1;
        foreach (int size in value.Sizes[axis..])
        {
            length = checked(length * size);
        }

        if (axes.Length != value.Sizes.Length - axis)
        {
            throw call.Refused($"a normalisation over the axes [{string.Join(", ", axes)}]: the last axes are normalised here");
        }

        List<OnnxNode> nodes = [mean, difference, power, variance, sum, root, quotient];
        float[]? gamma = Factor("Mul", out string scale), beta = Factor("Add", out string shift);
        string output = nodes[^1].Outputs[0];
        if (gamma is null)
        {
            gamma = new float[length];
            Array.Fill(gamma, 1f);
        }

        foreach (OnnxNode node in nodes)
        {
            scope.MarkDone(node);
        }

        call.Ignore("axes");
        call.Ignore("keepdims");
        beta ??= new float[length];
        scope.Set(output, OnnxLayers.Normalised(call, value, axis, epsilon, gamma, beta, OnnxNames.OfLayer(scale), $"{scale}\n{shift}"));
        return true;

        // gamma or beta with its name, if the node that follows has one.
        float[]? Factor(string type, out string stored)
        {
            stored = "";
            string last = nodes[^1].Outputs[0];
            if (!scope.TrySingleReader(last, out OnnxNode? next) || next.OpType != type || next.Inputs.Length != 2
                || Other(scope, next, last) is not { IsInteger: false, IsUniform: false } factor || factor.Stored != length
                || !factor.Dims.AsSpan().SequenceEqual([.. value.Sizes[axis..].Select(size => (long)size)]))
            {
                return null;
            }

            nodes.Add(next);
            stored = next.Inputs[0] == last ? next.Inputs[1] : next.Inputs[0];
            return factor.Floats.ToArray();
        }
    }

    /// <summary>The axes of a mean that keeps its sizes; null for another.</summary>
    private static long[]? Axes(OnnxNode mean)
    {
        long[]? axes = null;
        foreach (OnnxAttribute attribute in mean.Attributes)
        {
            if (attribute is { Name: "keepdims", Int: not 1 })
            {
                return null;
            }

            axes = attribute is { Name: "axes", Type: OnnxAttributeType.Ints, Ints.Length: > 0 } ? attribute.Ints : axes;
        }

        return axes;
    }

    private static bool IsSquare(OnnxScope scope, OnnxNode node, string d) =>
        node.Inputs is [string first, string second]
        && first == d
        && (
            node.OpType == "Mul"
                ? second == d
                : scope.TryConstant(second) is { } power && (power.SingleValue == 2f || (power.IsInteger && power.Integers is [2])));

    private static OnnxConstant? Other(OnnxScope scope, OnnxNode node, string name) =>
        scope.TryConstant(node.Inputs[0] == name ? node.Inputs[1] : node.Inputs[0]);
}
