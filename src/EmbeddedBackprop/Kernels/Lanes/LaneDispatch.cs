using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>A kernel written once over lanes; <see cref="LaneDispatch"/> picks the lanes it runs on.</summary>
internal interface ILaneKernel<TArguments> where TArguments : allows ref struct
{
    /// <summary>Runs the kernel: <typeparamref name="T"/> for whole vectors, <typeparamref name="TTail"/> (one lane) for the rest.</summary>
    static abstract void Run<T, TTail>(in TArguments arguments)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>;
}

/// <summary>Chooses the vector width; nothing else does.</summary>
/// <remarks>
/// The widest register that the processor has wins; EBP_TILE = 1 | 128 | 256 | 512 | any overrides it (read once at start), so that every path can be
/// tested on one machine: 128 is the width of Arm64 (NEON), "any" is Vector&lt;T&gt;, 1 is the scalar twin. The bits never depend on the choice.
/// </remarks>
internal static class LaneDispatch
{
    // Before the width, which asks for them.
    private static readonly bool KeepsFused = IsKept("EmbeddedBackprop.Fused");
    private static readonly bool KeepsSeparate = IsKept("EmbeddedBackprop.Separate");

    /// <summary>
    /// Bits of the register that kernels use; 0 means Vector&lt;T&gt;, 1 for one float at a time. Settable for tests and benchmarks.
    /// </summary>
    public static int Width { get; set; } = ChooseWidth(Environment.GetEnvironmentVariable("EBP_TILE"));

    /// <summary>Floats of that register.</summary>
    public static int Lanes => LanesOf(Width);

    /// <summary>Whether the program has fused arithmetic; a trimmed one may leave it out (docs/aot.md).</summary>
    [FeatureSwitchDefinition("EmbeddedBackprop.Fused")]
    public static bool HasFused => KeepsFused;

    /// <summary>Whether the program has separate arithmetic; a trimmed one may leave it out (docs/aot.md).</summary>
    [FeatureSwitchDefinition("EmbeddedBackprop.Separate")]
    public static bool HasSeparate => KeepsSeparate;

    // The tests of IsHardwareAccelerated are constants for the compiler: an AOT build keeps only the widths it can run.

    /// <summary>Whether kernels may take registers of 512 bits.</summary>
    public static bool Has512 => Vector512.IsHardwareAccelerated;

    /// <summary>Whether kernels may take registers of 256 bits.</summary>
    public static bool Has256 => Vector256.IsHardwareAccelerated;

    /// <summary>The arithmetic of kernels that add no rounded product: the bits are those of both, and one may be left out.</summary>
    public static Arithmetic Either => HasFused ? Arithmetic.Fused : Arithmetic.Separate;

    /// <summary>Whether the program has the width of Vector&lt;T&gt;: not if it is native, because only tests choose it.</summary>
    public static bool HasAny => RuntimeFeature.IsDynamicCodeSupported;

    /// <summary>Runs a kernel in the model's arithmetic at the chosen width.</summary>
    public static void Run<TKernel, TArguments>(Arithmetic arithmetic, in TArguments arguments)
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : allows ref struct
    {
        if (HasFused && arithmetic == Arithmetic.Fused)
        {
            RunAt<TKernel, TArguments, Fused>(Width, in arguments);
        }
        else if (HasSeparate && arithmetic != Arithmetic.Fused)
        {
            RunAt<TKernel, TArguments, Separate>(Width, in arguments);
        }
        else
        {
            Errors.ArithmeticLeftOut(HasFused ? "fused" : "separate");
        }
    }

    /// <summary>
    /// Runs a kernel whose rows have at least <paramref name="columns"/> floats: at the chosen width, or at the widest one below it that a row fills,
    /// so that a kernel may count on one whole vector.
    /// </summary>
    public static void RunWithin<TKernel, TArguments>(Arithmetic arithmetic, int columns, in TArguments arguments)
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : allows ref struct
    {
        int width = WidthWithin(columns);
        if (HasFused && arithmetic == Arithmetic.Fused)
        {
            RunAt<TKernel, TArguments, Fused>(width, in arguments);
        }
        else if (HasSeparate && arithmetic != Arithmetic.Fused)
        {
            RunAt<TKernel, TArguments, Separate>(width, in arguments);
        }
        else
        {
            Errors.ArithmeticLeftOut(HasFused ? "fused" : "separate");
        }
    }

    /// <summary>The chosen width, or the widest one below it of which a row of so many floats fills a vector.</summary>
    public static int WidthWithin(int columns)
    {
        // Read once: a test on another thread may change it.
        int width = Width, lanes = LanesOf(width);
        return columns >= lanes ? width : columns >= 8 && lanes > 8 ? 256 : columns >= 4 && lanes > 4 ? 128 : 1;
    }

    private static void RunAt<TKernel, TArguments, TArithmetic>(int width, in TArguments arguments)
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : allows ref struct
        where TArithmetic : struct, IArithmetic
    {
        if (Has512 && width == 512)
        {
            TKernel.Run<Lanes512<TArithmetic>, Lane<TArithmetic>>(in arguments);
        }
        else if (Has256 && width == 256 && (typeof(TArithmetic) == typeof(Separate) || Fma.IsSupported))
        {
            TKernel.Run<Lanes256<TArithmetic>, Lane<TArithmetic>>(in arguments);
        }
        else if (width is 128 or 256)
        {
            TKernel.Run<Lanes128<TArithmetic>, Lane<TArithmetic>>(in arguments);
        }
        else if (width == 1 || !HasAny)
        {
            TKernel.Run<Lane<TArithmetic>, Lane<TArithmetic>>(in arguments);
        }
        else
        {
            TKernel.Run<LanesAny<TArithmetic>, Lane<TArithmetic>>(in arguments);
        }
    }

    /// <summary>The width that EBP_TILE asks for, or the widest.</summary>
    internal static int ChooseWidth(string? wish)
    {
        int widest = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
        if (string.IsNullOrEmpty(wish))
        {
            // Where even 128 bits are emulated, one float at a time is several times faster.
            return Vector128.IsHardwareAccelerated ? widest : 1;
        }

        int width = wish == "any" && HasAny ? 0
            : int.TryParse(wish, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits > 0 ? bits : -1;
        if (width is not (0 or 1 or 128 or 256 or 512) || width > widest)
        {
            throw new PlatformNotSupportedException($"EBP_TILE={wish}: expected 1, 128, 256, 512 or any, at most {widest} on this processor.");
        }

        return width;
    }

    private static int LanesOf(int width) => width == 0 ? Vector<float>.Count : width == 1 ? 1 : width / 32;

    private static bool IsKept(string feature) => !AppContext.TryGetSwitch(feature, out bool isKept) || isKept;
}
