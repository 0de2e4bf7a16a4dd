using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels;

/// <summary>What the processor has, and what this build of the program may use of it.</summary>
/// <remarks>
/// Under the JIT these are the same. A native program uses what it was compiled for and cannot ask for more, but it can ask the processor what there
/// is: to say so, or to start another build (docs/aot.md, "One deployment").
/// </remarks>
public static class Processor
{
    // Bits of CPUID (Intel, Software Developer's Manual, volume 2A). Leaf 1, ecx: FMA, CMPXCHG16B, MOVBE, POPCNT, OSXSAVE, AVX, F16C, SSE3 to SSE4.2.
    private const uint Level3Leaf1 =
        1u | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 23 | 1u << 27 | 1u << 28 | 1u << 29;

    // Leaf 7, ebx: BMI1, AVX2, BMI2; then AVX-512 F, DQ, CD, BW and VL. Leaf 0x80000001, ecx: LZCNT.
    private const uint Level3Leaf7 = 1u << 3 | 1u << 5 | 1u << 8;
    private const uint Level4Leaf7 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    private const uint Level3Extended = 1u << 5;

    // The operating system must save the registers as well. .NET has no XGETBV, which tells; but leaf 0xD tells the size of the area that holds what
    // the system has enabled: 512 bytes and a header of 64, then the upper halves of 16 registers, for AVX-512 masks, upper halves and 16 more.
    private const uint SavedWithAvx = 512 + 64 + 256, SavedWithAvx512 = SavedWithAvx + 64 + 512 + 1024;

    /// <summary>The registers that CPUID returns for a leaf and a subleaf.</summary>
    internal delegate (uint Eax, uint Ebx, uint Ecx, uint Edx) CpuId(uint leaf, uint subleaf);

    /// <summary>
    /// The level of x86-64 that processor and operating system have: 4 (AVX-512), 3 (AVX2 with fused multiply-add) or 2 (neither); 0 on processors of
    /// another kind.
    /// </summary>
    public static int Level { get; } = X86Base.X64.IsSupported ? LevelOf(Ask) : 0;

    /// <summary>The level whose registers the kernels of this program use, in the sense of <see cref="Level"/>.</summary>
    public static int BuildLevel =>
        !X86Base.X64.IsSupported ? 0 : Vector512.IsHardwareAccelerated ? 4 : Vector256.IsHardwareAccelerated ? 3 : 2;

    /// <summary>A sentence for a native program on a processor that has more than the program may use; otherwise null.</summary>
    public static string? Hint => RuntimeFeature.IsDynamicCodeSupported ? null : HintOf(BuildLevel, Level);

    internal static string? HintOf(int build, int processor) =>
        processor <= build
            ? null
            : $"This program was compiled for {(build == 2 ? "processors without AVX" : "AVX2")}, "
                + $"and this one has {(processor == 4 ? "AVX-512" : "AVX2")}: "
                + $"<EmbeddedBackpropProcessors>{(processor == 4 ? "avx512" : "avx2")}</EmbeddedBackpropProcessors> in the project file uses it.";

    internal static int LevelOf(CpuId ask)
    {
        if (ask(0, 0).Eax < 0xD || ask(0x80000000, 0).Eax < 0x80000001)
        {
            return 2;
        }

        uint leaf7 = ask(7, 0).Ebx;

        // The compacted area (XSAVEC) has no gaps: what else the system has enabled cannot pass for AVX-512.
        uint saved = ask(0xD, (ask(0xD, 1).Eax >> 1) & 1).Ebx;
        bool has3 = (ask(1, 0).Ecx & Level3Leaf1) == Level3Leaf1
            && (leaf7 & Level3Leaf7) == Level3Leaf7
            && (ask(0x80000001, 0).Ecx & Level3Extended) == Level3Extended
            && saved >= SavedWithAvx;
        return !has3 ? 2 : (leaf7 & Level4Leaf7) == Level4Leaf7 && saved >= SavedWithAvx512 ? 4 : 3;
    }

    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) Ask(uint leaf, uint subleaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        return ((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }
}
