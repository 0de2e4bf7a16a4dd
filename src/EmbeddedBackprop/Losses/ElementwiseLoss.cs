using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>Runs an <see cref="ILossFunction"/> over a batch: parts of the sum forwards, dL/da = l'(a, y) * scale backwards.</summary>
/// <typeparam name="TFunction">The loss of one output.</typeparam>
public sealed class Loss<TFunction> : Loss where TFunction : struct, ILossFunction
{
    /// <inheritdoc/>
    public override string Kind => TFunction.Name;

    /// <inheritdoc/>
    public override double Scale(int logicalBatch) => 1.0 / (TFunction.AveragesOutputs ? (double)logicalBatch * Outputs : logicalBatch);

    /// <inheritdoc/>
    public override int ScratchLength(int batch, Layout layout) => batch * layout.Stride(Outputs);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        // The terms by vectors, their sum in the order of the definition.
        Span<float> terms = c.Scratch[..(c.Batch * c.InputStride(0))];
        ElementFormula.Run<Term>(c.Arithmetic, c.Input(0), c.Input(1), terms);
        AddTerms(in c, terms);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> gradient = GradientRows(in c);
        ElementFormula.Run<Gradient>(c.Arithmetic, c.Input(0), c.Input(1), gradient, (float)GradientScale(c.LogicalBatch));
        Padding.Clear(gradient, c.Batch, Outputs, c.InputStride(0));
        EndGradient(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        ElementFormula.RunScalar<Term>(c.Arithmetic, c.Batch, Outputs, c.InputStride(0), c.Input(0), c.Input(1), c.Scratch);
        AddTermsTwin<float>(in c, c.Scratch);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        ElementFormula.RunScalar<Gradient>(
            c.Arithmetic, c.Batch, Outputs, c.InputStride(0), c.Input(0), c.Input(1), GradientRows(in c), (float)GradientScale(c.LogicalBatch));
        EndGradientTwin(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        ElementFormula.RunScalar<Term>(c.Batch, Outputs, c.InputStride(0), c.Input(0), c.Input(1), c.Scratch);
        AddTermsTwin<double>(in c, c.Scratch);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        ElementFormula.RunScalar<Gradient>(
            c.Batch, Outputs, c.InputStride(0), c.Input(0), c.Input(1), GradientRows(in c), GradientScale(c.LogicalBatch));
        EndGradientTwin(in c);
    }

    internal override Loss? OnLogits(Activation outputActivation) => TFunction.OnLogits(outputActivation);

    private protected override float DecisionThreshold => (float)TFunction.DecisionThreshold;

    /// <summary>The term of one output.</summary>
    private readonly struct Term : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.Value(x, y);
    }

    /// <summary>Its derivative times the scale alpha.</summary>
    private readonly struct Gradient : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => TFunction.Derivative(x, y) * alpha;
    }
}
