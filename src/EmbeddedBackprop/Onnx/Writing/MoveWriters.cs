using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Ops that move elements. The first axis of a tensor of ONNX is the batch, so axis i of the engine is axis i + 1.</summary>
internal static class MoveWriters
{
    /// <summary>Values joined along their first axis.</summary>
    public static void Concat(StepWriter step) => step.Write(step.Output, "Concat", step.Inputs, OnnxAttribute.Of("axis", 1L));

    /// <summary>A part of the first axis.</summary>
    public static void Slice(StepWriter step)
    {
        Slice op = (Slice)step.Op;
        step.Write(step.Output, "Slice", [step.Input, step.Graph.Row(op.First), step.Graph.Row(op.First + op.Count), step.Graph.Row(1)]);
    }

    /// <summary>The same elements in another shape.</summary>
    public static void Reshape(StepWriter step) => Reshape(step, step.Input, step.Output, step.Shape);

    /// <summary>The same elements in another shape, which keeps the batch.</summary>
    public static void Reshape(StepWriter step, string x, string y, Shape shape)
    {
        // 0 is the size that the input has there: the batch.
        ReadOnlySpan<long> sizes = shape.Rank switch
        {
            1 => [0, shape[0]],
            2 => [0, shape[0], shape[1]],
            _ => [0, shape[0], shape[1], shape[2]],
        };
        step.Write(y, "Reshape", [x, step.Graph.Row(sizes)]);
    }

    /// <summary>A row.</summary>
    public static void Flatten(StepWriter step) => step.Write(step.Output, "Flatten", step.Inputs, OnnxAttribute.Of("axis", 1L));

    /// <summary>The two axes of a sample exchanged.</summary>
    public static void SwapAxes(StepWriter step) => step.Write(step.Output, "Transpose", step.Inputs, OnnxAttribute.Of("perm", 0, 2, 1));

    /// <summary>Dropout, which does nothing in a prediction; ONNX keeps its share for whoever trains on.</summary>
    public static void Dropout(StepWriter step) =>
        step.Write(step.Output, "Dropout", [step.Input, step.Graph.Scalar(((Dropout)step.Op).Probability)]);
}
