using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Recurrent layers, and reductions over time. Recurrent ops of ONNX have time as the first axis, and the batch as the second.</summary>
internal static class SequenceWriters
{
    /// <summary>A simple recurrent layer.</summary>
    public static void Rnn(StepWriter step)
    {
        Rnn op = (Rnn)step.Op;
        string f = op.Function == RecurrentFunction.Relu ? "Relu" : "Tanh";
        Recurrent(step, "RNN", [0], OnnxAttribute.Of("activations", op.Directions == 1 ? [f] : [f, f]));
    }

    /// <summary>A gated recurrent unit: the engine's gates are reset, update, new; those of ONNX update, reset, hidden.</summary>
    public static void Gru(StepWriter step) => Recurrent(step, "GRU", [1, 0, 2], OnnxAttribute.Of("linear_before_reset", 1L));

    /// <summary>Long short-term memory: the engine's gates are input, forget, cell, output; those of ONNX input, output, forget, cell.</summary>
    public static void Lstm(StepWriter step) => Recurrent(step, "LSTM", [0, 3, 1, 2]);

    /// <summary>The mean over the steps, or over those whose mask is above 0; 0 where none is.</summary>
    public static void Mean(StepWriter step)
    {
        if (step.Inputs.Length == 1)
        {
            step.Write(step.Output, "ReduceMean", step.Inputs, OnnxAttribute.Of("axes", [1L]), OnnxAttribute.Of("keepdims", 0L));
            return;
        }

        string counts = Counts(step), time = step.Graph.Row(1);
        string taken = step.Apply("taken", "Where", [counts, step.Input, step.Graph.Scalar(0f)]);
        string sum = step.Apply("sum", "ReduceSum", [taken, time], OnnxAttribute.Of("keepdims", 0L));
        string ones = step.Apply("ones", "Cast", [counts], OnnxAttribute.Of("to", (long)OnnxType.Float));
        string count = step.Apply("count", "ReduceSum", [ones, time], OnnxAttribute.Of("keepdims", 0L));
        step.Write(step.Output, "Div", [sum, step.Apply("divisor", "Max", [count, step.Graph.Scalar(1f)])]);
    }

    /// <summary>The maximum over the steps, or over those whose mask is above 0; 0 where none is.</summary>
    public static void Max(StepWriter step)
    {
        OnnxAttribute[] overTime = [OnnxAttribute.Of("axes", [1L]), OnnxAttribute.Of("keepdims", 0L)];
        if (step.Inputs.Length == 1)
        {
            step.Write(step.Output, "ReduceMax", step.Inputs, overTime);
            return;
        }

        string counts = Counts(step);
        string taken = step.Apply("taken", "Where", [counts, step.Input, step.Graph.Scalar(float.NegativeInfinity)]);
        string highest = step.Apply("highest", "ReduceMax", [taken], overTime);
        string ones = step.Apply("ones", "Cast", [counts], OnnxAttribute.Of("to", (long)OnnxType.Float));
        string any = step.Apply("any", "Greater", [step.Apply("count", "ReduceMax", [ones], overTime), step.Graph.Scalar(0f)]);
        step.Write(step.Output, "Where", [any, highest, step.Graph.Scalar(0f)]);
    }

    /// <summary>Which steps count, [batch, steps, 1].</summary>
    private static string Counts(StepWriter step)
    {
        string column = step.Between("mask");
        MoveWriters.Reshape(step, step.Inputs[1], column, new Shape(step.InputShape(1).Length, 1));
        return step.Apply("counts", "Greater", [column, step.Graph.Scalar(0f)]);
    }

    /// <param name="step">The layer.</param>
    /// <param name="kind">The op of ONNX.</param>
    /// <param name="gates">For each gate of ONNX its index in the engine.</param>
    /// <param name="options">Further attributes.</param>
    private static void Recurrent(StepWriter step, string kind, ReadOnlySpan<int> gates, params ReadOnlySpan<OnnxAttribute> options)
    {
        Recurrent op = (Recurrent)step.Op;
        if (step.Inputs.Length > 1)
        {
            WritingErrors.Masked(step.Name);
        }

        if (op.Options.CarryState)
        {
            WritingErrors.Carried(step.Name);
        }

        string w = Weights(step, op, "W", gates, [0], op.Features), r = Weights(step, op, "R", gates, [1], op.Hidden);
        string b = Weights(step, op, "B", gates, [2, 3], 1);
        string x = step.Apply("time_first", "Transpose", [step.Input], OnnxAttribute.Of("perm", 1, 0, 2));
        bool all = op.Options.AllSteps, both = op.Directions == 2;
        string result = step.Between(all ? "all" : "last");
        step.Graph.Node(
            kind,
            [x, w, r, b],
            all ? [result] : ["", result],
            [OnnxAttribute.Of("hidden_size", (long)op.Hidden), OnnxAttribute.Of("direction", both ? "bidirectional" : "forward"), .. options]);
        if (all)
        {
            // [steps, directions, batch, H] to [batch, steps, directions H]
            string steps = both
                ? step.Apply(
                    "joined",
                    "Reshape",
                    [step.Apply("pairs", "Transpose", [result], OnnxAttribute.Of("perm", 0, 2, 1, 3)), step.Graph.Row(0, 0, -1)])
                : step.Apply("steps", "Squeeze", [result, step.Graph.Row(1)]);
            step.Write(step.Output, "Transpose", [steps], OnnxAttribute.Of("perm", 1, 0, 2));
        }
        else if (both)
        {
            // [directions, batch, H] to [batch, directions H]
            string pairs = step.Apply("pairs", "Transpose", [result], OnnxAttribute.Of("perm", 1, 0, 2));
            step.Write(step.Output, "Flatten", [pairs], OnnxAttribute.Of("axis", 1L));
        }
        else
        {
            step.Write(step.Output, "Squeeze", [result, step.Graph.Row(0)]);
        }
    }

    /// <summary>Tensors of both directions one after the other, [directions, gates H, columns], the gates in the order of ONNX.</summary>
    private static string Weights(StepWriter step, Recurrent op, string name, ReadOnlySpan<int> gates, ReadOnlySpan<int> parameters, int columns)
    {
        int gate = op.Hidden * columns;
        List<float> values = [];
        for (int direction = 0; direction < op.Directions; direction++)
        {
            foreach (int parameter in parameters)
            {
                float[] own = step.ParameterValues((4 * direction) + parameter);
                foreach (int from in gates)
                {
                    values.AddRange(own.AsSpan(from * gate, gate));
                }
            }
        }

        int rows = parameters.Length * gates.Length * op.Hidden;
        int[] shape = parameters.Length > 1 ? [op.Directions, rows] : [op.Directions, rows, columns];
        return step.Graph.Floats(step.TensorName(name), shape, CollectionsMarshal.AsSpan(values));
    }
}
