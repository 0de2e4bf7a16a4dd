using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A training that is written after its first epoch and goes on from the file, beside one that never stops.</summary>
internal static class ResumedTraining
{
    /// <summary>Trains two equal networks, the second by way of a file, and compares state, parameters and the optimiser's memory.</summary>
    public static void AssertBits(Network whole, Network part, FloatDataset data, TrainerOptions options)
    {
        Trainer straight = new(whole, data, options), first = new(part, data, options);
        while (!straight.Finished)
        {
            _ = straight.TrainEpoch();
        }

        _ = first.TrainEpoch();
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(part, first), "after an epoch");
        using Network restored = file.ToNetwork();
        Trainer resumed = new(restored, data, options);
        file.Restore(resumed);
        while (!resumed.Finished)
        {
            _ = resumed.TrainEpoch();
        }

        Bits.AssertEqual(restored.State, whole.State, "state");
        Bits.AssertEqual(restored.Parameters, whole.Parameters, "parameters");
        Bits.AssertEqual(restored.OptimizerState, whole.OptimizerState, "the optimiser's memory");
    }
}
