using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>
/// A recurrent layer whose last hidden state is classified (ten classes, softmax and cross-entropy, SGD): steps x features x units, a training step
/// of a batch or a prediction.
/// </summary>
public class RecurrentStepBench : Bench
{
    private const int Classes = 10;
    private Network network = null!;
    private float[] sequence = [];
    private int batch;
    private bool predicts;

    protected override IEnumerable<string> CaseList =>
        [
            "lstm 128x9x64 batch 32",
            "gru 128x9x64 batch 32",
            "rnn 128x9x64 batch 32",
            "lstm 128x9x64 predict",
            "gru 128x9x64 predict",
            "gru 21x5x19 batch 3",
        ];

    /// <summary>Products only: forward, weight gradient, and the gradient of the hidden state; that of the input is not needed.</summary>
    public override double Work
    {
        get
        {
            double gates = Word switch { "lstm" => 4, "gru" => 3, _ => 1 }, steps = Sizes[0], features = Sizes[1], hidden = Sizes[2];
            return 2 * steps * gates * hidden * (IsPrediction ? features + hidden : batch * ((2 * features) + (3 * hidden)));
        }
    }

    /// <summary>Samples of one call.</summary>
    public int Samples => IsPrediction ? 1 : batch;

    private bool IsPrediction => Case.EndsWith("predict", StringComparison.Ordinal);

    public override int ResultHash() =>
        predicts
            ? HashOf(network.Predict(sequence), 1, Classes, Classes)
            : network
                .InferencePlan.Parameters.ToArray()
                .Aggregate(
                    0,
                    (hash, range) =>
                        HashCode.Combine(hash, HashOf(network.Parameters.Slice(range.Offset, range.Length), range.Rows, range.Columns, range.Stride))
                );

    protected override void Prepare(Form form)
    {
        predicts = IsPrediction;
        batch = predicts ? 1 : int.Parse(Case[(Case.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        network = RecurrentClassifier.Make(
            Word,
            Sizes[0],
            Sizes[1],
            Sizes[2],
            Classes,
            batch,
            form == Form.Loop ? Execution.Scalar : Execution.Vector);
        Random random = new(1);
        sequence = new float[Sizes[0] * Sizes[1]];
        foreach (ref float value in sequence.AsSpan())
        {
            value = (random.NextSingle() * 2) - 1;
        }

        if (predicts)
        {
            return;
        }

        foreach (ref float value in network.TrainingInput(batch))
        {
            value = (random.NextSingle() * 2) - 1;
        }

        FillTargets();

        // One real step, whose bits show in the weights.
        network.TrainStep(batch, 0.1f);
    }

    protected override void Run()
    {
        if (predicts)
        {
            network.Predict(sequence);
        }
        else
        {
            FillTargets(); // a step overwrites them
            network.TrainStep(batch, 1e-12f); // a rate that moves no weight far: every step does the work of the first one
        }
    }

    protected override void RunLoop() => Run();

    private void FillTargets()
    {
        Span<float> targets = network.TrainingTarget(batch);
        targets.Clear();
        for (int b = 0; b < batch; b++)
        {
            targets[(b * network.TargetStride) + (b % Classes)] = 1;
        }
    }
}
