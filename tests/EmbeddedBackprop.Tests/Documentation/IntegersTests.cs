using System.Globalization;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The worked number of docs/integers.md is what the kernels compute.</summary>
internal sealed class IntegersTests
{
    private static readonly string Page = Pages.Read("docs/integers.md");

    [Test]
    public void The_worked_number_is_what_the_kernels_compute()
    {
        IntegerType x = new(8, 1f / 64f, -10), y = new(8, 3f / 256f, 5);
        const float weightScale = 1f / 128f;
        int[] q = [x.Nearest(1.0), x.Nearest(-1.0)];
        int[] w = [IntegerWeights.Round(0.78125f, weightScale), IntegerWeights.Round(-0.078125f, weightScale)];
        int bias = IntegerWeights.Bias(0.0375f, x.Scale, weightScale);
        int a = bias + ((q[0] - x.ZeroPoint) * w[0]) + ((q[1] - x.ZeroPoint) * w[1]);
        Multiplier f = Multiplier.Of((double)x.Scale * weightScale / y.Scale);
        int r = Rounding.R(a, f.M, f.Shift);
        foreach (string words in (string[])
        [
            $"| {q[0]}, {q[1]} |", $"| {w[0]}, {w[1]} |", $"| {bias} |", $"= {a}.", $"{a}/8192 = {Number(a / 8192.0)}", $"m = {f.M} and s = {f.Shift}",
            $"R({a}; {f.M}, {f.Shift}) = {r}", $"is 5 + {r} = {y.ZeroPoint + r}", $"| {y.ZeroPoint + r} | {Number(r * 3 / 256.0)} |",
            $"{r} times 3/256 = {Number(r * 3 / 256.0)}",
        ])
        {
            Assert.That(Page, Does.Contain(words));
        }
    }

    private static string Number(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
