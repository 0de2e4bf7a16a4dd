using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Weights the samples of each frame, y[t] = w[t] x[t], so that the ends of the frame do not show in its spectrum. The window is periodic, with n
/// samples a period, as a spectrum wants it; a symmetric one has n - 1.
/// </summary>
public sealed class Window : SignalOp, IPasses<Window>
{
    private ConstantRow weights = new([]);

    /// <summary>A window function over the last axis.</summary>
    public Window(WindowFunction function = WindowFunction.Hann, bool symmetric = false)
    {
        Function = function;
        Symmetric = symmetric;
    }

    /// <summary>The function.</summary>
    public WindowFunction Function { get; }

    /// <summary>Whether the first weight is the last one as well.</summary>
    public bool Symmetric { get; }

    /// <inheritdoc/>
    public override string Kind => "window";

    /// <inheritdoc/>
    public override string Settings => (Function == WindowFunction.Hann ? "hann" : "hamming") + (Symmetric ? " symmetric" : "");

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <summary>w.</summary>
    internal ReadOnlySpan<float> Weights => weights.Of<float>();

    /// <summary>w of a frame of n samples.</summary>
    internal static float[] WeightsOf(WindowFunction function, int n, bool symmetric)
    {
        double mean = function == WindowFunction.Hann ? 0.5 : 0.54;
        float[] weights = new float[n];
        for (int t = 0; t < n; t++)
        {
            weights[t] = (float)(mean - ((1 - mean) * UnitRoots.At(t, Math.Max(symmetric ? n - 1 : n, 1)).Cosine));
        }

        return weights;
    }

    private protected override int OutputLength(string name, int length, Node from)
    {
        weights = new ConstantRow(WeightsOf(Function, length, Symmetric));
        return length;
    }

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Window>();

    static void IPasses<Window>.Forward<T, K>(Window op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), y = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                K.Multiply(x.Row(row), op.weights.Of<T>(), y.Row(row));
            }
        }
    }

    static void IPasses<Window>.Backward<T, K>(Window op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> dy = op.RowsOf(c.OutputGradientRows, b), dx = op.RowsOf(c.InputGradientRows(0), b);
            for (int row = 0; row < dy.Rows; row++)
            {
                if (c.ContinueInputGradient(0))
                {
                    K.MultiplyAdd(c.Arithmetic, dy.Row(row), op.weights.Of<T>(), dx.Row(row));
                }
                else
                {
                    K.Multiply(dy.Row(row), op.weights.Of<T>(), dx.Row(row));
                }
            }
        }
    }
}
