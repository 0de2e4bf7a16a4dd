using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>Layers with weights: products, convolutions, norms.</summary>
internal static class LayerWriters
{
    /// <summary>A fully connected layer: x W^T + b with W [out, in].</summary>
    public static void Dense(StepWriter step)
    {
        Dense op = (Dense)step.Op;
        string x = step.InputShape().Rank == 1 ? step.Input : step.Apply("row", "Flatten", [step.Input]), z = step.Before(op.Activation);
        Product(step, x, z);
        ElementWriters.Activate(step, op.Activation, z);
    }

    /// <summary>z = x W^T + b for rows x.</summary>
    public static void Product(StepWriter step, string x, string z) =>
        step.Write(z, "Gemm", [x, step.Parameter(0), step.Parameter(1)], OnnxAttribute.Of("transB", 1L));

    /// <summary>A convolution of images or signals.</summary>
    public static void Convolution(StepWriter step)
    {
        ConvolutionBase op = (ConvolutionBase)step.Op;
        string z = step.Before(op.Activation);
        ConvSizes sizes = op.Sizes;
        long[] pads = op is Conv1D ? [sizes.Left, sizes.Right] : [sizes.Top, sizes.Left, sizes.Bottom, sizes.Right];
        step.Write(z, "Conv", [step.Input, step.Parameter(0), step.Parameter(1)], [.. Options(op), OnnxAttribute.Of("pads", pads)]);
        ElementWriters.Activate(step, op.Activation, z);
    }

    /// <summary>A transposed convolution.</summary>
    public static void ConvTranspose(StepWriter step)
    {
        ConvTranspose2D op = (ConvTranspose2D)step.Op;
        string z = step.Before(op.Activation);
        ConvOptions options = op.Options;
        step.Write(
            z,
            "ConvTranspose",
            [step.Input, step.Parameter(0), step.Parameter(1)],
            [
                .. Options(op),
                OnnxAttribute.Of("pads", options.PaddingY, options.PaddingX, options.PaddingY, options.PaddingX),
                OnnxAttribute.Of("output_padding", options.OutputPaddingY, options.OutputPaddingX),
            ]);
        ElementWriters.Activate(step, op.Activation, z);
    }

    /// <summary>A batch normalisation by its running values.</summary>
    public static void BatchNorm(StepWriter step) =>
        step.Write(
            step.Output,
            "BatchNormalization",
            [step.Input, step.Parameter(0), step.Parameter(1), step.StateTensor(0), step.StateTensor(1)],
            OnnxAttribute.Of("epsilon", ((BatchNorm)step.Op).Epsilon));

    /// <summary>A layer normalisation, over the last axis or over the whole sample.</summary>
    public static void LayerNorm(StepWriter step)
    {
        LayerNorm op = (LayerNorm)step.Op;
        Shape shape = step.Shape;
        int first = op.WholeSample ? 0 : shape.Rank - 1;
        int[] sizes = new int[shape.Rank - first];
        for (int i = 0; i < sizes.Length; i++)
        {
            sizes[i] = shape[first + i];
        }

        step.Write(
            step.Output,
            "LayerNormalization",
            [step.Input, Shaped(step, 0, sizes), Shaped(step, 1, sizes)],
            OnnxAttribute.Of("axis", first + 1L),
            OnnxAttribute.Of("epsilon", op.Epsilon));
    }

    /// <summary>Rows of a table. Indices are floats in the engine.</summary>
    public static void Embedding(StepWriter step) => Gather(step, step.Parameter(0), step.Output);

    /// <summary>The rows that the input names.</summary>
    public static void Gather(StepWriter step, string table, string result)
    {
        string index = step.Apply("index", "Cast", [step.Input], OnnxAttribute.Of("to", (long)OnnxType.Int64));
        step.Write(result, "Gather", [table, index], OnnxAttribute.Of("axis", 0L));
    }

    private static OnnxAttribute[] Options(ConvolutionBase op)
    {
        ConvOptions options = op.Options;
        bool signal = op is Conv1D;
        return
        [
            OnnxAttribute.Of("kernel_shape", Pair(op.KernelHeight, op.KernelWidth)),
            OnnxAttribute.Of("strides", Pair(options.StrideY, options.StrideX)),
            OnnxAttribute.Of("dilations", Pair(options.DilationY, options.DilationX)),
            OnnxAttribute.Of("group", (long)options.Groups),
        ];

        long[] Pair(int y, int x) => signal ? [x] : [y, x];
    }

    private static string Shaped(StepWriter step, int parameter, int[] sizes) =>
        sizes.Length == 1
            ? step.Parameter(parameter)
            : step.Graph.Floats(step.TensorName(parameter == 0 ? "weight" : "bias"), sizes, step.ParameterValues(parameter));
}
