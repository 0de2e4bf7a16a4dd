using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Convolutions of images and signals in C. A signal is an image of one row.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class CConvolution<TOp> : COp where TOp : Convolution
{
    protected override Type OpType => typeof(TOp);

    public override CScaleAxis? WeightAxis(Op op, int index)
    {
        ConvSizes sizes = ((Convolution)op).Sizes;
        return index == 0 ? CScaleAxis.Rows(sizes.Channels / sizes.Groups * sizes.KernelHeight * sizes.KernelWidth, sizes.Outputs) : null;
    }

    public override void Write(CStep step, CProgram program)
    {
        Convolution op = (Convolution)step.Step.Op;
        ConvSizes sizes = op.Sizes;
        CActivation activation = CActivation.For(step.Step, op.Activation);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}] = {activation.Name}(z^{step.Number}): {activation.Formula}; "
            + $"{CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment(
            $"z = b + sum of w x over {sizes.Channels / sizes.Groups} channels and a kernel of {sizes.KernelHeight} x {sizes.KernelWidth}, x[{sizes.Channels}][{sizes.Height}][{sizes.Width}]");
        string routine = CConvForward.Ask(program, step.Tables[0].Load, in sizes);
        CConvSizes.Call(program, in sizes, $"{routine}(&sizes, {step.Inputs[0]}, {step.Tables[0].Argument}, {step.Tables[1].Name}, {step.Output});");
        activation.Write(program, step.OutputLength, step.Output, step.Output);
    }
}
