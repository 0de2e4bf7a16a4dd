using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// A training drawn by a seed whose inputs, weights and factors have magnitudes from the least denormal to the largest float, with infinities, NaN
/// and zeros of both signs between them.
/// </summary>
internal sealed class ExtremeTraining
{
    private const int Steps = 3;

    private static readonly float[] Extremes =
        [3e38f, -3e38f, 1e38f, 1e30f, -1e25f, 1e19f, -1e19f, 1e-38f, 1e-40f, -1e-45f, 0f, -0f, 1f, -1f, float.PositiveInfinity, float.NaN];

    private static readonly string[] Functions = ["", " relu", " tanh", " sigmoid", " leaky-relu", " softplus"];

    private readonly ulong seed;
    private readonly int batch, extremeShare;
    private readonly float inputScale, weightScale, rate, l2;
    private readonly Arithmetic arithmetic;
    private readonly Layout layout;

    public ExtremeTraining(uint seed)
    {
        this.seed = seed;
        RandomSequence random = new CounterRandom(seed, RandomPurpose.Check).Sequence(5);
        Net = Draw(ref random);
        batch = 1 + random.NextBelow(5);
        inputScale = random.NextBelow(3) == 0 ? 1f : MathF.Pow(10f, Power(ref random));
        weightScale = random.NextBelow(2) == 0 ? 0f : MathF.Pow(10f, Power(ref random));
        extremeShare = random.NextBelow(3) == 0 ? 4 + random.NextBelow(40) : 0;
        rate = random.NextBelow(3) switch { 0 => 0.1f, 1 => 1e-20f, _ => 3f };
        l2 = random.NextBelow(3) == 0 ? 0.01f : 0f;
        arithmetic = random.NextBelow(2) == 0 ? Arithmetic.Fused : Arithmetic.Separate;
        layout = random.NextBelow(2) == 0 ? Layout.Padded : Layout.Compact;
    }

    /// <summary>The net's written form.</summary>
    public string Net { get; }

    /// <summary>What a step left.</summary>
    /// <param name="Applied">False: a gradient was not finite.</param>
    /// <param name="Loss">The loss before the update.</param>
    /// <param name="Parameters">All parameters after the step, in the order of files.</param>
    public readonly record struct Result(bool Applied, float Loss, float[] Parameters);

    /// <summary>Runs the steps, up to the first that is refused.</summary>
    public List<Result> Run(Execution execution, bool fuse, bool keepGradients = true, float factor = 1f)
    {
        using Network network = NetCompiler.Compile(
            Net,
            new Loss<Quadratic>(),
            new NetworkOptions
            {
                Batch = batch,
                Seed = seed,
                Arithmetic = arithmetic,
                Layout = execution == Execution.Scalar ? Layout.Compact : layout,
                Execution = execution,
                FuseUpdate = fuse,
                KeepGradients = keepGradients,
                Regularization = new Regularization { L2 = l2 },
                Optimizer = new Sgd(),
            });
        RandomSequence random = new CounterRandom(seed, RandomPurpose.Check).Sequence(6);
        if (weightScale != 0f)
        {
            foreach (ParameterRange range in network.InferencePlan.Parameters)
            {
                float[] weights = new float[range.Count];
                Fill(weights, weightScale, ref random);
                range.CopyFrom<float>(weights, network.Parameters);
            }
        }

        List<Result> results = [];
        while (results.Count < Steps && (results.Count == 0 || results[^1].Applied))
        {
            FillRows(network.TrainingInput(batch), network.Input.Shape.Length, inputScale, ref random);
            FillRows(network.TrainingTarget(batch), network.Output.Shape.Length, 1f, ref random);
            bool applied = network.TrainStep(batch, rate * factor, out float loss, out _);
            results.Add(new Result(applied, loss, SmallNet.Parameters(network)));
        }

        return results;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"seed {seed}: {Net}; batch {batch}, inputs {inputScale}, weights {weightScale}, extremes 1 in {extremeShare}, rate {rate}, l2 {l2}, "
            + $"{arithmetic}, {layout}");

    private static int Power(ref RandomSequence random) => random.NextBelow(83) - 44;

    private static string Draw(ref RandomSequence random)
    {
        string scale = random.NextBelow(4) == 0
            ? string.Create(CultureInfo.InvariantCulture, $" scale 1e{(random.NextBelow(2) == 0 ? 38 : Power(ref random))};")
            : "";
        string f = Functions[random.NextBelow(Functions.Length)], g = random.NextBelow(4) == 0 ? " softmax" : "";
        int outputs = 1 + random.NextBelow(9), hidden = 1 + random.NextBelow(40), side = 3 + random.NextBelow(5), channels = 1 + random.NextBelow(3);
        int filters = channels * (1 + random.NextBelow(4)), inputs = 1 + random.NextBelow(24);
        return random.NextBelow(9) switch
        {
            0 => $"input {inputs};{scale} dense {outputs}{g}",
            1 => $"input {inputs};{scale} dense {hidden}{f}; dense {outputs}{g}",
            2 => $"input {inputs};{scale} dense {hidden}{f}; dense {1 + random.NextBelow(9)}{f}; dense {outputs}{g}",
            3 => $"input {inputs};{scale} dense {hidden}; layernorm; dense {outputs}{g}",
            4 => $"input {channels}x{side}x{side};{scale} conv {filters} 3x3{f}; dense {outputs}",
            5 => $"input {channels}x{side}x{side};{scale} conv {filters} 3x3 same g{channels}; maxpool 2; dense {outputs}",
            6 => $"input {channels}x{side}x{side};{scale} conv {filters} 2x2; batchnorm; activate relu; dense {outputs}",
            7 => $"input {channels}x{side}x{side};{scale} conv-transpose {filters} 2x2 s2{f}; dense {outputs}",
            _ => $"input {side}x{channels};{scale} {(random.NextBelow(2) == 0 ? "lstm" : "gru")} {1 + random.NextBelow(9)}; dense {outputs}",
        };
    }

    private void FillRows(Span<float> rows, int columns, float scale, ref RandomSequence random)
    {
        rows.Clear();
        int stride = rows.Length / batch;
        for (int i = 0; i < batch; i++)
        {
            Fill(rows.Slice(i * stride, columns), scale, ref random);
        }
    }

    private void Fill(Span<float> values, float scale, ref RandomSequence random)
    {
        foreach (ref float value in values)
        {
            value = extremeShare > 0 && random.NextBelow(extremeShare) == 0
                ? Extremes[random.NextBelow(Extremes.Length)]
                : random.NextUniform(-1f, 1f) * scale;
        }
    }
}
