using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

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
    public override int ScratchLength(int batch, Layout layout) => (Smooths ? 2 : 1) * batch * layout.Stride(Outputs);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        // The terms by vectors, their sum in the order of the definition.
        Span<float> terms = c.Scratch[..(c.Batch * c.InputStride(0))];
        ElementFormula.Run<Term>(c.Arithmetic, c.Input(0), Targets(in c, Smoothed(in c), Classes), terms);
        WeighRows(in c, terms);
        AddTerms(in c, terms);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> gradient = GradientRows(in c);
        ElementFormula.Run<Gradient>(c.Arithmetic, c.Input(0), Targets(in c, Smoothed(in c), Classes), gradient, (float)GradientScale(c.LogicalBatch));
        WeighRows(in c, gradient);
        Padding.Clear(gradient, c.Batch, Outputs, c.InputStride(0));
        EndGradient(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        ElementFormula.RunScalar<Term>(
            c.Arithmetic, c.Batch, Outputs, c.InputStride(0), c.Input(0), TargetsTwin(in c, Smoothed(in c), Classes), c.Scratch);
        WeighRowsTwin(in c, c.Scratch);
        AddTermsTwin<float>(in c, c.Scratch);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        ElementFormula.RunScalar<Gradient>(
            c.Arithmetic, c.Batch, Outputs, c.InputStride(0), c.Input(0), TargetsTwin(in c, Smoothed(in c), Classes), GradientRows(in c),
            (float)GradientScale(c.LogicalBatch));
        WeighRowsTwin(in c, GradientRows(in c));
        EndGradientTwin(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        ElementFormula.RunScalar<Term>(c.Batch, Outputs, c.InputStride(0), c.Input(0), TargetsTwin(in c, Smoothed(in c), Classes), c.Scratch);
        WeighRowsTwin(in c, c.Scratch);
        AddTermsTwin<double>(in c, c.Scratch);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        ElementFormula.RunScalar<Gradient>(
            c.Batch, Outputs, c.InputStride(0), c.Input(0), TargetsTwin(in c, Smoothed(in c), Classes), GradientRows(in c), GradientScale(c.LogicalBatch));
        WeighRowsTwin(in c, GradientRows(in c));
        EndGradientTwin(in c);
    }

    internal override Loss? OnLogits(Activation outputActivation) => TFunction.OnLogits(outputActivation)?.WithSettingsOf(this);

    private protected override bool TargetsAreProbabilities => TFunction.TargetsAreProbabilities;

    /// <summary>Each output says yes or no.</summary>
    private const int Classes = 2;

    /// <summary>Memory for smoothed targets, behind that for terms.</summary>
    private Span<T> Smoothed<T>(scoped in OpContext<T> c) where T : unmanaged =>
        Smooths ? c.Scratch.Slice(c.Batch * c.InputStride(0), c.Batch * c.InputStride(0)) : default;

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
