using System.Runtime.InteropServices;
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
        Span<float> terms = c.Scratch;
        int length = c.Batch * c.InputStride(0);
        LaneDispatch.Run<ValueKernel, Arguments>(c.Arithmetic, new Arguments(c.Input(0), c.Input(1), terms[..length], 0));
        Span<float> parts = c.Output;
        BeginParts(in c, parts);
        int index = (int)((long)c.SampleOffset * Outputs % PartCount);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            foreach (float term in terms.Slice(sample * c.InputStride(0), Outputs))
            {
                parts[index] += term;
                index = (index + 1) % PartCount;
            }
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> gradient = c.InputGradient(0);
        LaneDispatch.Run<DerivativeKernel, Arguments>(
            c.Arithmetic, new Arguments(c.Input(0), c.Input(1), gradient, (float)Scale(c.LogicalBatch)));
        Padding.Clear(gradient, c.Batch, Outputs, c.InputStride(0));
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        if (c.Arithmetic == Arithmetic.Fused)
        {
            ForwardTwin<Lane<Fused>>(in c);
        }
        else
        {
            ForwardTwin<Lane<Separate>>(in c);
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        if (c.Arithmetic == Arithmetic.Fused)
        {
            BackwardTwin<Lane<Fused>>(in c);
        }
        else
        {
            BackwardTwin<Lane<Separate>>(in c);
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        Span<double> parts = c.Output;
        BeginParts(in c, parts);
        int stride = c.InputStride(0);
        for (int i = 0; i < c.Batch * Outputs; i++)
        {
            int at = (i / Outputs * stride) + (i % Outputs);
            parts[i % PartCount] += TFunction.Value(new LaneDouble(c.Input(0)[at]), new LaneDouble(c.Input(1)[at])).Value;
        }
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        int stride = c.InputStride(0);
        for (int i = 0; i < c.Batch * Outputs; i++)
        {
            int at = (i / Outputs * stride) + (i % Outputs);
            c.InputGradient(0)[at] =
                TFunction.Derivative(new LaneDouble(c.Input(0)[at]), new LaneDouble(c.Input(1)[at])).Value * Scale(c.LogicalBatch);
        }
    }

    private void ForwardTwin<T>(in OpContext<float> c) where T : struct, IFloatLanes<T>
    {
        Span<float> parts = c.Output;
        BeginParts(in c, parts);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            for (int output = 0; output < Outputs; output++)
            {
                nuint at = (nuint)((sample * c.InputStride(0)) + output);
                long element = ((long)(c.SampleOffset + sample) * Outputs) + output;
                ref float part = ref parts[(int)(element % PartCount)];
                T.Store(T.Load(ref part, 0) + TFunction.Value(T.Load(ref c.Input(0)[0], at), T.Load(ref c.Input(1)[0], at)), ref part, 0);
            }
        }
    }

    private void BackwardTwin<T>(in OpContext<float> c) where T : struct, IFloatLanes<T>
    {
        T scale = T.Constant(Scale(c.LogicalBatch));
        for (int sample = 0; sample < c.Batch; sample++)
        {
            for (int output = 0; output < Outputs; output++)
            {
                nuint at = (nuint)((sample * c.InputStride(0)) + output);
                T.Store(TFunction.Derivative(T.Load(ref c.Input(0)[0], at), T.Load(ref c.Input(1)[0], at)) * scale, ref c.InputGradient(0)[0], at);
            }
        }
    }

    private readonly ref struct Arguments(ReadOnlySpan<float> a, ReadOnlySpan<float> y, Span<float> target, float scale)
    {
        public readonly ReadOnlySpan<float> A = a;
        public readonly ReadOnlySpan<float> Y = y;
        public readonly Span<float> Target = target;
        public readonly float Scale = scale;
    }

    private readonly struct ValueKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref float a = ref MemoryMarshal.GetReference(arguments.A);
            ref float y = ref MemoryMarshal.GetReference(arguments.Y);
            ref float term = ref MemoryMarshal.GetReference(arguments.Target);
            nuint n = (nuint)arguments.Target.Length;
            nuint width = (nuint)T.Count;
            nuint i = 0;
            for (; n - i >= width; i += width)
            {
                T.Store(TFunction.Value(T.Load(ref a, i), T.Load(ref y, i)), ref term, i);
            }

            for (; i < n; i++)
            {
                TTail.Store(TFunction.Value(TTail.Load(ref a, i), TTail.Load(ref y, i)), ref term, i);
            }
        }
    }

    private readonly struct DerivativeKernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            ref float a = ref MemoryMarshal.GetReference(arguments.A);
            ref float y = ref MemoryMarshal.GetReference(arguments.Y);
            ref float gradient = ref MemoryMarshal.GetReference(arguments.Target);
            nuint n = (nuint)arguments.Target.Length;
            nuint width = (nuint)T.Count;
            T scale = T.Broadcast(arguments.Scale);
            TTail tailScale = TTail.Broadcast(arguments.Scale);
            nuint i = 0;
            for (; n - i >= width; i += width)
            {
                T.Store(TFunction.Derivative(T.Load(ref a, i), T.Load(ref y, i)) * scale, ref gradient, i);
            }

            for (; i < n; i++)
            {
                TTail.Store(TFunction.Derivative(TTail.Load(ref a, i), TTail.Load(ref y, i)) * tailScale, ref gradient, i);
            }
        }
    }
}
