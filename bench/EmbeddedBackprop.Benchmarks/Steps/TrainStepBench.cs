using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>A whole training step, forward, backward and update: sigmoid layers, quadratic loss, SGD (Nielsen's net and others).</summary>
public class TrainStepBench : Bench
{
    private const int SampleCount = 50_000;
    private Network network = null!;
    private ByteDataset? data;
    private int[] order = [];
    private int next;
    private int batch;

    protected override IEnumerable<string> CaseList =>
    [
        "[784,30,10] batch 1", "[784,30,10] batch 10", "[784,30,10] batch 10 gathered", "[784,30,10] batch 32",
        "[784,512,512,10] batch 64", "[67,131,33] batch 10", "[4,1] batch 1", "[4,3,1] batch 1",
    ];

    public override double Work => DenseNet.Operations(Layers, Batch);

    private int[] Layers => Word.Trim('[', ']').Split(',').Select(layer => int.Parse(layer, CultureInfo.InvariantCulture)).ToArray();

    private int Batch => int.Parse(Case.Split(' ')[2], CultureInfo.InvariantCulture);

    public override int ResultHash() =>
        network
            .InferencePlan.Parameters.ToArray()
            .Aggregate(
                0,
                (hash, range) =>
                    HashCode.Combine(hash, HashOf(network.Parameters.Slice(range.Offset, range.Length), range.Rows, range.Columns, range.Stride)));

    protected override void Prepare(Form form)
    {
        batch = Batch;
        int[] layers = Layers;
        network = DenseNet.Make(layers, batch, execution: form == Form.Loop ? Execution.Scalar : Execution.Vector);

        Random random = new(1);
        byte[] bytes = new byte[SampleCount * layers[0]], labels = new byte[SampleCount];
        random.NextBytes(bytes);
        foreach (ref byte label in labels.AsSpan())
        {
            label = (byte)random.Next(layers[^1]);
        }

        data = new ByteDataset(bytes, labels, layers[0], layers[^1]);
        order = new int[SampleCount];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        random.Shuffle(order);
        next = 0;
        Gather();

        // One real step, whose bits show in the weights.
        network.TrainStep(batch, 3f);
        if (!Case.EndsWith("gathered", StringComparison.Ordinal))
        {
            data = null;
        }
    }

    protected override void Run()
    {
        if (data is not null)
        {
            Gather();
        }

        // A rate that moves no weight far: however often the step is run, it does the work of the first one.
        network.TrainStep(batch, 1e-12f);
    }

    protected override void RunLoop() => Run();

    /// <summary>As Trainer does it: the next rows of a shuffled epoch, and a hint for those after them.</summary>
    private void Gather()
    {
        if (next + (2 * batch) > order.Length)
        {
            next = 0;
        }

        data!.Gather(
            order.AsSpan(next, batch),
            network.TrainingInput(batch),
            network.InputStride,
            network.TrainingTarget(batch),
            network.TargetStride);
        next += batch;
        data.Prefetch(order.AsSpan(next, batch));
    }
}
