using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>One update of the weights of 784x30.</summary>
public class OptimizersBench : Bench
{
    private static readonly ParameterRange Weights = new("weight", ParameterKind.Weight, 0, 784, 30, 32);
    private Optimizer optimizer = new Sgd();
    private Memory<float> parameters, gradients, state;

    protected override IEnumerable<string> CaseList =>
        from name in Registry.OptimizerNames select name + " 784x30";

    /// <summary>Operations a weight by the formulas in Optimizers: a multiply-add is two, a quotient and a root one.</summary>
    public override double Work => Weights.Count * Word switch
    {
        "sgd" => 2.0,
        "momentum" => 4,
        "nesterov" => 6,
        "adagrad" => 7,
        "rmsprop" => 9,
        _ => 15,
    };

    public override int ResultHash() => HashOf(parameters.Span, Weights.Rows, Weights.Columns, Weights.Stride);

    protected override void Prepare(Form form)
    {
        optimizer = Registry.Optimizer(Word, new OptimizerSettings());
        parameters = Numbers(Weights.Length, 1);
        gradients = Numbers(Weights.Length, 2);
        state = Numbers(optimizer.StateLength(Weights.Length), 3);
        state.Span.Clear();
        optimizer.Reset(state.Span[(optimizer.StateArrays * Weights.Length)..]);
        optimizer.BeginStep(state.Span[(optimizer.StateArrays * Weights.Length)..]);
    }

    protected override void Run() => optimizer.Update(Context());

    protected override void RunLoop() => optimizer.UpdateScalar(Context());

    private UpdateContext Context() =>
        new(Arithmetic.Fused, in Weights, parameters.Span, gradients.Span, state.Span, Weights.Length, learningRate: 0.001f, decay: 0.01f);
}
