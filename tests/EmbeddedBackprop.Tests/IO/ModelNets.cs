using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Small networks and data for the tests of model files.</summary>
internal static class ModelNets
{
    public const int Inputs = 5;

    public const int Classes = 3;

    /// <summary>22 samples: with a batch of 4 an epoch ends in a short one.</summary>
    public static FloatDataset Data { get; } = FloatDataset.Classified(
        Samples.Array(22 * Inputs, seed: 3), Inputs, [.. Enumerable.Range(0, 22).Select(i => i % Classes)], Classes);

    public static NetworkOptions Options(string optimizer = "adam", Arithmetic arithmetic = Arithmetic.Fused) => new()
    {
        Batch = 4,
        Seed = 7,
        Arithmetic = arithmetic,
        Optimizer = Registry.Optimizer(optimizer),
        Regularization = new Regularization { L2 = 1e-3f, WeightDecay = 1e-2f, MaxNorm = 1.75f },
        Clipping = new Clipping { Norm = 1.5f },
    };

    public static Network Network(NetworkOptions? options = null, int hidden = 7) =>
        new Sequential(Inputs).Dense<Sigmoid>(hidden).Dense<Sigmoid>(Classes).Compile<Quadratic>(options ?? Options());

    public static Network SoftmaxNetwork() =>
        new Sequential(Inputs)
            .Dense<Tanh>(4)
            .Dense(Classes, new EmbeddedBackprop.Activations.Softmax())
            .Compile(new SoftmaxCrossEntropy(), Options());

    public static Trainer Trainer(Network network, int epochs = 4, int patience = 2) =>
        new(network, Data, new TrainerOptions { Epochs = epochs, LearningRate = 0.05f, EarlyStopping = new EarlyStopping(patience) });

    /// <summary>Trains for some steps and, at an epoch's end, judges it as a program with early stopping would.</summary>
    public static void Run(Trainer trainer, int steps)
    {
        long end = trainer.Network.StepNumber + steps;
        while (trainer.Network.StepNumber < end)
        {
            using CancellationTokenSource source = new();
            EpochResult? epoch = trainer.TrainEpoch(
                _ =>
                {
                    if (trainer.Network.StepNumber == end)
                    {
                        source.Cancel();
                    }
                },
                source.Token);
            if (epoch is not null)
            {
                _ = trainer.Judge(trainer.Evaluate(Data));
            }
        }
    }

    /// <summary>The whole result of a training, as one string.</summary>
    public static string Hash(Trainer trainer) => string.Join(
        ' ',
        WeightsHash.Of(trainer.Network),
        WeightsHash.Of(trainer.Network.OptimizerState),
        WeightsHash.Of(trainer.BestParameters),
        trainer.Network.StepNumber,
        $"{trainer.State.Epoch} {trainer.State.NextSample} {trainer.State.LossSum:R} {trainer.State.Correct}",
        $"{trainer.State.BestEpoch} {trainer.State.BestScore:R} {trainer.State.Stopped} {trainer.State.Rejected}");

    /// <summary>A network and its training, some steps in, as a file's bytes.</summary>
    public static byte[] Saved(int steps = 8, IReadOnlyDictionary<string, string>? extra = null)
    {
        Trainer trainer = Trainer(Network());
        Run(trainer, steps);
        return ModelFile.ToArray(trainer.Network, trainer, extra);
    }
}
