using System.Text.Json;
using EmbeddedBackprop.Tests.Ebp;

namespace EmbeddedBackprop.Tests.Results;

/// <summary>
/// The memory of training a small convolutional net on a device, everything counted: parameters, workspace and, where one is kept, the gradient.
/// </summary>
internal sealed class TrainingMemoryTests
{
    [Test]
    public void A_small_convolutional_net_trains_in_28_KB()
    {
        using EbpProcess ebp = new();
        JsonElement training = ebp.RunJson(
                "plan",
                "--net",
                "input 1x28x28; conv 4 3x3 s2 valid relu; conv 8 3x3 s2 valid relu; dense 10",
                "--batch",
                "1")
            .GetProperty("training");
        long lean = training.GetProperty("lean_ram_bytes").GetInt64(),
            buffered = training.GetProperty("ram_bytes").GetInt64();
        Assert.Multiple(() =>
        {
            // No less than the parameters, the image and the first layer's values: a plan that forgot one of them would pass the bounds.
            Assert.That(lean, Is.InRange(4 * (3_226 + 784 + 676), 28 * 1024), "the update within the backward pass");
            Assert.That(buffered, Is.InRange(lean, 42 * 1024), "with a gradient buffer");
        });
    }
}
