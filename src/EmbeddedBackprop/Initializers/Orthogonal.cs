using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Initializers;

/// <summary>
/// Weights whose rows (or columns, whichever are fewer) are orthogonal and of length Gain, drawn uniformly from all such matrices; biases 0. A signal
/// keeps its length through such a layer, and so does an error on its way back. Source: Saxe, McClelland, Ganguli 2014; the gains are PyTorch's (1
/// for linear and sigmoid layers, 5/3 for tanh, sqrt(2) for ReLU).
/// </summary>
/// <remarks>
/// The tensor counts as a matrix [fan-out, fan-in] in file order. Its shorter side says how many vectors there are: vector i holds N(0, 1)
/// draws, element e of the tensor from index e of its stream, and is made orthogonal to the vectors before it by Gram and Schmidt, twice,
/// so that rounding leaves no error:
/// for j ascending: r = q[j] . v; v = M(-r, q[j], v). Then q[i] = v / sqrt(v . v). All in separate arithmetic with the engine's own sums, whatever
/// the model's: the same bits everywhere.
/// </remarks>
public sealed class Orthogonal : Initializer
{
    /// <inheritdoc/>
    public override string Name => "orthogonal";

    /// <summary>The length of the vectors. 1 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Gain { get; init => field = Errors.RequirePositive("gain", value); } = 1f;

    /// <inheritdoc/>
    public override InitializerSettings Settings => new() { Gain = Gain };

    /// <inheritdoc/>
    public override void Fill(in ParameterRange range, int index, Span<float> parameters, ulong seed)
    {
        if (range.Kind != ParameterKind.Weight)
        {
            base.Fill(in range, index, parameters, seed);
            return;
        }

        int outputs = range.FileShape[0], inputs = range.Count / outputs;
        bool byOutput = outputs <= inputs;
        int count = Math.Min(inputs, outputs), length = Math.Max(inputs, outputs);
        float[] compact = new float[range.Count], vectors = byOutput ? compact : new float[range.Count];
        new CounterRandom(seed, RandomPurpose.Weights).FillNormal((uint)index, 0, 0f, 1f, compact);
        if (!byOutput)
        {
            Transpose(compact, outputs, inputs, vectors);
        }

        for (int i = 0; i < count; i++)
        {
            MakeOrthogonal(vectors, i, length);
        }

        Elementwise.Scale(Gain, vectors, vectors);
        if (!byOutput)
        {
            Transpose(vectors, inputs, outputs, compact);
        }

        range.CopyFrom<float>(compact, parameters);
    }

    /// <inheritdoc/>
    protected override float Weight(CounterRandom random, uint stream, ulong element, int fanIn, int fanOut) => random.Normal(stream, element);

    private static void MakeOrthogonal(float[] vectors, int i, int length)
    {
        Span<float> v = vectors.AsSpan(i * length, length);
        for (int pass = 0; pass < 2; pass++)
        {
            for (int j = 0; j < i; j++)
            {
                ReadOnlySpan<float> q = vectors.AsSpan(j * length, length);
                float r = Dot.Product(Arithmetic.Separate, q, v);
                Elementwise.MultiplyAdd(Arithmetic.Separate, -r, q, v);
            }
        }

        float norm = MathF.Sqrt(Dot.Product(Arithmetic.Separate, v, v));
        for (int e = 0; e < v.Length; e++)
        {
            // A drawn 0 is possible where a vector has a single element: it has a direction, too.
            v[e] = norm > 0f ? v[e] / norm : e == 0 ? 1f : 0f;
        }
    }

    private static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                destination[(column * rows) + row] = source[(row * columns) + column];
            }
        }
    }
}
