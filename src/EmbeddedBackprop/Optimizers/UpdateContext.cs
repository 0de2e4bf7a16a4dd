using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// One tensor as an optimiser sees it: its parameters, their gradients and the optimiser's state, element by element (padding included: it is 0 and
/// stays 0).
/// </summary>
public readonly ref struct UpdateContext
{
    private readonly Span<float> state;
    private readonly int stateStride;
    private readonly int offset;

    /// <summary>Cuts the spans of one tensor out of the flat ones.</summary>
    internal UpdateContext(
        Arithmetic arithmetic, in ParameterRange range, Span<float> parameters, ReadOnlySpan<float> gradients,
        Span<float> state, int stateStride, float learningRate, float decay)
    {
        Arithmetic = arithmetic;
        Range = range;
        Parameters = parameters.Slice(range.Offset, range.Length);
        Gradients = gradients.Slice(range.Offset, range.Length);
        this.state = state;
        this.stateStride = stateStride;
        offset = range.Offset;
        LearningRate = learningRate;
        Decay = decay;
    }

    /// <summary>The model's arithmetic.</summary>
    public Arithmetic Arithmetic { get; }

    /// <summary>The tensor.</summary>
    public ParameterRange Range { get; }

    /// <summary>The parameters to update.</summary>
    public Span<float> Parameters { get; }

    /// <summary>The gradient of the loss, regularisation included.</summary>
    public ReadOnlySpan<float> Gradients { get; }

    /// <summary>The learning rate of this step.</summary>
    public float LearningRate { get; }

    /// <summary>The decoupled weight decay of this tensor: 0 unless the optimiser decouples it (AdamW).</summary>
    public float Decay { get; }

    /// <summary>The i-th state array (velocity, mean square ...) of this tensor.</summary>
    public Span<float> State(int array) => state.Slice((array * stateStride) + offset, Range.Length);

    /// <summary>The scalars after the state arrays (running powers of beta).</summary>
    public Span<float> Scalars(int arrays) => state[(arrays * stateStride)..];
}
