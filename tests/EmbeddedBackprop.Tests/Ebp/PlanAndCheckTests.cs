using System.Text.Json;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Ebp;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class PlanAndCheckTests
{
    [Test]
    public void Plan_counts_what_a_device_needs()
    {
        using EbpProcess ebp = new();
        JsonElement plan = ebp.RunJson("plan", "--layers", "784,30,10");
        Assert.That(plan.GetProperty("parameters").GetInt64(), Is.EqualTo(23_860));
        Assert.That(plan.GetProperty("multiply_adds").GetInt64(), Is.EqualTo((784 * 30) + (30 * 10)));
        Assert.That(plan.GetProperty("inference").GetProperty("flash_bytes").GetInt64(), Is.EqualTo(4 * 23_860));
        Assert.That(plan.GetProperty("inference").GetProperty("ram_bytes").GetInt64(), Is.GreaterThanOrEqualTo(4 * (784 + 30)));
        Assert.That(plan.GetProperty("training").GetProperty("ram_bytes").GetInt64(), Is.GreaterThanOrEqualTo(4 * ((2 * 23_860) + 784)));
        Assert.That(plan.GetProperty("layers").GetArrayLength(), Is.GreaterThanOrEqualTo(2));
        string table = ebp.Run("plan", "--layers", "784,30,10").Output;
        Assert.That(table, Does.Contain("inference plan").And.Contains("training plan").And.Contains("23,860"));
    }

    [TestCase("")]
    [TestCase("--layers 6,5,1 --activation tanh")]
    [TestCase("--layers 7,6,5,4 --activation gelu --loss huber --output-activation identity")]
    [TestCase("--layers 4,3,3 --activation softmax --output-activation softmax --loss quadratic")]
    public void Gradients_are_right(string options)
    {
        using EbpProcess ebp = new();
        JsonElement check = ebp.RunJson(["gradcheck", .. EbpProcess.Words(options)]);
        Assert.That(check.GetProperty("passed").GetBoolean(), Is.True);
        foreach (JsonElement tensor in check.GetProperty("tensors").EnumerateArray())
        {
            Assert.That(tensor.GetProperty("difference_error").GetDouble(), Is.LessThan(1e-7));
        }
    }

    [Test]
    public void Gradients_that_cannot_be_checked_exit_1()
    {
        // Every output sits on ReLU's kink: no difference quotient is worth anything.
        using EbpProcess ebp = new();
        EbpProcess.Result result = ebp.Run(EbpProcess.Words("gradcheck --layers 4,3 --init zeros --output-activation relu --loss quadratic --json"));
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Errors);
        Assert.That(EbpProcess.LastLine(result.Output).GetProperty("passed").GetBoolean(), Is.False);
    }

    [Test]
    public void Compare_sets_a_neuron_beside_a_network()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(200, 3));
        JsonElement result = ebp.RunJson("compare", "--data", "csv:t.csv", "--epochs", "20");
        foreach (string name in (string[])["neuron", "network"])
        {
            JsonElement one = result.GetProperty(name);
            Assert.That(one.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.9), name);
            foreach (string member in (string[])["loss", "parameters", "ram_bytes", "flash_bytes", "multiply_adds", "train_seconds"])
            {
                Assert.That(one.GetProperty(member).GetDouble(), Is.GreaterThan(0), $"{name}.{member}");
            }
        }

        Assert.That(result.GetProperty("neuron").GetProperty("parameters").GetInt64(), Is.EqualTo(4));
        Assert.That(ebp.Run("compare", "--data", "csv:t.csv", "--epochs", "2").Output, Does.Contain("test accuracy").And.Contains("multiply-adds"));
    }
}
