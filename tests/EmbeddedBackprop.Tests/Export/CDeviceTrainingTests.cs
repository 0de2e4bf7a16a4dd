namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Every op learns on microcontrollers, in emulators, with the engine's bits: gradients, weights after all updates, losses, predictions.
/// </summary>
[TestFixture, Category("Slow")]
[Parallelizable(ParallelScope.Self)]
internal sealed class CDeviceTrainingTests
{
    [TestCase("cortex-m4f", "-Os -std=gnu17")]
    [TestCase("cortex-m7", "-O2")]
    [TestCase("cortex-m3", "-Os")]
    [TestCase("rv32imafc", "-O2 -std=gnu17")]
    public void Convolutions_pooling_and_norms(string name, string options) => Check(CConvCases.Ops(1), name, options);

    [TestCase("cortex-m4f", "-Os -std=gnu17")]
    [TestCase("cortex-m7", "-O2")]
    [TestCase("cortex-m3", "-Os")]
    public void Sequences_moves_and_sums(string name, string options) => Check(CSequenceCases.All(batch: 2, accumulate: 1), name, options);

    [Test]
    public void A_planted_mistake_shows()
    {
        CDevice device = CDevice.CortexM4F;
        using CBuild build = new();
        CTrainingParity parity = new(build, [CConvCases.Digits() with { Updates = 3, Arithmetic = device.Arithmetic }]);
        parity.Export(text => text.Replace("rate = model->learning_rate;", "rate = 0.99f * model->learning_rate;", StringComparison.Ordinal));
        Assert.That(parity.FirstDifference(device, "-Os"), Is.Not.Null);
    }

    private static void Check(IEnumerable<CTrainingCase> cases, string name, string options)
    {
        CDevice device = CDevice.All.Single(known => known.Name == name);

        // Few at a time: the emulated board has 4 MB for all of them.
        foreach (CTrainingCase[] some in cases.Chunk(24))
        {
            using CBuild build = new();
            CTrainingParity parity = new(build, [.. some.Select(net => net with { Arithmetic = device.Arithmetic })]);
            parity.Export();
            Assert.That(parity.FirstDifference(device, options), Is.Null, $"{name} {options}");
        }
    }
}
