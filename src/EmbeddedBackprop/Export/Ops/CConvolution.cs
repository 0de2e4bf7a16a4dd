using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Convolutions of images and signals in C. A signal is an image of one row.</summary>
internal sealed class CConvolution : COp
{
    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        ConvSizes sizes = ((Convolution)op).Sizes;
        return index == 0 ? CScaleAxis.Rows(sizes.Channels / sizes.Groups * sizes.KernelHeight * sizes.KernelWidth, sizes.Outputs) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        Convolution op = (Convolution)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CActivation activation = CActivations.For(step.Step, op.Activation);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}] = {activation.Name}(z^{step.Number}): {activation.Formula}; "
            + $"{CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment(
            $"z = b + sum of w x over {sizes.Channels / sizes.Groups} channels and a kernel of {sizes.KernelHeight} x {sizes.KernelWidth}, x[{sizes.Channels}][{sizes.Height}][{sizes.Width}]"
        );
        // In training the derivative may read z later: then it has memory of its own.
        string routine = CConvForward.Ask(program, step.Tables[0].Load, in sizes),
            z = step.Saved ?? step.Output;
        program.Statement(
            $"{routine}({CConvSizes.Constant(program, in sizes)}, {step.Inputs[0]}, {step.Tables[0].Argument}, {step.Tables[1].Name}, {z});");
        activation.Write(program, step.OutputLength, z, step.Output);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        Convolution op = (Convolution)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CStep forward = step.Forward;
        string delta = step.OutputGradient, constant = CConvSizes.Constant(program, in sizes);
        int number = step.Number;
        program.Comment(
            $"{step.Name}, backwards: delta^{number} = dC/da^{number} f'(z^{number}); BP2 dC/dx, BP4 dC/dw, BP3 dC/db as sums over the positions");
        CActivations
            .For(step.Step, op.Activation)
            .WriteBackward(program, forward.OutputLength, forward.Saved ?? forward.Output, forward.Output, delta);
        if (step.InputGradients[0] is { } dx)
        {
            step.Begin(program, 0);
            program.Statement($"{CConvRoutines.Input(program, forward.Tables[0].Load)}({constant}, {delta}, {forward.Tables[0].Argument}, {dx});");
        }

        if (step.Tensors[0] is { } weight)
        {
            program.Statement(
                $"{CConvRoutines.Weights(program, weight.GradientSum)}({constant}, {forward.Inputs[0]}, {delta}, {weight.GradientSum.Arguments});");
        }

        if (step.Tensors[1] is { } bias)
        {
            CConvRoutines.ChannelSums(program, bias.GradientSum, sizes.Outputs, sizes.OutputPositions, delta);
        }
    }
}
