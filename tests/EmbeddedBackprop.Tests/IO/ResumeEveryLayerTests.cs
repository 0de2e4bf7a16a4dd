using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.Training;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A training that is written and goes on from its file has the bits of one that never stopped: every layer by every optimiser.</summary>
internal sealed class ResumeEveryLayerTests
{
    private static readonly string[] Texts = LayerAllocationTests.Texts;

    [Test]
    public void Training_goes_on_with_the_bits_of_never_having_stopped([ValueSource(nameof(Texts))] string text)
    {
        foreach (string optimizer in Registry.OptimizerNames)
        {
            using Network whole = Compile(text, optimizer), part = Compile(text, optimizer);
            ResumedTraining.AssertBits(whole, part, Data(text, whole), Options);
        }
    }

    [Test]
    public void Control_an_epoch_more_is_seen_in_the_bits([ValueSource(nameof(Texts))] string text)
    {
        using Network whole = Compile(text, "adam"), part = Compile(text, "adam");
        FloatDataset data = Data(text, whole);
        _ = new Trainer(part, data, Options).TrainEpoch();
        // The maximum over time of a saturated cell, or a ReLU at 0, may learn nothing; the order of samples is kept by the step number.
        Assert.That(() => ResumedTraining.AssertBits(whole, part, data, Options), Throws.InstanceOf<AssertionException>());
    }

    private static TrainerOptions Options => new() { Epochs = 3, LearningRate = 0.01f };

    private static Network Compile(string text, string optimizer) => NetCompiler.Compile(
        text, Registry.Loss("mse"), new NetworkOptions { Batch = 4, Seed = 5, Optimizer = Registry.Optimizer(optimizer) });

    private static FloatDataset Data(string text, Network network)
    {
        const int Count = 11;
        int inputs = network.Inputs.Sum(node => node.Shape.Length), outputs = network.Output.Shape.Length;
        float[] rows = Samples.Array(Count * inputs, 1);
        if (text.Contains("embedding", StringComparison.Ordinal) || text.Contains("m = input", StringComparison.Ordinal))
        {
            // Indices of a table, and masks.
            for (int i = 0; i < rows.Length; i++)
            {
                rows[i] = rows[i] > -0.5f ? 1f : 0f;
            }
        }

        return FloatDataset.Regression(rows, inputs, Samples.Array(Count * outputs, 2), outputs);
    }
}
