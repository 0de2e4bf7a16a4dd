using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// What the backward pass of a recurrent layer reads besides what the forward pass has kept: the op's own inputs and weights, or the real values that
/// integers mean.
/// </summary>
internal readonly ref struct RecurrentOperands<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly OpContext<T> context;
    private readonly Span<T> weights;
    private readonly Span<T> passes;

    /// <summary>The op's own.</summary>
    public RecurrentOperands(in OpContext<T> c)
    {
        context = c;
        Input = c.Input(0);
        Scratch = c.Scratch;
    }

    /// <summary>Real values in the place of them.</summary>
    /// <param name="c">The step's context.</param>
    /// <param name="input">The sequence, [batch][stride of the input].</param>
    /// <param name="weights">W_ih and W_hh of each direction, one after the other.</param>
    /// <param name="passes">For every delta of every step 1, or 0 where it is no gradient; in the order of the kept gates.</param>
    /// <param name="scratch">Memory of the layer's backward pass.</param>
    public RecurrentOperands(in OpContext<T> c, Span<T> input, Span<T> weights, Span<T> passes, Span<T> scratch)
    {
        context = c;
        this.weights = weights;
        this.passes = passes;
        Input = input;
        Scratch = scratch;
    }

    /// <summary>The sequence.</summary>
    public Span<T> Input { get; }

    /// <summary>Memory of the layer's backward pass.</summary>
    public Span<T> Scratch { get; }

    /// <summary>A weight tensor, by its index among the op's parameters.</summary>
    public Span<T> Weights(int tensor)
    {
        if (weights.IsEmpty)
        {
            return context.Parameter(tensor);
        }

        int input = context.Range(0).Length, hidden = context.Range(1).Length;
        return weights.Slice((tensor / 4 * (input + hidden)) + (tensor % 4 == 0 ? 0 : input), tensor % 4 == 0 ? input : hidden);
    }

    /// <summary>Clears the deltas of a step that do not pass.</summary>
    public void Stop<K>(in RecurrentMemory<T> memory, int step) where K : struct, IKernels<T>
    {
        if (!passes.IsEmpty)
        {
            int length = context.Batch * memory.Sizes.GateStride;
            Span<T> pass = passes.Slice(memory.GatesOffset(step), length);
            K.Apply<ZeroOutside>(context.Arithmetic, pass, pass, memory.Gates(step)[..length], T.One, T.One);
        }
    }
}
