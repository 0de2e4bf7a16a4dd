using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>A formula's tree as nodes, one for each operation: for an activation of a program's own, and for one that ONNX has no op for.</summary>
internal sealed class FormulaWriter
{
    private const uint SignBit = 0x80000000;

    private readonly StepWriter step;
    private readonly Dictionary<string, string> inputs;
    private readonly Dictionary<Expression, string> written = [];

    private FormulaWriter(StepWriter step, Dictionary<string, string> inputs)
    {
        this.step = step;
        this.inputs = inputs;
    }

    /// <summary>Writes a formula.</summary>
    /// <param name="step">The node that it belongs to.</param>
    /// <param name="formula">The tree.</param>
    /// <param name="result">The name of its value.</param>
    /// <param name="inputs">The names of the formula's variables, and those of their values.</param>
    public static void Write(StepWriter step, LaneText formula, string result, params ReadOnlySpan<(string Variable, string Value)> inputs)
    {
        Dictionary<string, string> values = [];
        foreach ((string variable, string value) in inputs)
        {
            values.Add(variable, value);
        }

        FormulaWriter writer = new(step, values);
        Expression root = Inner(formula.Node);
        if (root.Operation is Operation.Constant)
        {
            WritingErrors.UnknownFunction(step.Name, "a constant alone");
        }

        if (root.Operation is Operation.Input)
        {
            step.Write(result, "Identity", [writer.Value(root)]);
            return;
        }

        writer.Write(root, result);
    }

    /// <summary>The tree without names for its parts.</summary>
    private static Expression Inner(Expression node)
    {
        while (node.Operation == Operation.Named)
        {
            node = node.Arguments[0];
        }

        return node;
    }

    private string Value(Expression node)
    {
        string? name = node.Operation == Operation.Named ? node.Name : null;
        node = Inner(node);
        if (node.Operation == Operation.Input)
        {
            return inputs[node.Name];
        }

        if (node.Operation == Operation.Constant)
        {
            return step.Graph.Scalar(BitConverter.UInt32BitsToSingle(node.Bits));
        }

        if (!written.TryGetValue(node, out string? value))
        {
            value = step.Between(name ?? "f");
            written.Add(node, value);
            Write(node, value);
        }

        return value;
    }

    private void Write(Expression node, string result)
    {
        ReadOnlySpan<Expression> arguments = node.Arguments;
        switch (node.Operation)
        {
            case Operation.MultiplyAdd:
                step.Write(result, "Add", [step.Apply("product", "Mul", [Value(arguments[0]), Value(arguments[1])]), Value(arguments[2])]);
                return;
            case Operation.IfGreater:
                string greater = step.Apply("greater", "Greater", [Value(arguments[0]), Value(arguments[1])]);
                step.Write(result, "Where", [greater, Value(arguments[2]), Value(arguments[3])]);
                return;
            case Operation.IfNaN:
                string isNaN = step.Apply("nan", "IsNaN", [Value(arguments[0])]);
                step.Write(result, "Where", [isNaN, Value(arguments[1]), Value(arguments[2])]);
                return;
            case Operation.OrBits when node.Bits == SignBit:
                step.Write(result, "Neg", [step.Apply("abs", "Abs", [Value(arguments[0])])]);
                return;
            case Operation.Call when node.Name == "log1p":
                step.Write(result, "Log", [step.Apply("sum", "Add", [Value(arguments[0]), step.Graph.Scalar(1f)])]);
                return;
        }

        string? kind = node.Operation switch
        {
            Operation.Add => "Add",
            Operation.Subtract => "Sub",
            Operation.Multiply => "Mul",
            Operation.Divide => "Div",
            Operation.Negate => "Neg",
            Operation.SquareRoot => "Sqrt",
            Operation.AndBits when node.Bits == ~SignBit => "Abs",
            Operation.Call => node.Name switch
            {
                "exp" => "Exp",
                "log" => "Log",
                "tanh" => "Tanh",
                "sigmoid" => "Sigmoid",
                "erf" => "Erf",
                "sin" => "Sin",
                "cos" => "Cos",
                _ => null,
            },
            _ => null,
        };
        if (kind is null)
        {
            WritingErrors.UnknownFunction(step.Name, node.Operation == Operation.Call ? node.Name : "an operation on bits");
        }

        string[] from = new string[arguments.Length];
        for (int i = 0; i < from.Length; i++)
        {
            from[i] = Value(arguments[i]);
        }

        step.Write(result, kind, from);
    }
}
