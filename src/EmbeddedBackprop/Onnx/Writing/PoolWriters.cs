using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Poolings.</summary>
internal static class PoolWriters
{
    /// <summary>Windows of a channel.</summary>
    public static void Windows(StepWriter step)
    {
        Pooling op = (Pooling)step.Op;
        bool signal = step.Shape.Rank == 2;
        List<OnnxAttribute> options =
        [
            OnnxAttribute.Of("kernel_shape", Pair(op.Window)),
            OnnxAttribute.Of("strides", Pair(op.Stride)),
            OnnxAttribute.Of("pads", [.. Pair(op.Padding), .. Pair(op.Padding)]),
        ];
        if (op is AveragePooling { CountIncludePad: true })
        {
            options.Add(OnnxAttribute.Of("count_include_pad", 1L));
        }

        step.Write(step.Output, op is AveragePooling ? "AveragePool" : "MaxPool", [step.Input], [.. options]);

        long[] Pair((int Height, int Width) sizes) => signal ? [sizes.Width] : [sizes.Height, sizes.Width];
    }

    /// <summary>One element a channel: ONNX keeps axes of size 1, which are taken off.</summary>
    public static void Global(StepWriter step, string kind) =>
        step.Write(step.Output, "Flatten", [step.Apply("pooled", kind, [step.Input])], OnnxAttribute.Of("axis", 1L));
}
