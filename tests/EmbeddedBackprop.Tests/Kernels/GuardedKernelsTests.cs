namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Nothing is read or written outside the spans: kernels between guard pages, in child processes.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class GuardedKernelsTests
{
    [OneTimeSetUp]
    public void Guards_exist()
    {
        if (!GuardedMemory.IsSupported)
        {
            Assert.Ignore("guard pages are asked of Linux by mmap");
        }
    }

    [TestCaseSource(typeof(GuardedKernels), nameof(GuardedKernels.Families))]
    public void Stays_inside(string family)
    {
        (int exit, string output, string error) = ChildProcess.Run("guarded", family);
        Assert.That(exit, Is.Zero, $"left its spans in: {output}\n{error}");
        Assert.That(output, Does.EndWith("inside"));
        foreach (int width in Widths.Available)
        {
            Assert.That(output, Does.Contain($"{family} width {width}"));
        }
    }

    [TestCase("gemm-all")]
    [TestCase("vectors-all")]
    [TestCase("softmax-all")]
    [Category("Exhaustive")]
    public void Stays_inside_at_all_sizes(string family)
    {
        Effort.RequireLong("all sizes 0..67 cubed, lengths 0..257: minutes");
        Stays_inside(family);
    }

    [TestCase("planted-read-behind")]
    [TestCase("planted-read-before")]
    [TestCase("planted-write-behind")]
    public void Control_leaving_the_span_ends_the_process(string family)
    {
        (int exit, string output, string error) = ChildProcess.Run("guarded", family);
        Assert.That(exit, Is.Not.Zero);
        Assert.That(error, Does.Contain("AccessViolationException"));
        Assert.That(output, Does.StartWith(family).And.Not.Contain("inside"));
    }
}
