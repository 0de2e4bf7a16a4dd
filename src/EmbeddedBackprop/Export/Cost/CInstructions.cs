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
                Convolution op => Block(step, op),
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
    /// A matrix product: sums at once take 2 instructions each and 4 together for an input, sums left over 7 each; one output alone is a dot product.
    /// </summary>
    private static double Product(double inputs, int outputs)
    {
        int together = CDense.Together(CWeightLoad.Float, outputs);
        return outputs == 1
            ? 10 + (3.2 * inputs)
            : (inputs * ((((2 * together) + 4) * (outputs / together)) + (7 * (outputs % together)))) + (2.5 * outputs);
    }

    /// <summary>A block: its tiles, with what is done to each sum before it is stored.</summary>
    private static double Block(CStep step, Convolution op)
    {
        const double Norm = 4;
        double each = EachSum(op.Activation);
        foreach (CStep part in step.Parts.Skip(1))
        {
            each += part.Step.Op is BatchNorm ? Norm : part.Step.Op.AsActivation is { } activation ? EachSum(activation) : 0;
        }

        CTable weights = step.Parts.Length > 0 ? step.Parts[0].Tables[0] : step.Tables[0];
        return CConvBlock.Instructions(op.Sizes, weights.Load, step.Parts.LastOrDefault()?.Step.Op as Pooling, each, step.IsSmall)
            + (op.Activation is Softmax ? Activation(op, step.OutputLength) : 0);
    }

    private static double EachSum(Activation f) =>
        f is not Activation<Identity> && f.ValueText(LaneText.Input("z")) is { } value ? 1 + CFormulaCost.Of(value) : 0;

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
