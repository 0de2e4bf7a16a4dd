using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>One network whose exported training is compared with the engine's.</summary>
/// <param name="Name">The name in a failure's message.</param>
/// <param name="Build">
/// Makes the graph and gives the outputs (at least one) and the losses. The names of inputs describe their samples: "rows5" whole numbers
/// below 5, "class4" the same for the index of a class, "onehot" rows with one 1, "bit" zeros and ones, "share" numbers from 0 to 1,
/// everything else numbers from -1 to 1.
/// </param>
internal sealed record CTrainingCase(string Name, Func<Graph, (Node[] Outputs, Node[] Losses)> Build)
{
    public Arithmetic Arithmetic { get; init; } = Arithmetic.Fused;

    /// <summary>Samples of a call.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Calls of an update.</summary>
    public int Accumulate { get; init; } = 1;

    public Optimizer Optimizer { get; init; } = new Sgd();

    public Regularization Regularization { get; init; } = Regularization.None;

    public Clipping Clipping { get; init; } = Clipping.None;

    public float LearningRate { get; init; } = 0.1f;

    public Schedule Schedule { get; init; } = new Constant();

    /// <summary>The updates of the schedule's epoch; the training has as many epochs as its updates need.</summary>
    public int StepsPerEpoch { get; init; }

    public int Epochs => StepsPerEpoch == 0 ? 1 : (Updates + StepsPerEpoch - 1) / StepsPerEpoch;

    /// <summary>Updates that are compared.</summary>
    public int Updates { get; init; } = 100;

    /// <summary>Called between updates with their count, from 1: the learning rate of the next one (a schedule).</summary>
    public Func<int, float>? Rate { get; init; }

    /// <summary>The storage of frozen layers in flash, where that is not float32.</summary>
    public IReadOnlyDictionary<string, CStorage> StorageOf { get; init; } = new Dictionary<string, CStorage>();

    /// <summary>Layers that keep their weights.</summary>
    public string[] Frozen { get; init; } = [];

    /// <summary>Nodes whose values the C computes again; the engine keeps them.</summary>
    public string[] Recompute { get; init; } = [];

    /// <summary>The storage in flash of the weights of layers that are not trained.</summary>
    public CStorage Storage { get; init; } = CStorage.Float32;

    /// <summary>The rows of an input or target, the same for every call, where its name does not tell; null for no such rows.</summary>
    public Func<Node, float[]?>? Draw { get; init; }

    public ulong Seed { get; init; } = 7;
}
