using System.Numerics;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>An op of one input for tests, as a user would write one: one generic method for the vector form, the definition and the oracle.</summary>
internal abstract class OneInputOp : Op
{
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

    public override void Forward(in OpContext<float> c) => Compute(in c);

    public override void Backward(in OpContext<float> c) => Differentiate(in c);

    public override void ForwardScalar(in OpContext<float> c) => Compute(in c);

    public override void BackwardScalar(in OpContext<float> c) => Differentiate(in c);

    public override void ForwardScalar(in OpContext<double> c) => Compute(in c);

    public override void BackwardScalar(in OpContext<double> c) => Differentiate(in c);

    protected abstract void Compute<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The factor of dL/d(output) in dL/d(input).</summary>
    protected abstract T Factor<T>(in OpContext<T> c, int row, int column) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    protected virtual void Differentiate<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        Span<T> wanted = c.InputGradient(0), gradient = c.OutputGradient;
        for (int row = 0; row < c.Batch; row++)
        {
            for (int column = 0; column < c.OutputColumns; column++)
            {
                int i = (row * c.OutputStride) + column;
                T term = gradient[i] * Factor(in c, row, column);
                wanted[i] = c.ContinueInputGradient(0) ? wanted[i] + term : term;
            }
        }
    }
}

/// <summary>
/// Keeps both kinds of state: a running mean of all inputs, and for each sample the previous call's input. y = x (1 + previous), in prediction +
/// mean.
/// </summary>
internal sealed class MemoryOp : OneInputOp
{
    private int length;

    public override string Kind => "memory";

    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        length = inputs[0].Shape.Length;
        return inputs[0].Shape;
    }

    // The per-sample range is asked for first and yet comes last.
    public override void DescribeState(StateLayout layout)
    {
        layout.AddPerSample(Name + ".previous", length);
        layout.Add(Name + ".mean", length, 0.25f);
    }

    public override int SavedLength(int batch, Layout layout) => batch * length;

    protected override void Compute<T>(in OpContext<T> c)
    {
        Span<T> previous = c.State(0), mean = c.State(1), x = c.Input(0), y = c.Output, saved = c.Saved;
        for (int row = 0; row < c.Batch; row++)
        {
            for (int column = 0; column < length; column++)
            {
                int i = (row * c.OutputStride) + column, k = (row * length) + column;
                T factor = T.One + previous[k];
                if (!saved.IsEmpty)
                {
                    saved[k] = factor;
                }

                T value = x[i];
                y[i] = c.Training ? value * factor : (value * factor) + mean[column];
                previous[k] = value;
                if (c.Training)
                {
                    mean[column] = (mean[column] + value) / T.CreateTruncating(2);
                }
            }
        }
    }

    protected override T Factor<T>(in OpContext<T> c, int row, int column) => c.Saved[(row * length) + column];
}

/// <summary>y = x - the column's mean over the batch in training: such an op's batch cannot be split.</summary>
internal sealed class CenterOp : OneInputOp
{
    public override string Kind => "center";

    public override bool DependsOnWholeBatch => true;

    protected override void Compute<T>(in OpContext<T> c)
    {
        Span<T> x = c.Input(0), y = c.Output;
        for (int column = 0; column < c.OutputColumns; column++)
        {
            T sum = T.Zero;
            for (int row = 0; c.Training && row < c.Batch; row++)
            {
                sum += x[(row * c.OutputStride) + column];
            }

            for (int row = 0; row < c.Batch; row++)
            {
                y[(row * c.OutputStride) + column] = x[(row * c.OutputStride) + column] - (sum / T.CreateTruncating(c.Batch));
            }
        }
    }

    protected override T Factor<T>(in OpContext<T> c, int row, int column) => T.One;

    protected override void Differentiate<T>(in OpContext<T> c)
    {
        Span<T> gradient = c.OutputGradient;
        for (int column = 0; column < c.OutputColumns; column++)
        {
            T sum = T.Zero;
            for (int row = 0; c.Training && row < c.Batch; row++)
            {
                sum += gradient[(row * c.OutputStride) + column];
            }

            for (int row = 0; row < c.Batch; row++)
            {
                gradient[(row * c.OutputStride) + column] -= sum / T.CreateTruncating(c.Batch);
            }
        }

        base.Differentiate(in c);
    }
}

/// <summary>Dropout of one half as the engine's op does it: by seed, step, op and sample in the logical batch.</summary>
internal sealed class HalfOp : OneInputOp
{
    public override string Kind => "half";

    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    protected override void Compute<T>(in OpContext<T> c)
    {
        for (int row = 0; row < c.Batch; row++)
        {
            for (int column = 0; column < c.OutputColumns; column++)
            {
                c.Output[(row * c.OutputStride) + column] = c.Input(0)[(row * c.OutputStride) + column] * Factor(in c, row, column);
            }
        }
    }

    protected override T Factor<T>(in OpContext<T> c, int row, int column)
    {
        if (!c.Training)
        {
            return T.One;
        }

        ulong element = ((ulong)(c.SampleOffset + row) * (ulong)c.OutputColumns) + (ulong)column;
        uint stream = (uint)((c.StepNumber * 1000) + c.OpIndex);
        return new CounterRandom(c.Seed, RandomPurpose.Dropout).Bits(stream, element) % 2 == 0 ? T.Zero : T.CreateTruncating(2);
    }
}

/// <summary>y = one trained factor per channel times x: a tensor in file order, and an input that has no gradient.</summary>
internal sealed class ChannelScaleOp(int[] shape, ParameterKind kind) : OneInputOp
{
    public override string Kind => "channel";

    public override bool HasGradient(int input) => false;

    public override void DescribeParameters(ParameterLayout layout) => layout.AddTensor(Name + ".weight", kind, shape);

    protected override void Compute<T>(in OpContext<T> c)
    {
        for (int row = 0; row < c.Batch; row++)
        {
            for (int column = 0; column < c.OutputColumns; column++)
            {
                c.Output[(row * c.OutputStride) + column] =
                    c.Input(0)[(row * c.OutputStride) + column] * c.Parameter(0)[column % c.Parameter(0).Length];
            }
        }
    }

    protected override T Factor<T>(in OpContext<T> c, int row, int column) => T.Zero;

    public override void Backward(in OpContext<float> c) => Collect(in c);

    public override void BackwardScalar(in OpContext<float> c) => Collect(in c);

    public override void BackwardScalar(in OpContext<double> c) => Collect(in c);

    private static void Collect<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> wanted = c.ParameterGradient(0);
        if (!c.ContinueParameterGradients)
        {
            wanted.Clear();
        }

        for (int row = 0; row < c.Batch; row++)
        {
            for (int column = 0; column < c.OutputColumns; column++)
            {
                wanted[column % wanted.Length] += c.OutputGradient[(row * c.OutputStride) + column] * c.Input(0)[(row * c.OutputStride) + column];
            }
        }
    }
}
