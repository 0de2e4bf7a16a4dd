using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A program without one of the arithmetics refuses networks of that one, and computes the other as any program does.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OneArithmeticTests
{
    [TestCase(Arithmetic.Separate, "this program computes in fused arithmetic alone: its project sets EmbeddedBackpropArithmetic")]
    [TestCase(Arithmetic.Fused, "this program computes in separate arithmetic alone: its project sets EmbeddedBackpropArithmetic")]
    public void A_network_of_the_arithmetic_that_was_left_out_is_refused(Arithmetic leftOut, string message) =>
        Assert.That(Run(leftOut, leftOut), Is.EqualTo(message));

    [TestCase(Arithmetic.Separate, Arithmetic.Fused)]
    [TestCase(Arithmetic.Fused, Arithmetic.Separate)]
    public void The_other_arithmetic_has_its_bits(Arithmetic leftOut, Arithmetic kept) =>
        Assert.That(Run(leftOut, kept), Is.EqualTo(OneArithmetic.Predict(kept)).And.Not.EqualTo(OneArithmetic.Predict(leftOut)));

    private static string Run(Arithmetic leftOut, Arithmetic asked)
    {
        (int exit, string output, string error) = ChildProcess.Run("one-arithmetic", $"{leftOut}", $"{asked}");
        Assert.That(exit, Is.Zero, error);
        return output;
    }
}
