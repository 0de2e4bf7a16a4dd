using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A fully connected layer: a = f(x W + b), for a batch of rows x [batch, inputs], W [inputs, outputs], b [outputs].
/// Source: Nielsen, chapter 2, equation 25, for a whole batch at once.
/// </summary>
public sealed class Dense : Op, IActivated
{
    private int inputs;

    /// <summary>A layer of the given width.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="outputs"/> is not positive.</exception>
    public Dense(int outputs, Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        if (outputs <= 0)
        {
            Errors.NotPositive(nameof(outputs), outputs);
        }

        Outputs = outputs;
        Activation = activation;
    }

    /// <summary>Neurons of the layer.</summary>
    public int Outputs { get; }

    /// <summary>Numbers that each neuron reads; 0 until the layer is applied to a node.</summary>
    public int Inputs => inputs;

    /// <summary>f.</summary>
    public Activation Activation { get; }

    Op IActivated.WithoutActivation() => new Dense(Outputs, new Activation<Identity>());

    /// <inheritdoc/>
    public override string Kind => "dense";

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override string Settings => Outputs.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)inputs * Outputs;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            Errors.InputCount(name, 1, inputs.Length);
        }

        int given = inputs[0].Shape.Length;
        if (this.inputs != 0 && this.inputs != given)
        {
            Errors.InputSize(name, this.inputs, given, inputs[0].Name);
        }

        this.inputs = given;
        return new Shape(Outputs);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddWeight(Name + ".weight", inputs, Outputs);
        layout.AddBias(Name + ".bias", Outputs);
    }

    /// <inheritdoc/>
    public override int UpdateLength(int parameters, Layout layout) => 2 * layout.Stride(Outputs);

    /// <inheritdoc/>
    public override Op? TryFuse(Op next) =>
        next.AsActivation is { } activation && Activation is Activation<Identity> ? new Dense(Outputs, activation) { inputs = inputs, Name = Name } : null;

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Outputs) : 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Span<float> w = c.Parameter(0), b = c.Parameter(1);
        Span<float> a = c.Output, z = WeightedInput(in c);
        int n = c.OutputStride; // padded columns are computed along: a row has no ragged end
        if (Outputs == 1)
        {
            Gemv.OneOutput(c.Arithmetic, c.Batch, inputs, c.Input(0), c.InputStride(0), w, b, z);
        }
        else
        {
            Gemm.NN(c.Arithmetic, c.Batch, n, inputs, c.Input(0), c.InputStride(0), w, n, b, z, n);
        }

        Activation.Forward(c.Arithmetic, c.Batch, Outputs, n, z, a);
    }

    // A single output is one long sum: a dot product, not a row of chains.
    internal override AffineRow? ForwardRow(Step step, Arithmetic arithmetic) => Outputs == 1 ? null : Activation.AffineRow(arithmetic, new(
        step.Output.Stride, inputs, step.Inputs[0].Offset, step.Ranges[0].Offset, step.Ranges[1].Offset,
        step.Saved.Exists ? step.Saved.Offset : step.Output.Offset, step.Output.Offset));

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        int n = c.OutputStride;
        Span<float> delta = Delta(in c, c.ParameterGradient(1));

        // BP4: dW = x^T delta
        Gemm.TN(
            c.Arithmetic, inputs, n, c.Batch, c.Input(0), c.InputStride(0), delta, n,
            c.ParameterGradient(0), n, c.ContinueParameterGradients);
    }

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        // Without a gradient span two rows do: the bias gradient, and that of the weights from one input.
        int n = c.OutputStride;
        Span<float> rows = c.UpdateScratch, db = rows.IsEmpty ? c.ParameterGradient(1) : rows[..n];
        Span<float> delta = Delta(in c, db), x = c.Input(0);
        bool bounded = inputs > 1 && Finite.BoundsProducts(x, delta, c.Batch);
        if (!bounded && !rows.IsEmpty)
        {
            return UpdateByRows(in c, in update, x, delta, rows[n..]) & update.Apply(in c, 1, db);
        }

        if (!bounded)
        {
            // The gradient may not be finite: it is looked at before it is applied.
            Gemm.TN(
                c.Arithmetic, inputs, n, c.Batch, x, c.InputStride(0), delta, n, c.ParameterGradient(0), n);
            return update.Apply(in c);
        }

        // BP4 and w = w - eta dW in one pass over W: dW stays in registers.
        Gemm.UpdateTN(
            c.Arithmetic, inputs, n, c.Batch, x, c.InputStride(0), delta, n,
            c.Parameter(0), n, update.LearningRate, update.WeightL2);
        return update.Apply(in c, 1, db);
    }

    /// <summary>The gradient may not be finite: each row of it is looked at before it is applied.</summary>
    private bool UpdateByRows(in OpContext<float> c, in SgdUpdate update, Span<float> x, Span<float> delta, Span<float> dw)
    {
        int n = c.OutputStride, ldx = c.InputStride(0);
        bool finite = true;
        for (int k = 0; k < inputs; k++)
        {
            Gemm.TN(c.Arithmetic, 1, n, c.Batch, x[k..], ldx, delta, n, dw, n);
            finite &= update.Apply(in c, 0, c.Parameter(0).Slice(k * n, n), dw);
        }

        return finite;
    }

    /// <summary>Everything of the backward pass but the weight gradient: delta (BP1, BP2), the bias gradient (BP3), and the layer below's share (BP2).</summary>
    private Span<float> Delta(in OpContext<float> c, Span<float> db)
    {
        Span<float> a = c.Output, z = WeightedInput(in c), delta = c.OutputGradient;
        int n = c.OutputStride;

        // BP1, BP2: delta = dL/da * f'(z)
        Activation.Backward(c.Arithmetic, c.Batch, Outputs, n, z, a, delta);
        Padding.Clear(delta, c.Batch, Outputs, n);
        // BP3: db = sum of delta over the samples
        Reduce.SumColumns(c.Batch, n, delta, n, db, c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            // BP2 for the layer below: dL/dx = delta W^T
            Gemm.NT(
                c.Arithmetic, c.Batch, inputs, Outputs, delta, n, c.Parameter(0), n,
                c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }

        return delta;
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        AffineTwin(in c, z);
        Activation.ForwardScalar(c.Arithmetic, c.Batch, Outputs, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        Activation.BackwardScalar(c.Arithmetic, c.Batch, Outputs, c.OutputStride, z, c.Output, c.OutputGradient);
        BackwardTwin(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        Span<double> z = WeightedInput(in c);
        AffineTwin(in c, z);
        Activation.ForwardScalar(c.Batch, Outputs, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        Span<double> z = WeightedInput(in c);
        Activation.BackwardScalar(c.Batch, Outputs, c.OutputStride, z, c.Output, c.OutputGradient);
        BackwardTwin(in c);
    }

    /// <summary>z shares its memory with a unless the derivative reads it in a backward pass to come.</summary>
    private static Span<T> WeightedInput<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? c.Output : c.Saved;

    private void AffineTwin<T>(in OpContext<T> c, Span<T> z) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Span<T> w = c.Parameter(0), b = c.Parameter(1);
        if (Outputs == 1)
        {
            Kernels.Scalar.Gemv.OneOutput<T>(c.Arithmetic, c.Batch, inputs, c.Input(0), c.InputStride(0), w, b, z);
        }
        else
        {
            Kernels.Scalar.Gemm.NN<T>(c.Arithmetic, c.Batch, Outputs, inputs, c.Input(0), c.InputStride(0), w, c.OutputStride, b[..Outputs], z, c.OutputStride);
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Span<T> delta = c.OutputGradient;
        int n = c.OutputStride, ldx = c.InputStride(0);
        Kernels.Scalar.Reduce.SumColumns<T>(c.Batch, Outputs, delta, n, c.ParameterGradient(1), c.ContinueParameterGradients);
        Kernels.Scalar.Gemm.TN<T>(
            c.Arithmetic, inputs, Outputs, c.Batch, c.Input(0), ldx, delta, n, c.ParameterGradient(0), n, c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Gemm.NT<T>(
                c.Arithmetic, c.Batch, inputs, Outputs, delta, n, c.Parameter(0), n,
                c.InputGradient(0), ldx, c.ContinueInputGradient(0));
        }
    }
}
