using EmbeddedBackprop.Activations;
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
        CTable[] tables = step.Parts.Length > 0 ? step.Parts[0].Tables : step.Tables;
        program.Comment(
            $"{step.Title}: a^{step.Number}[{string.Join("][", Sizes(step.OutputShape))}]; "
            + $"z[{sizes.Outputs}][{sizes.OutputHeight}][{sizes.OutputWidth}] = b + sum of w x over {sizes.Channels / sizes.Groups} channels "
            + $"and a kernel of {sizes.KernelHeight} x {sizes.KernelWidth}, "
            + $"x[{sizes.Channels}][{sizes.Height}][{sizes.Width}]; {CText.Number(op.MultiplyAdds)} multiply-adds");
        program.Comment($"{activation.Name}(z): {activation.Formula}{string.Concat(step.Parts.Skip(1).Select(Then))}");
        // In training the derivative may read z later: then it has memory of its own. A softmax needs all outputs of a sample.
        bool apart = step.Saved is not null || op.Activation is Softmax;
        string z = step.Saved ?? step.Output;
        CBlockStage[] stages = apart ? [] : [.. Stages(step, op, program)];
        string[] arguments = [step.Inputs[0], tables[0].Argument, tables[1].Name, .. stages.SelectMany(stage => stage.Arguments), z];
        string function = CConvBlock.Ask(program, tables[0].Load, in sizes, stages, step.Parts.LastOrDefault()?.Step.Op as Pooling);
        program.Statement(
            $"{function}({string.Join(", ", arguments)});");
        if (apart)
        {
            activation.Write(program, step.OutputLength, z, step.Output);
        }
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

    private static IEnumerable<string> Sizes(Shape shape) => Enumerable.Range(0, shape.Rank).Select(axis => CText.Number(shape[axis]));

    /// <summary>A further step of a block, for the comment.</summary>
    private static string Then(CStep part) => "; then " + part.Step.Op switch
    {
        BatchNorm => "gamma (x - mean) / deviation + beta",
        Pooling pooling => $"the {(pooling is MaxPooling ? "largest" : "mean")} of every window of {pooling.Window.Height} x {pooling.Window.Width}",
        Op op => CActivations.For(part.Step, op.AsActivation!).Formula,
    };

    /// <summary>The convolution's own activation, and the normalisations and activations of its block.</summary>
    private static IEnumerable<CBlockStage> Stages(CStep step, Convolution op, CProgram program)
    {
        int norms = 0;
        if (CBlockStage.Of(op.Activation, program) is { } own)
        {
            yield return own;
        }

        foreach (CStep part in step.Parts.Skip(1))
        {
            if (part.Step.Op is BatchNorm)
            {
                yield return CBlockStage.Of(part, ++norms);
            }
            else if (part.Step.Op.AsActivation is { } activation && CBlockStage.Of(activation, program) is { } stage)
            {
                yield return stage;
            }
        }
    }
}
