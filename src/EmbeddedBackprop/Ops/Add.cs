using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>a = f(x0 + x1 + ...), element by element, the sum in the order of the inputs: skip connections. Source: He et al. 2016.</summary>
public sealed class Add : Op, IActivated
{
    private Shape input;

    /// <summary>A plain sum.</summary>
    public Add()
        : this(new Activation<Identity>())
    {
    }

    /// <summary>A sum and its activation.</summary>
    public Add(Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        Activation = activation;
    }

    /// <summary>f.</summary>
    public Activation Activation { get; }

    Op IActivated.WithoutActivation() => new Add();

    /// <inheritdoc/>
    public override string Kind => "add";

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => IsPlain ? BackwardReads.Nothing : BackwardReads.Outputs;

    private bool IsPlain => Activation is Activation<Identity>;

    /// <summary>The third and further inputs are read after the sum of the first two has been written.</summary>
    public override bool MayOverlay(int input) => input < 2;

    /// <summary>Every input has the gradient of the sum: it does not matter which of them stands in its memory.</summary>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Op? TryFuse(Op next) =>
        next.AsActivation is { } activation && IsPlain ? new Add(activation) { input = input, Name = Name } : null;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Shapes.Equal(name, inputs, 2, int.MaxValue);
        return Shapes.Bind(name, inputs[0], ref input);
    }

    /// <summary>The sum, where the derivative reads it.</summary>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(input.Length) : 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        Elementwise.Add(c.Input(0), c.Input(1), z);
        for (int i = 2; i < c.InputCount; i++)
        {
            Elementwise.Add(z, c.Input(i), z);
        }

        if (!IsPlain)
        {
            Activation.Forward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (!IsPlain)
        {
            Activation.Backward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        }

        for (int i = 0; i < c.InputCount; i++)
        {
            if (c.WantsInputGradient(i))
            {
                Gradients.PassOn(c.OutputGradient, c.InputGradient(i), c.ContinueInputGradient(i));
            }
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        SumTwin(in c);
        if (!IsPlain)
        {
            Activation.ForwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output);
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        if (!IsPlain)
        {
            Activation.BackwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        }

        PassOnTwin(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        SumTwin(in c);
        if (!IsPlain)
        {
            Activation.ForwardScalar(c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output);
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        if (!IsPlain)
        {
            Activation.BackwardScalar(c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        }

        PassOnTwin(in c);
    }

    // The sum shares its memory with a unless the derivative reads it in a backward pass to come.
    private static Span<T> WeightedInput<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? c.Output : c.Saved[..c.Output.Length];

    private static void SumTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> z = WeightedInput(in c);
        for (int j = 0; j < z.Length; j++)
        {
            T sum = c.Input(0)[j];
            for (int i = 1; i < c.InputCount; i++)
            {
                sum += c.Input(i)[j];
            }

            z[j] = sum;
        }
    }

    private static void PassOnTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < c.InputCount; i++)
        {
            if (c.WantsInputGradient(i))
            {
                Gradients.PassOnScalar<T>(c.OutputGradient, c.InputGradient(i), c.ContinueInputGradient(i));
            }
        }
    }
}
