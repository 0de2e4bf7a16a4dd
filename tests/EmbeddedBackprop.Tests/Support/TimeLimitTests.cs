namespace EmbeddedBackprop.Tests.Support;

[Parallelizable(ParallelScope.Self)]
internal sealed class TimeLimitTests
{
    [Test]
    public void What_hangs_is_named_and_ended()
    {
        (int exit, _, string error) = ChildProcess.Run("hang");
        Assert.That(exit, Is.Not.Zero);
        Assert.That(error, Does.Contain("a test that hangs does not end").And.Not.Contain("a test that ends"));
    }
}
