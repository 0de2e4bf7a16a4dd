using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Activations, and ops that compute element by element.</summary>
internal static class ElementWriters
{
    /// <summary>An activation as an op of its own.</summary>
    public static void Activate(StepWriter step)
    {
        Activation f = ((Activate)step.Op).Activation;
        if (f is Activation<Identity>)
        {
            step.Write(step.Output, "Identity", step.Inputs);
            return;
        }

        Activate(step, f, step.Input, step.Output);
    }

    /// <summary>The activation that a layer ends in; nothing where it has none.</summary>
    public static void Activate(StepWriter step, Activation f, string z)
    {
        if (f is not Activation<Identity>)
        {
            Activate(step, f, z, step.Output);
        }
    }

    /// <summary>a = f(z): the op of ONNX where it has one, the pattern by which others know it, or the formula.</summary>
    public static void Activate(StepWriter step, Activation f, string z, string a)
    {
        switch (f)
        {
            case Activation<Sigmoid>: step.Write(a, "Sigmoid", [z]); break;
            case Activation<Tanh>: step.Write(a, "Tanh", [z]); break;
            case Activation<Relu>: step.Write(a, "Relu", [z]); break;
            case Activation<Relu6>: step.Write(a, "Clip", [z, step.Graph.Scalar(0f), step.Graph.Scalar(6f)]); break;
            case Activation<LeakyRelu>: step.Write(a, "LeakyRelu", [z], OnnxAttribute.Of("alpha", 0.01f)); break;
            case Activation<Elu>: step.Write(a, "Elu", [z]); break;
            case Activation<Selu>: step.Write(a, "Selu", [z]); break;
            case Activation<Softplus>: step.Write(a, "Softplus", [z]); break;
            case Activation<Softsign>: step.Write(a, "Softsign", [z]); break;
            case Activation<HardSigmoid>:
                step.Write(a, "HardSigmoid", [z], OnnxAttribute.Of("alpha", 1f / 6f), OnnxAttribute.Of("beta", 0.5f));
                break;
            case Activation<HardSwish>: step.Write(a, "HardSwish", [z]); break;
            case Activation<Silu>: step.Write(a, "Mul", [z, step.Apply("sigmoid", "Sigmoid", [z])]); break;
            case Activation<Mish>:
                step.Write(a, "Mul", [z, step.Apply("tanh", "Tanh", [step.Apply("softplus", "Softplus", [z])])]);
                break;
            case Activation<Gelu>: // z (1 + erf(z / sqrt 2)) / 2
                string erf = step.Apply("erf", "Erf", [step.Apply("scaled", "Div", [z, step.Graph.Scalar(MathF.Sqrt(2f))])]);
                string product = step.Apply("product", "Mul", [z, step.Apply("sum", "Add", [erf, step.Graph.Scalar(1f)])]);
                step.Write(a, "Mul", [product, step.Graph.Scalar(0.5f)]);
                break;
            case Softmax: OfSample(step, z, a); break;
            default: Formula(step, f, z, a); break;
        }
    }

    /// <summary>A sum, and its activation.</summary>
    public static void Add(StepWriter step)
    {
        Activation f = ((Add)step.Op).Activation;
        string z = step.Before(f);
        step.Write(z, step.Inputs.Length == 2 ? "Add" : "Sum", step.Inputs);
        Activate(step, f, z);
    }

    /// <summary>A function of two nodes.</summary>
    public static void Pairwise(StepWriter step) =>
        FormulaWriter.Write(
            step, ((IPairwise)step.Op).Value(LaneText.Input("x"), LaneText.Input("y")), step.Output, ("x", step.Inputs[0]), ("y", step.Inputs[1]));

    /// <summary>A factor: the constant, or the constant times the trained one.</summary>
    public static void Scale(StepWriter step)
    {
        Scale op = (Scale)step.Op;
        string factor = op.Trained
            ? step.Graph.Floats(step.TensorName("factor"), [], [op.Factor * step.ParameterValues(0)[0]])
            : step.Graph.Scalar(op.Factor);
        step.Write(step.Output, "Mul", [step.Input, factor]);
    }

    /// <summary>A softmax of every row of the last axis.</summary>
    public static void SoftmaxOfRows(StepWriter step) => step.Write(step.Output, "Softmax", step.Inputs, OnnxAttribute.Of("axis", -1L));

    /// <summary>A softmax over all elements of a sample.</summary>
    private static void OfSample(StepWriter step, string z, string a)
    {
        if (step.Shape.Rank == 1)
        {
            step.Write(a, "Softmax", [z], OnnxAttribute.Of("axis", -1L));
            return;
        }

        string row = step.Apply("softmax", "Softmax", [step.Apply("row", "Flatten", [z])], OnnxAttribute.Of("axis", -1L));
        MoveWriters.Reshape(step, row, a, step.Shape);
    }

    private static void Formula(StepWriter step, Activation f, string z, string a)
    {
        if (f.ValueText(LaneText.Input("z")) is not { } formula)
        {
            WritingErrors.UnknownActivation(step.Name, f.Name);
            return;
        }

        FormulaWriter.Write(step, formula, a, ("z", z));
    }
}
