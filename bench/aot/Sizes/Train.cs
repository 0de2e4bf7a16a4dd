using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

// Trains one epoch on 1,000 built-in digits and writes the model: Train [MODEL]
#if SEPARATE
const Arithmetic arithmetic = Arithmetic.Separate;
#else
const Arithmetic arithmetic = Arithmetic.Fused;
#endif
Network network = new Sequential(784).Dense<Relu>(30).Dense(10, new Softmax())
    .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Arithmetic = arithmetic, Batch = 10, Seed = 1 });
Trainer trainer = new(network, DigitsGenerator.Create(1_000, seed: 1), new TrainerOptions { Epochs = 1, LearningRate = 0.1f });
trainer.TrainEpoch();
if (args is [string model])
{
    ModelFile.Save(model, network);
}

Console.WriteLine(WeightsHash.Of(network));
