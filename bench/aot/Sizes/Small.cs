using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

// Learns on which of two spirals a point lies: points in memory, a dense net, plain gradient descent.
const int points = 400, turns = 1;
float[] inputs = new float[2 * points];
int[] spirals = new int[points];
for (int i = 0; i < points; i++)
{
    float radius = ((i / 2) + 1f) / (points / 2), angle = (2 * turns * MathF.PI * radius) + (i % 2 * MathF.PI);
    inputs[2 * i] = radius * MathF.Cos(angle);
    inputs[(2 * i) + 1] = radius * MathF.Sin(angle);
    spirals[i] = i % 2;
}

FloatDataset data = FloatDataset.Classified(inputs, 2, spirals, 2);
Network network = new Sequential(2).Dense<Tanh>(16).Dense<Tanh>(16).Dense(2, new Softmax())
    .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Seed = 1 });
Trainer trainer = new(network, data, new TrainerOptions { Epochs = 30, LearningRate = 0.3f });
while (!trainer.Finished)
{
    trainer.TrainEpoch();
}

int right = 0;
for (int i = 0; i < points; i++)
{
    ReadOnlySpan<float> shares = network.Predict(inputs.AsSpan(2 * i, 2));
    right += (shares[1] > shares[0] ? 1 : 0) == spirals[i] ? 1 : 0;
}

Console.WriteLine($"{right} of {points} points");
return right > points / 2 ? 0 : 1;
