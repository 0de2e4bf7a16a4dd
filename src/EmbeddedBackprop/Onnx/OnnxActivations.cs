using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Activations: ops of their own, or the few nodes that exporters write for one. x is the value that the activation reads.
/// </summary>
/// <param name="scope">The values.</param>
internal sealed class OnnxActivations(OnnxScope scope)
{
    /// <summary>Ops that are an activation of ours, whatever their settings: by their names with us.</summary>
    public static readonly Dictionary<string, string> Plain = new(StringComparer.Ordinal)
    {
        ["Relu"] = "relu", ["Tanh"] = "tanh", ["Softsign"] = "softsign", ["HardSwish"] = "hard-swish",
    };

    /// <summary>An activation that was found.</summary>
    /// <param name="Name">Its name with us.</param>
    /// <param name="Nodes">The nodes that compute it.</param>
    internal sealed record Found(string Name, OnnxNode[] Nodes)
    {
        /// <summary>The value that it makes.</summary>
        public string Output => Nodes[^1].Outputs[0];
    }

    /// <summary>
    /// The activation of a layer: it is computed from the layer's output, which nothing else reads. Its nodes count as imported.
    /// </summary>
    /// <param name="output">The layer's output; becomes that of the activation.</param>
    /// <param name="isVector">Whether a softmax over the last axis is one over the whole layer.</param>
    public Activation After(ref string output, bool isVector)
    {
        IReadOnlyList<OnnxNode> readers = scope.Readers(output);
        if (isVector && scope.TrySingleReader(output, out OnnxNode? softmax) && softmax is { OpType: "Softmax", Outputs.Length: > 0 }
            && softmax.Attributes.All(attribute => attribute is { Name: "axis", Type: OnnxAttributeType.Int, Int: -1 or 1 }))
        {
            output = Take(new Found("softmax", [softmax]));
            return new Softmax();
        }

        if (readers.Count > 0 && !scope.IsResult(output) && Match(output, readers[0]) is { } found && readers.All(found.Nodes.Contains))
        {
            output = Take(found);
            return Registry.Activation(found.Name);
        }

        return new Activation<Identity>();
    }

    /// <summary>An activation by itself, whose first node is the call's; false if it is none.</summary>
    public bool TryApply(OnnxCall call)
    {
        string input = call.Node.Inputs.Length > 0 ? call.Node.Inputs[0] : "";
        Found? found = Match(input, call.Node);
        if (found is null && call.Node.Inputs.Length > 1)
        {
            input = call.Node.Inputs[1];
            found = Match(input, call.Node);
        }

        if (found is null || scope.Value(call, input) is not OnnxData { Padding: null } data)
        {
            return false;
        }

        scope.Set(
            Take(found),
            data with
            {
                Node = scope.Graph.Apply(new Activate(Registry.Activation(found.Name)), OnnxScope.NodeOf(data)),
                Sequence = null,
            });
        return true;
    }

    private string Take(Found found)
    {
        foreach (OnnxNode node in found.Nodes)
        {
            scope.MarkDone(node);
        }

        return found.Output;
    }

    /// <summary>The activation of x whose first node is this one; null if it is none.</summary>
    private Found? Match(string x, OnnxNode first)
    {
        if (first.Inputs.Length == 0 || first.Outputs.Length == 0 || first.Domain is not ("" or "ai.onnx"))
        {
            return null;
        }

        if (Plain.TryGetValue(first.OpType, out string? plain))
        {
            return new Found(plain, [first]);
        }

        return first.OpType switch
        {
            "Selu" => Has(first, "alpha", 1.67326319f) && Has(first, "gamma", 1.05070102f) ? new Found("selu", [first]) : null,
            "Elu" or "Celu" => Has(first, "alpha", 1f) ? new Found("elu", [first]) : null,
            "LeakyRelu" => Has(first, "alpha", 0.01f) ? new Found("leaky-relu", [first]) : null,
            "Clip" => Clip(x, first),
            "HardSigmoid" => HardSigmoid(x, first),
            "Sigmoid" => Times(x, first) is { } product ? new Found("silu", [first, product]) : new Found("sigmoid", [first]),
            "Softplus" => Softplus(x, first),
            "Abs" => Softsign(x, first),
            "Div" or "Mul" => Gelu(x, first),
            _ => null,
        };
    }

    /// <summary>x times the output of a node, which nothing else reads.</summary>
    private OnnxNode? Times(string x, OnnxNode node) => Next(node, "Mul") is { } product && OtherOf(product, node.Outputs[0]) == x ? product : null;

    private Found? Clip(string x, OnnxNode node)
    {
        if (node.Inputs[0] != x)
        {
            return null;
        }

        float? low = Bound(1, float.NegativeInfinity), high = Bound(2, float.PositiveInfinity);
        return low != 0f ? null
            : high == 6f ? new Found("relu6", [node])
            : high is float.PositiveInfinity or float.MaxValue ? new Found("relu", [node])
            : null;

        float? Bound(int input, float none) =>
            node.Inputs.Length <= input || node.Inputs[input].Length == 0 ? none : scope.TryConstant(node.Inputs[input])?.SingleValue;
    }

    private Found? HardSigmoid(string x, OnnxNode node)
    {
        // The op's own default is 0.2, ours and that of PyTorch 1/6.
        if (!Has(node, "alpha", 1f / 6f, usual: 0.2f) || !Has(node, "beta", 0.5f, usual: 0.5f))
        {
            return null;
        }

        return Times(x, node) is { } product ? new Found("hard-swish", [node, product]) : new Found("hard-sigmoid", [node]);
    }

    /// <summary>Softplus, or Mish = x tanh(softplus(x)).</summary>
    private Found Softplus(string x, OnnxNode node) =>
        Next(node, "Tanh") is { } tanh && Times(x, tanh) is { } product
            ? new Found("mish", [node, tanh, product])
            : new Found("softplus", [node]);

    /// <summary>x / (1 + |x|).</summary>
    private Found? Softsign(string x, OnnxNode node) =>
        Next(node, "Add") is { } sum && IsValue(OtherOf(sum, node.Outputs[0]), 1f)
        && Next(sum, "Div") is { } quotient && quotient.Inputs is [string top, string bottom] && top == x && bottom == sum.Outputs[0]
            ? new Found("softsign", [node, sum, quotient])
            : null;

    /// <summary>x (1 + erf(x / sqrt 2)) / 2, the factors in the order of PyTorch, or 1 + erf halved first.</summary>
    private Found? Gelu(string x, OnnxNode node)
    {
        if (node.Inputs.Length != 2 || OtherOf(node, x) is not { } factor
            || !(node.OpType == "Div" ? node.Inputs[0] == x && IsValue(factor, 1.41421356f) : IsValue(factor, 0.707106781f))
            || Next(node, "Erf") is not { } erf
            || Next(erf, "Add") is not { } sum || !IsValue(OtherOf(sum, erf.Outputs[0]), 1f)
            || Next(sum, "Mul") is not { } inner || Next(inner, "Mul") is not { } outer)
        {
            return null;
        }

        string? first = OtherOf(inner, sum.Outputs[0]), second = OtherOf(outer, inner.Outputs[0]);
        return (first == x && IsValue(second, 0.5f)) || (second == x && IsValue(first, 0.5f))
            ? new Found("gelu", [node, erf, sum, inner, outer])
            : null;
    }

    /// <summary>The node that alone reads the output of another, if it is of this kind.</summary>
    private OnnxNode? Next(OnnxNode node, string type) =>
        scope.TrySingleReader(node.Outputs[0], out OnnxNode? next) && next.OpType == type && next.Outputs.Length > 0 ? next : null;

    /// <summary>The other of two inputs; null if there are not two, or neither has the name.</summary>
    private static string? OtherOf(OnnxNode node, string name) =>
        node.Inputs.Length != 2 ? null : node.Inputs[0] == name ? node.Inputs[1] : node.Inputs[1] == name ? node.Inputs[0] : null;

    private bool IsValue(string? name, float expected) =>
        name is not null && scope.TryConstant(name)?.SingleValue is { } value && IsNear(value, expected);

    private static bool Has(OnnxNode node, string attribute, float expected, float? usual = null)
    {
        foreach (OnnxAttribute given in node.Attributes)
        {
            if (given.Name == attribute)
            {
                return given.Type == OnnxAttributeType.Float && IsNear(given.Float, expected);
            }
        }

        return IsNear(usual ?? expected, expected);
    }

    private static bool IsNear(float value, float expected) => MathF.Abs(value - expected) <= 1e-6f * MathF.Abs(expected);
}
