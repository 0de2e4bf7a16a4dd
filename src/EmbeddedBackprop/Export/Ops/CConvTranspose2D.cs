using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A transposed convolution in C: Conv.InputGradient of Kernels/Scalar for one sample, begun with the bias.</summary>
internal sealed class CConvTranspose2D : COp
{
    private const string BiasText = """
        /* y[c][i] = b[c] */
        static void ebp_fill_channels(size_t channels, size_t positions, const float *b, float *y)
        {
            size_t c;
            size_t i;
            for (c = 0u; c < channels; c++) {
                for (i = 0u; i < positions; i++) {
                    *y = b[c];
                    y++;
                }
            }
        }

        """;

    // [inputs][channels of one group][kernel]: the count of a group's channels continues that of the group before.
    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        ConvSizes sizes = ((ConvTranspose2D)op).Sizes;
        int taps = sizes.KernelHeight * sizes.KernelWidth, channels = sizes.Channels / sizes.Groups;
        return index == 0 ? new CScaleAxis(taps, channels, sizes.Outputs / sizes.Groups * channels * taps) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        ConvTranspose2D op = (ConvTranspose2D)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CActivation activation = CActivations.For(step.Step, op.Activation);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{sizes.Channels}][{sizes.Height}][{sizes.Width}] = {activation.Name}(z^{step.Number}): {activation.Formula}; "
            + $"{CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment(
            $"z = b + sum of w x, spread by a kernel of {sizes.KernelHeight} x {sizes.KernelWidth} from x[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}]"
        );
        string fill = program.Routine("fill_channels", CFunctions.None, BiasText),
            spread = CConvRoutines.Spread(program, step.Tables[0].Load),
            z = step.Saved ?? step.Output;
        program.Statement($"{fill}({CText.Size(sizes.Channels)}, {CText.Size(sizes.Height * sizes.Width)}, {step.Tables[1].Name}, {z});");
        program.Statement($"{spread}({CConvSizes.Constant(program, in sizes)}, {step.Inputs[0]}, {step.Tables[0].Argument}, {z});");
        activation.Write(program, step.OutputLength, z, step.Output);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        ConvTranspose2D op = (ConvTranspose2D)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CStep forward = step.Forward;
        string delta = step.OutputGradient, constant = CConvSizes.Constant(program, in sizes);
        int number = step.Number;
        program.Comment(
            $"{step.Name}, backwards: delta^{number} = dC/da^{number} f'(z^{number}); dC/dx is the convolution of delta, dC/dw as a convolution has it with x and delta in each other's place"
        );
        CActivations
            .For(step.Step, op.Activation)
            .WriteBackward(program, forward.OutputLength, forward.Saved ?? forward.Output, forward.Output, delta);
        if (step.InputGradients[0] is { } dx)
        {
            step.Begin(program, 0);
            program.Statement($"{CConvRoutines.Onto(program, forward.Tables[0].Load)}({constant}, {delta}, {forward.Tables[0].Argument}, {dx});");
        }

        if (step.Tensors[0] is { } weight)
        {
            program.Statement(
                $"{CConvRoutines.Weights(program, weight.GradientSum)}({constant}, {delta}, {forward.Inputs[0]}, {weight.GradientSum.Arguments});");
        }

        if (step.Tensors[1] is { } bias)
        {
            CConvRoutines.ChannelSums(program, bias.GradientSum, sizes.Channels, sizes.Height * sizes.Width, delta);
        }
    }
}
