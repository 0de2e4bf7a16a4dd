using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// The integers of a layer, made from its float weights: weights, biases, multipliers and shifts of its outputs, and the table of its activation. The
/// engine makes them in scratch, the exporter in tables; both here.
/// </summary>
internal readonly ref struct LayerIntegers
{
    /// <summary>Memory for the integers: <see cref="Length"/> elements of 4 bytes.</summary>
    public LayerIntegers(WeightAxis axis, Span<int> memory)
    {
        Axis = axis;
        int outputs = axis.Groups * axis.Outputs, weights = axis.Count;
        Weights = memory[..weights];
        Bias = memory.Slice(weights, outputs);
        M = memory.Slice(weights + outputs, outputs);
        Shift = memory.Slice(weights + (2 * outputs), outputs);
        Magnitudes = memory.Slice(weights + (3 * outputs), outputs);
        Table = memory.Slice(weights + (4 * outputs), IntegerActivation.TableLength);
    }

    /// <summary>Which output a weight belongs to.</summary>
    public WeightAxis Axis { get; }

    /// <summary>-127 to 127, in the order of the float weights.</summary>
    public Span<int> Weights { get; }

    /// <summary>The memory of <see cref="Weights"/>, where the engine holds the same integers as floats.</summary>
    public Span<float> Floats => MemoryMarshal.Cast<int, float>(Weights);

    /// <summary>b of each output, without the zero point of the input.</summary>
    public Span<int> Bias { get; }

    /// <summary>The multiplier of each output.</summary>
    public Span<int> M { get; }

    /// <summary>Its shift.</summary>
    public Span<int> Shift { get; }

    /// <summary>The sum of |weight| of each output.</summary>
    public Span<int> Magnitudes { get; }

    /// <summary>The activation's table, if it has one.</summary>
    public Span<int> Table { get; }

    /// <summary>Elements of memory for a layer's integers.</summary>
    public static int Length(WeightAxis axis) => axis.Count + (4 * axis.Groups * axis.Outputs) + IntegerActivation.TableLength;

    /// <summary>Makes all of them.</summary>
    /// <param name="arithmetic">That of the function in the table.</param>
    /// <param name="activation">f.</param>
    /// <param name="weights">The float weights; elements of padding are 0.</param>
    /// <param name="bias">The float biases.</param>
    /// <param name="scales">The scale of each output's weights.</param>
    /// <param name="x">The type of the input.</param>
    /// <param name="y">The type of the output.</param>
    /// <param name="index">The type of the table's index; not read without a table.</param>
    public void Make(
        Arithmetic arithmetic, Activation activation, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ReadOnlySpan<float> scales,
        IntegerType x, IntegerType y, IntegerType index)
    {
        MakeWeights(weights, scales, Weights);
        MakeOutputs(activation, bias, scales, x, y, index);
        if (!IntegerActivation.IsClamp(activation))
        {
            IntegerActivation.Fill(activation, arithmetic, index, y, Table);
        }
    }

    /// <summary>The same by lanes, with the weights as <see cref="Floats"/>.</summary>
    public void MakeByLanes(
        Arithmetic arithmetic, Activation activation, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ReadOnlySpan<float> scales,
        IntegerType x, IntegerType y, IntegerType index)
    {
        MakeWeights(weights, scales, Floats);
        MakeOutputs(activation, bias, scales, x, y, index);
        if (!IntegerActivation.IsClamp(activation))
        {
            IntegerActivation.FillByLanes(activation, arithmetic, index, y, Table);
        }
    }

    private void MakeOutputs(
        Activation activation, ReadOnlySpan<float> bias, ReadOnlySpan<float> scales, IntegerType x, IntegerType y, IntegerType index)
    {
        bool clamp = IntegerActivation.IsClamp(activation);
        double target = clamp ? y.Scale : y.Bits == 8 ? index.Scale : index.Scale / 256.0;
        int outputs = scales.Length;
        for (int j = 0; j < outputs; j++)
        {
            Bias[j] = IntegerWeights.Bias(bias[j], x.Scale, scales[j]);
            (M[j], Shift[j]) = Multiplier.Of((double)x.Scale * scales[j] / target);
        }
    }

    /// <summary>
    /// The scale of each output's weights, from the weights: the largest magnitude is 127, and a bias fits. With inputs of 16 bits a scale is
    /// enlarged until max|q - z| sum |w| + |b| &lt; 2^31: 33,000 products of bytes and a bias always are. Overwrites the integers.
    /// </summary>
    /// <returns>Outputs whose scale was enlarged.</returns>
    public int MakeScales(ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, IntegerType x, Span<float> scales)
    {
        Enlarged.Clear();
        scales.Clear();
        if (Axis is { Groups: 1, After: 1 })
        {
            // Outputs are columns; rows are read with their padding, which is 0.
            Span<float> largest = Padded;
            IntegerWeights.Largest(Axis.Before, largest.Length, weights, largest.Length, largest);
            largest[..scales.Length].CopyTo(scales);
        }
        else
        {
            for (int run = 0; run < Axis.Runs; run++)
            {
                int output = Axis.OutputOfRun(run);
                scales[output] = MathF.Max(scales[output], IntegerWeights.Largest(weights.Slice(run * Axis.After, Axis.After)));
            }
        }

        for (int j = 0; j < scales.Length; j++)
        {
            scales[j] = IntegerWeights.Scale(scales[j], bias[j], x.Scale);
        }

        int enlarged = 0;
        bool fits = x.Bits == 8;
        while (!fits)
        {
            fits = true;
            MakeWeights(weights, scales, Floats);
            for (int j = 0; j < scales.Length; j++)
            {
                long reach = ((long)Magnitudes[j] * x.LargestCentred) + Math.Abs(IntegerWeights.Bias(bias[j], x.Scale, scales[j]));
                if (reach > int.MaxValue)
                {
                    // Weights that round up can leave the sum a little too large: then once more.
                    enlarged += Enlarged[j] == 0 ? 1 : 0;
                    Enlarged[j] = 1;
                    scales[j] = MathF.BitIncrement((float)(scales[j] * ((double)reach / int.MaxValue)));
                    fits = false;
                }
            }
        }

        return enlarged;
    }

    /// <summary>s_w q_w, in the order of the weights. Overwrites the integers.</summary>
    public void MakeReal(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<float> real)
    {
        MakeWeights(weights, scales, real);
        if (Axis is { Groups: 1, After: 1 })
        {
            for (int row = 0; row < Axis.Before; row++)
            {
                Span<float> outputs = real.Slice(row * Axis.Outputs, scales.Length);
                Elementwise.Multiply(outputs, scales, outputs);
            }

            return;
        }

        for (int run = 0; run < Axis.Runs; run++)
        {
            Span<float> taps = real.Slice(run * Axis.After, Axis.After);
            Elementwise.Scale(scales[Axis.OutputOfRun(run)], taps, taps);
        }
    }

    /// <summary>The definition of <see cref="MakeReal"/>.</summary>
    public static void MakeRealScalar<T>(WeightAxis axis, ReadOnlySpan<T> weights, ReadOnlySpan<T> scales, Span<T> real)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int run = 0; run < axis.Runs; run++)
        {
            int output = axis.OutputOfRun(run);
            T scale = output < scales.Length ? scales[output] : T.Zero;
            for (int i = run * axis.After; i < (run + 1) * axis.After; i++)
            {
                // A column of padding belongs to no output.
                int q = output < scales.Length ? IntegerWeights.Round(float.CreateTruncating(weights[i]), float.CreateTruncating(scale)) : 0;
                real[i] = scale * T.CreateChecked(q);
            }
        }
    }

    // Which outputs MakeScales enlarged; multipliers are made later.
    private Span<int> Enlarged => M;

    // A float for each column of a row; shifts are made later.
    private Span<float> Padded => MemoryMarshal.Cast<int, float>(Shift);

    private void MakeWeights<TInteger>(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<TInteger> integers) where TInteger : unmanaged
    {
        Magnitudes.Clear();
        if (Axis is { Groups: 1, After: 1 })
        {
            // Outputs are columns; the padding of rows is 0, with any scale.
            Span<float> padded = Padded;
            padded.Fill(1f);
            scales.CopyTo(padded);
            IntegerWeights.Round(Axis.Before, padded.Length, weights, padded, integers, padded.Length, Magnitudes);
            return;
        }

        for (int run = 0; run < Axis.Runs; run++)
        {
            int output = Axis.OutputOfRun(run);
            Magnitudes[output] += IntegerWeights.Round(
                weights.Slice(run * Axis.After, Axis.After), scales[output], integers.Slice(run * Axis.After, Axis.After));
        }
    }

    /// <summary>The largest sum of |weight| over the outputs.</summary>
    public int LargestMagnitude
    {
        get
        {
            int largest = 0;
            foreach (int magnitude in Magnitudes)
            {
                largest = Math.Max(largest, magnitude);
            }

            return largest;
        }
    }
}
