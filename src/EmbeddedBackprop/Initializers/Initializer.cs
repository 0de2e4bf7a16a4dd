using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Initializers;

/// <summary>
/// Draws initial parameters. Element e of a tensor in compact [out, in] order depends only on the seed, the tensor's index in the plan and e:
/// not on layout, machine or the order of drawing.
/// </summary>
public abstract class Initializer
{
    /// <summary>The name in tables and model files.</summary>
    public abstract string Name { get; }

    /// <summary>Its settings, for the model file: <c>Registry.Initializer(Name, Settings)</c> makes its like.</summary>
    public virtual InitializerSettings Settings => new();

    /// <summary>Fills one tensor inside the flat parameter span.</summary>
    /// <param name="range">The tensor.</param>
    /// <param name="index">Its index among the tensors of the network: the stream of its random numbers.</param>
    /// <param name="parameters">The flat span.</param>
    /// <param name="seed">The seed.</param>
    public virtual void Fill(in ParameterRange range, int index, Span<float> parameters, ulong seed)
    {
        CounterRandom random = new(seed, RandomPurpose.Weights);
        int fanIn = range.FanIn, fanOut = range.FanOut;
        for (int column = 0; column < range.Columns; column++)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                ulong element = ((ulong)column * (ulong)range.Rows) + (ulong)row;
                parameters[range.Offset + (row * range.Stride) + column] = range.Kind switch
                {
                    ParameterKind.Weight => Weight(random, (uint)index, element, fanIn, fanOut),
                    ParameterKind.Scale => 1f,
                    _ => Bias(random, (uint)index, element),
                };
            }
        }
    }

    /// <summary>How a tensor is drawn; null where its elements are no single draws times a factor, and for a program's own initialisers.</summary>
    internal InitialDraw? DrawOf(in ParameterRange range) => range.Kind switch
    {
        ParameterKind.Weight => WeightDraw(range.FanIn, range.FanOut),
        ParameterKind.Scale => InitialDraw.Constant(1f),
        _ => WeightDraw(1, 1) is null ? null : BiasDraw,
    };

    /// <summary><see cref="Weight"/> as a draw.</summary>
    internal virtual InitialDraw? WeightDraw(int fanIn, int fanOut) => null;

    /// <summary><see cref="Bias"/> as a draw.</summary>
    internal virtual InitialDraw BiasDraw => InitialDraw.Constant(0f);

    /// <summary>One weight.</summary>
    /// <param name="random">The generator.</param>
    /// <param name="stream">The tensor's stream.</param>
    /// <param name="element">Index in compact [out, in] order.</param>
    /// <param name="fanIn">Inputs of the layer.</param>
    /// <param name="fanOut">Outputs of the layer.</param>
    protected abstract float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut);

    /// <summary>One bias: 0 unless the initializer says otherwise.</summary>
    protected virtual float Bias(CounterRandom random, uint stream, ulong element) => 0f;
}
