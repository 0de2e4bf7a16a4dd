using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>
/// Training. The gradient of an integer value is that of the real value it means, and goes straight through roundings: delta = dL/dy where R was not
/// clamped, else 0. With a table delta = dL/dy f'(z) at the z of the index, 0 where the index was clamped at an end where f is not flat.
/// </content>
internal abstract partial class IntegerActivated
{
    /// <summary>Floats hold every integer up to here.</summary>
    private protected const int Exact = 1 << 24;

    // f is flat at an end of its table where |f'| is smaller.
    private const float FlatSlope = 1f / 64f;

    /// <summary>Elements of the output.</summary>
    private protected abstract int TrainedLength { get; }

    /// <summary>
    /// The float op without activation whose backward pass, which reads no values, takes delta to the inputs; null where an op has passes of its own.
    /// </summary>
    private protected virtual Op? Real => null;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => Real?.BackwardReads ?? BackwardReads.Nothing;

    /// <inheritdoc/>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        Math.Max(DeltaLength(batch, layout), Real?.BackwardScratchLength(batch, layout) ?? 0);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> scratch = c.Scratch;
        _ = Delta<float, SimdKernels>(in c, ref scratch);
        Real!.Backward(in c);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        Span<float> scratch = c.Scratch;
        _ = Delta<float, ScalarKernels<float>>(in c, ref scratch);
        Real!.BackwardScalar(in c);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        Span<double> scratch = c.Scratch;
        _ = Delta<double, ScalarKernels<double>>(in c, ref scratch);
        Real!.BackwardScalar(in c);
    }

    /// <summary>R of each result, not clamped.</summary>
    public override int SavedLength(int batch, Layout layout) => batch * layout.Stride(TrainedLength);

    /// <inheritdoc/>
    internal override bool FollowsParameters => base.FollowsParameters || IndexFollows;

    /// <inheritdoc/>
    internal override void FollowParameters(in OpContext<float> c, bool keepRanges)
    {
        base.FollowParameters(in c, keepRanges);
        if (!IndexFollows)
        {
            return;
        }

        Span<float> extremes = c.State(TableState + 1), range = c.State(TableState);
        if (Extremes.Follow(extremes, IndexType(range), keepRanges))
        {
            (double low, double high) = TableRange.Cut(Activation, c.Arithmetic, extremes[0], extremes[1], c.OutputType.Scale);
            Extremes.Write(range, IntegerType.Of(8, low, high));
        }
    }

    /// <summary>Whether the range of the table's index follows the values of z in training.</summary>
    private bool IndexFollows => HasTable && IntegerActivation.FixedIndex(Activation) is null && Graph is { FollowsRanges: true };

    /// <summary>Where R goes and what it is clamped to: in training it is kept as it is, and <see cref="Clamp"/> writes the output.</summary>
    private protected IntegerEnd Open(in OpContext<float> c, out Matrix<float> r)
    {
        r = c.WeightedInputRows;
        IntegerEnd end = End(in c);
        return c.Saved.IsEmpty ? end : end with { Lowest = -Exact, Highest = Exact };
    }

    /// <summary>Clamps what was kept into the output.</summary>
    private protected void Clamp(in OpContext<float> c)
    {
        if (c.Saved.IsEmpty)
        {
            return;
        }

        IntegerEnd end = End(in c);
        Matrix<float> r = c.WeightedInputRows;
        SimdKernels.Apply<ClipBetween>(c.Arithmetic, r, r, c.OutputRows, end.Lowest, end.Highest);
        if (Observes(in c))
        {
            Observe(in c, in end, Extremes.Of(r));
        }
    }

    /// <summary>Keeps R of one result: the twin, before it writes the output.</summary>
    private protected static void Keep<T>(in OpContext<T> c, int row, int column, int r) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        c.WeightedInputRows.Row(row)[column] = T.CreateChecked(Math.Clamp(r, -Exact, Exact));

    /// <summary>The end of the twin.</summary>
    private protected void Observe<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.Saved.IsEmpty && Observes(in c))
        {
            Observe(in c, End(in c), Extremes.OfScalar(c.WeightedInputRows));
        }
    }

    /// <summary>From dL/dy to the gradient of what R rounds, in its memory; <paramref name="scratch"/> loses what is used.</summary>
    private protected Matrix<T> Delta<T, K>(in OpContext<T> c, scoped ref Span<T> scratch)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> r = c.WeightedInputRows, delta = c.OutputGradientRows;
        IntegerEnd end = End(in c);
        T low = T.CreateChecked(end.Lowest), high = T.CreateChecked(end.Highest);
        if (HasTable)
        {
            float step = (float)end.Scale;
            Matrix<T> z = new(Take(ref scratch, r.Values.Length), r.Rows, r.Columns, r.Stride, r.Width);
            Matrix<T> a = new(Take(ref scratch, r.Values.Length), r.Rows, r.Columns, r.Stride, r.Width);
            K.Apply<ClipBetween>(c.Arithmetic, r, r, z, low, high);
            K.Scale(T.CreateTruncating(step), z.Values, z.Values);
            Activation.Forward<T, K>(c.Arithmetic, z, a);
            Activation.Backward<T, K>(c.Arithmetic, z, a, delta);
            low = IsFlat(c.Arithmetic, step * end.Lowest) ? T.NegativeInfinity : low;
            high = IsFlat(c.Arithmetic, step * end.Highest) ? T.PositiveInfinity : high;
        }

        K.Apply<ZeroOutside>(c.Arithmetic, r, r, delta, low, high);
        return delta;
    }

    /// <summary>Scratch of <see cref="Delta"/>: z and f(z).</summary>
    private protected int DeltaLength(int batch, Layout layout) => HasTable ? 2 * batch * layout.Stride(TrainedLength) : 0;

    /// <summary>Cuts off the beginning of scratch memory.</summary>
    private protected static Span<T> Take<T>(scoped ref Span<T> scratch, int length)
    {
        Span<T> part = scratch[..length];
        scratch = scratch[length..];
        return part;
    }

    private bool IsFlat(Arithmetic arithmetic, float z)
    {
        Span<float> slope = [1f], value = [0f];
        Activation.ForwardScalar(arithmetic, 1, 1, 1, [z], value);
        Activation.BackwardScalar(arithmetic, 1, 1, 1, [z], value, slope);
        return MathF.Abs(slope[0]) < FlatSlope;
    }

    /// <summary>What a training step needs to know of its values: how far R, not clamped, reaches.</summary>
    private void Observe<T>(in OpContext<T> c, in IntegerEnd end, (float Low, float High) r) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        float step = (float)end.Scale, low = step * r.Low, high = step * r.High;
        if (!HasTable)
        {
            // A clamp grows with z: its extremes are those of R.
            Span<float> ends = [low, high];
            Activation.ForwardScalar(c.Arithmetic, 1, 2, 2, ends, ends);
            Extremes.Widen(c.OutputExtremes, ends[0], ends[1]);
            return;
        }

        if (IndexFollows)
        {
            Extremes.Widen(c.State(TableState + 1), low, high);
        }

        (low, high) = IntegerActivation.Extremes(Activation, c.Arithmetic, low, high);
        Extremes.Widen(c.OutputExtremes, low, high);
    }
}
