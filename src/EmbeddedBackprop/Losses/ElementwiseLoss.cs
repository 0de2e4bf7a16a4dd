using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Losses;

/// <summary>Runs an <see cref="ILossFunction"/> over a batch: parts of the sum forwards, dL/da = l'(a, y) * scale backwards.</summary>
/// <typeparam name="TFunction">The loss of one output.</typeparam>
public sealed class Loss<TFunction> : Loss, IPasses<Loss<TFunction>> where TFunction : struct, ILossFunction
{
    /// <inheritdoc/>
    public override string Kind => TFunction.Name;

    /// <inheritdoc/>
    public override double Scale(int logicalBatch) => 1.0 / (TFunction.AveragesOutputs ? (double)logicalBatch * Outputs : logicalBatch);

    /// <inheritdoc/>
    public override int ScratchLength(int batch, Layout layout) => (Smooths ? 2 : 1) * batch * layout.Stride(Outputs);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Loss<TFunction>>();

    static void IPasses<Loss<TFunction>>.Forward<T, K>(Loss<TFunction> op, in OpContext<T> c)
    {
        Matrix<T> a = c.InputRows(0), y = op.Targets<T, K>(in c, op.Smoothed(in c), Classes), terms = ScratchRows(in c, 0);
        K.Apply<Term>(c.Arithmetic, a, y, terms);
        op.WeighRows<T, K>(in c, terms);
        op.AddTerms<T, K>(in c, terms);
    }

    static void IPasses<Loss<TFunction>>.Backward<T, K>(Loss<TFunction> op, in OpContext<T> c)
    {
        Matrix<T> a = c.InputRows(0), y = op.Targets<T, K>(in c, op.Smoothed(in c), Classes), gradient = GradientRows(in c);
        K.Apply<Gradient>(c.Arithmetic, a, y, gradient, T.CreateTruncating(op.GradientScale(c.LogicalBatch)));
        op.WeighRows<T, K>(in c, gradient);
        EndGradient<T, K>(in c, gradient);
    }

    internal override LaneText? ValueText(LaneText a, LaneText y) => TFunction.Value(a, y);

    internal override LaneText? DerivativeText(LaneText a, LaneText y) => TFunction.Derivative(a, y);

    internal override string Equation => TFunction.Equation;

    internal override Loss? OnLogits(Activation outputActivation) => TFunction.OnLogits(outputActivation)?.WithSettingsOf(this);

    internal override (double Least, double Most) Domain => TFunction.Domain;

    private protected override bool TargetsAreProbabilities => TFunction.TargetsAreProbabilities;

    /// <summary>Each output says yes or no.</summary>
    private const int Classes = 2;

    /// <summary>Memory for smoothed targets, after that for terms.</summary>
    private Matrix<T> Smoothed<T>(in OpContext<T> c) where T : unmanaged => Smooths ? ScratchRows(in c, c.Batch * c.InputStride(0)) : default;

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
