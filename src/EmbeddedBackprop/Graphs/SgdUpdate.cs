using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>Plain gradient descent within the backward pass: g = M(l2, w, g) if l2 is not 0, then w = M(-rate, g, w).</summary>
/// <param name="LearningRate">eta.</param>
/// <param name="WeightL2">The penalty on weights.</param>
/// <param name="BiasL2">The penalty on biases.</param>
public readonly record struct SgdUpdate(float LearningRate, float WeightL2 = 0f, float BiasL2 = 0f)
{
    /// <summary>To whom layers that run one sample in one kernel report how far their weights change; null for nobody.</summary>
    internal FiniteWeights? Finite { get; init; }

    /// <summary>The penalty on a tensor.</summary>
    public float L2(ParameterKind kind) => kind == ParameterKind.Weight ? WeightL2 : BiasL2;

    /// <summary>Applies the op's gradient to its parameters.</summary>
    /// <returns>Whether the gradient was finite.</returns>
    public bool Apply(in OpContext<float> c)
    {
        bool finite = true;
        for (int i = 0; i < c.ParameterCount; i++)
        {
            finite &= Apply(in c, i);
        }

        return finite;
    }

    /// <summary>Applies the gradient of the op's i-th tensor if it is finite.</summary>
    /// <returns>Whether the gradient was finite.</returns>
    public bool Apply(in OpContext<float> c, int index) => Apply(in c, index, c.ParameterGradient(index));

    /// <summary>Applies a gradient of the op's i-th tensor if it is finite; penalties are written into it.</summary>
    /// <returns>Whether the gradient was finite.</returns>
    public bool Apply(in OpContext<float> c, int index, Span<float> g) => Apply(in c, index, c.Parameter(index), g);

    /// <summary>Applies a gradient of a part of the op's i-th tensor if it is finite; penalties are written into it.</summary>
    /// <returns>Whether the gradient was finite.</returns>
    public bool Apply(in OpContext<float> c, int index, Span<float> w, Span<float> g)
    {
        ref readonly ParameterRange range = ref c.Range(index);
        float l2 = L2(range.Kind);
        if (range.Columns == range.Stride)
        {
            return Apply(c.Arithmetic, l2, w, g);
        }

        // Gradients without a span of their own lie in memory that was used before: their padding means nothing.
        bool finite = true;
        for (int at = 0; at < w.Length; at += range.Stride)
        {
            finite &= Apply(c.Arithmetic, l2, w.Slice(at, range.Columns), g.Slice(at, range.Columns));
        }

        return finite;
    }

    private bool Apply(Arithmetic arithmetic, float l2, Span<float> w, Span<float> g)
    {
        if (!Kernels.Finite.All(g))
        {
            return false;
        }

        if (l2 != 0f)
        {
            Elementwise.MultiplyAdd(arithmetic, l2, w, g);
        }

        Elementwise.MultiplyAdd(arithmetic, -LearningRate, g, w);
        return true;
    }
}
