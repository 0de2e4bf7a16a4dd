using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>Ops on elements: sums, differences, products, factors, softmax.</summary>
internal static class OnnxElements
{
    public static void Sum(OnnxCall call)
    {
        if (call.Node.Inputs.Length == 2 && TryConstant(call, out OnnxData? x, out float constant, out _))
        {
            call.Set(constant == 0f ? x! : throw Shift(call, constant));
            return;
        }

        OnnxData[] terms = [.. Enumerable.Range(0, call.Node.Inputs.Length).Select(call.Data)];
        if (terms.Length == 1)
        {
            call.Set(terms[0]);
            return;
        }

        string output = call.Node.Outputs[0];
        Node[] nodes = Alike(call, terms);
        Activation f = call.Scope.Activation(ref output);
        call.Scope.Set(output, terms[0] with { Node = call.Scope.Graph.Apply(new Add(f), nodes), Sequence = null });
    }

    public static void Difference(OnnxCall call)
    {
        if (TryConstant(call, out OnnxData? x, out float constant, out bool first))
        {
            call.Set(constant != 0f ? throw Shift(call, constant) : first ? Scaled(call, x!, -1f) : x!);
            return;
        }

        Pair(call, new Subtract());
    }

    public static void Product(OnnxCall call)
    {
        if (TryConstant(call, out OnnxData? x, out float constant, out _))
        {
            call.Set(Scaled(call, x!, constant));
            return;
        }

        Pair(call, new Multiply());
    }

    public static void Quotient(OnnxCall call)
    {
        if (!TryConstant(call, out OnnxData? x, out float constant, out bool first) || first || constant == 0f)
        {
            throw call.Refused("a value is divided by a stored number here, and by nothing else");
        }

        call.Set(Scaled(call, x!, 1f / constant));
    }

    public static void Negation(OnnxCall call) => call.Set(Scaled(call, call.Data(0), -1f));

    public static void Softmax(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int axis = call.SampleAxis(x, call.Int("axis", -1), "a softmax"), columns = x.Sizes[axis];
        if (columns != x.Sizes[^1] || axis != x.Sizes.Length - 1 || x.BatchAxis == x.Sizes.Length)
        {
            throw call.Refused($"axis {axis + 1} of [{string.Join(", ", x.Sizes)}]: the softmax is that of the last axis here");
        }

        int rows = x.Length / columns;
        if (rows > 1)
        {
            call.Set(x with { Node = call.Scope.Graph.Apply(new SoftmaxOverLastAxis(), call.Scope.Shaped(x, rows, columns)), Sequence = null });
            return;
        }

        call.Set(x with { Node = call.Scope.Graph.Apply(new Activate(new Softmax()), call.Scope.Shaped(x, columns)), Sequence = null });
    }

    private static OnnxData Scaled(OnnxCall call, OnnxData x, float factor) =>
        factor == 1f ? x : x with { Node = call.Scope.Graph.Apply(new Scale(factor), OnnxScope.NodeOf(x)), Sequence = null };

    private static DataFormatException Shift(OnnxCall call, float constant) =>
        call.Refused(
            float.IsNaN(constant)
                ? "a stored tensor is added that is no bias of a product or convolution before it"
                : string.Create(CultureInfo.InvariantCulture,
                    $"the number {constant} is added: only a bias of a product or convolution before it can be")
        );

    /// <summary>
    /// Whether one of two inputs is a constant of one value; NaN stands for different ones where it is added, and is refused elsewhere.
    /// </summary>
    private static bool TryConstant(OnnxCall call, out OnnxData? x, out float constant, out bool first)
    {
        (x, constant, first) = (null, 0f, false);
        object left = call.Input(0), right = call.Input(1);
        first = left is OnnxConstant;
        if ((first ? left : right) is not OnnxConstant given)
        {
            return false;
        }

        x = call.Data(first ? 1 : 0);
        float? value = given.IsInteger && given.Stored == 1 ? given.Integers[0] : given.SingleValue;
        if (given.Dims.Length > x.Rank || (given.Count is { } count && count != 1 && count > x.Length))
        {
            throw call.Refused("a stored tensor of more elements than the value");
        }

        constant = value ?? (call.Node.OpType is "Mul" or "Div"
            ? throw call.Refused("a stored tensor of different factors: one factor for all elements is multiplied here")
            : float.NaN);
        return true;
    }

    private static void Pair(OnnxCall call, Op op)
    {
        OnnxData x = call.Data(0), y = call.Data(1);
        call.Set(x with { Node = call.Scope.Graph.Apply(op, Alike(call, [x, y])), Sequence = null });
    }

    /// <summary>The nodes of values of equal sizes, in one shape.</summary>
    private static Node[] Alike(OnnxCall call, OnnxData[] values)
    {
        OnnxData first = values[0];
        foreach (OnnxData value in values)
        {
            if (!value.Sizes.AsSpan().SequenceEqual(first.Sizes) || value.BatchAxis != first.BatchAxis)
            {
                throw call.Refused(
                    $"values of [{string.Join(", ", first.Sizes)}] and [{string.Join(", ", value.Sizes)}] elements a sample: "
                    + "sizes must be equal, nothing is repeated");
            }
        }

        Shape shape = OnnxScope.NodeOf(first).Shape;
        return Array.ConvertAll(values, value => call.Scope.Shaped(OnnxScope.NodeOf(value), shape));
    }
}
