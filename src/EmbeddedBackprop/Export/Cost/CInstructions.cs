using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>About how many instructions a step of the exported C takes: gcc -Os for Cortex-M4F with its fused multiply-add.</summary>
/// <remarks>
/// One line for each op. The factors are the emulator's counts for nets of one layer (CCostTests.Calibrate prints them), divided by the loops of the
/// C: the estimate of a whole net is the sum of its steps.
/// </remarks>
internal static class CInstructions
{
    /// <summary>A copy by the C library of small devices, which goes byte by byte.</summary>
    private const double Copied = 16;

    /// <summary>A loop over the elements of an array: counting, reading, writing.</summary>
    private const double Loop = 5.9;

    public static long Of(CStep step)
    {
        double length = step.OutputLength,
            given = step.InputLength;
        return (long)(
            step.Step.Op switch
            {
                Dense op => Product(given, op.Outputs) + Activation(op, length),
                Convolution op => Sums(op.Sizes) + Activation(op, length),
                ConvTranspose2D op => (9.7 * op.MultiplyAdds) + (49 * length) + Activation(op, length),
                Activate op => Activation(op, length) + (op.Activation is Activation<Identity> && !step.Step.MovedInPlace[0] ? 3.9 * length : 0),
                AveragePooling op => length * ((8.1 * op.Window.Height * op.Window.Width) + (op.Window.Height > 1 ? 22 : 2)),
                Pooling op => length * ((14.2 * op.Window.Height * op.Window.Width) + (op.Window.Height > 1 ? 10 : 1)),
                GlobalAveragePool => 10.7 * given,
                GlobalPooling => 13.5 * given, // the maximum
                BatchNorm => 12 * length,
                LayerNorm => 760 + (30 * length),
                Recurrent op => op.Steps
                    * op.Directions
                    * (Product(op.Features, op.Gates * op.Hidden) + Product(op.Hidden, op.Gates * op.Hidden) + (Gates(op) * op.Hidden)),
                Embedding => length * 12,
                Add or Subtract or Multiply => (4.9 * length * (step.Inputs.Length - 1)) + Activation(step.Step.Op, length),
                IPairwise op => length * (Loop + 1 + CFormulaCost.Of(op.Value(LaneText.Input("x"), LaneText.Input("y")))),
                Scale => 4.9 * length,
                SwapAxes => 4 * length,
                MeanOverTime => 6 * given,
                MaxOverTime => 7 * given,
                SoftmaxOverLastAxis => 77 * length,
                _ => Copied * CopiedElements(step), // dropout, reshape, flatten, concat, slice
            });
    }

    /// <summary>The elements that are not in their place already.</summary>
    private static int CopiedElements(CStep step) =>
        step.Step.Op is Concat
            ? step.Step.Inputs.Where((_, k) => !step.Step.MovedInPlace[k]).Sum(input => input.Columns)
            : step.Step.MovedInPlace[0] ? 0 : step.OutputLength;

    /// <summary>
    /// A matrix product: five sums at once take 14 instructions an input, sums left over 7 each; one output alone is a dot product.
    /// </summary>
    private static double Product(double inputs, int outputs) =>
        outputs == 1 ? 10 + (3.2 * inputs) : inputs * ((14 * (outputs / 5)) + (7 * (outputs % 5)));

    /// <summary>
    /// A convolution: four outputs at once where the whole kernel row is inside the image; other positions, and outputs without three others, take
    /// twice as many.
    /// </summary>
    private static double Sums(ConvSizes s)
    {
        const double Alone = 2.2;
        int outputs = s.Outputs / s.Groups, channels = s.Channels / s.Groups;
        double each = 7.9 + (channels * (4.2 + (s.KernelHeight * (4.05 + (2.03 * s.KernelWidth)))));
        int inside = 0;
        for (int j = 0; j < s.OutputWidth; j++)
        {
            int first = (j * s.StrideX) - s.Left;
            inside += first >= 0 && first + ((s.KernelWidth - 1) * s.DilationX) < s.Width ? 1 : 0;
        }

        // Of outputs that are left over, four neighbouring positions are computed at once; each of their rows is two calls.
        int together = outputs / 4 * 4, alone = outputs - together, along = inside / 4 * 4;
        double fast = (together * inside) + (1.05 * alone * along), slow = ((double)outputs * s.OutputWidth) - (together * inside) - (alone * along);
        return s.Groups * s.OutputHeight * ((each * (fast + (Alone * slow))) + (180 * alone));
    }

    private static double Gates(Recurrent op) => op switch
    {
        Gru => 225,
        Lstm => 356,
        Rnn { Function: RecurrentFunction.Relu } => 31,
        _ => 58,
    };

    private static double Activation(Op op, double length)
    {
        const double Softmax = 65;
        LaneText z = LaneText.Input("z");
        return length * ((op as IActivated)?.Activation switch
        {
            null or Activation<Identity> => 0,
            { } f => f.ValueText(z) is { } value ? Loop + CFormulaCost.Of(value) : Softmax,
        });
    }
}
