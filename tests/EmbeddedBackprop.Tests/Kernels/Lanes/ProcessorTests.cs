namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>What CPUID says, and the sentence that follows from it.</summary>
internal sealed class ProcessorTests
{
    private const uint Sse = 1u | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
    private const uint Avx = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
    private const uint Avx2 = 1u << 3 | 1u << 5 | 1u << 8, Avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;

    // Leaf 0xD: bytes for 128, 256 and 512 bits, as Zen 4 and as Skylake lay them out, with and without the 8 bytes of protection keys.
    [TestCase(0xBu, Sse, 0u, 0u, 0u, 0u, 2, TestName = "Nehalem")]
    [TestCase(0xDu, Sse | Avx, Avx2, 832u, 0u, 0u, 3, TestName = "Haswell")]
    [TestCase(0xDu, (Sse | Avx) & ~(1u << 12), Avx2, 832u, 0u, 0u, 2, TestName = "AVX2 without a fused multiply-add")]
    [TestCase(0xDu, (Sse | Avx) & ~(1u << 27), Avx2, 0u, 0u, 0u, 2, TestName = "Haswell, an operating system without XSAVE")]
    [TestCase(0xDu, Sse | Avx, Avx2, 576u, 0u, 0u, 2, TestName = "Haswell, registers of 128 bits are saved")]
    [TestCase(0xDu, Sse | Avx, Avx2 | Avx512, 2440u, 1u, 2440u, 4, TestName = "Zen 4")]
    [TestCase(0x16u, Sse | Avx, Avx2 | Avx512, 2696u, 1u, 2440u, 4, TestName = "Skylake with AVX-512")]
    [TestCase(0x16u, Sse | Avx, Avx2 | Avx512, 2696u, 1u, 840u, 3, TestName = "Skylake, AVX-512 is not saved, protection keys are")]
    [TestCase(0x16u, Sse | Avx, Avx2 | (Avx512 & ~(1u << 30)), 2696u, 1u, 2440u, 3, TestName = "AVX-512 without bytes and words")]
    public void The_level_needs_processor_and_operating_system(
        uint leaves, uint leaf1, uint leaf7, uint saved, uint compacts, uint savedCompactly, int level) =>
        Assert.That(
            Processor.LevelOf((leaf, subleaf) => (leaf, subleaf) switch
            {
                (0, _) => (leaves, 0, 0, 0),
                (1, _) => (0, 0, leaf1, 0),
                (7, 0) => (0, leaf7, 0, 0),
                (0xD, 0) => (0, saved, 0, 0),
                (0xD, 1) => (compacts << 1, savedCompactly, 0, 0),
                (0x80000000, _) => (0x80000008, 0, 0, 0),
                (0x80000001, _) => (0, 0, 1u << 5, 0),
                _ => throw new ArgumentOutOfRangeException(nameof(leaf), leaf, "not asked for"),
            }),
            Is.EqualTo(level));

    [Test]
    public void This_processor_has_what_the_runtime_uses()
    {
        // The runtime asks by XGETBV. It may use less than there is: a switch, or a processor whose 512 bits are slow.
        Assert.That(Processor.Level, Is.GreaterThanOrEqualTo(Processor.BuildLevel));
        Assert.That(Processor.Level == 0, Is.EqualTo(!System.Runtime.Intrinsics.X86.X86Base.X64.IsSupported));
        Assert.That(Processor.Level >= 3, Is.EqualTo(Flags().Contains("avx2")), "Linux names what it saves");
        Assert.That(Processor.Level >= 4, Is.EqualTo(Flags().Contains("avx512vl")));
    }

    [Test]
    public void A_hint_names_the_line_that_mends_it()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Processor.HintOf(2, 2), Is.Null);
            Assert.That(Processor.HintOf(4, 4), Is.Null);
            Assert.That(Processor.HintOf(0, 0), Is.Null, "Arm64");
            Assert.That(
                Processor.HintOf(2, 4),
                Is.EqualTo("This program was compiled for processors without AVX, and this one has AVX-512: "
                    + "<EmbeddedBackpropProcessors>avx512</EmbeddedBackpropProcessors> in the project file uses it."));
            Assert.That(Processor.HintOf(2, 3), Does.Contain("has AVX2: <EmbeddedBackpropProcessors>avx2<"));
            Assert.That(Processor.HintOf(3, 4), Does.Contain("for AVX2, and this one has AVX-512"));
            Assert.That(Processor.Hint, Is.Null, "the JIT uses what there is");
        });
    }

    private static HashSet<string> Flags()
    {
        if (!OperatingSystem.IsLinux() || Processor.Level == 0)
        {
            Assert.Ignore("reads the flags of an x64 processor from /proc/cpuinfo");
        }

        return [.. File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal)).Split(' ')];
    }
}
