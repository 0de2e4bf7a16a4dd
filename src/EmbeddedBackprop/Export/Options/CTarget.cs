using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export;

/// <summary>A processor that C is exported for: its memory, and the arithmetic that has the engine's bits there.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Description">A description in a few words.</param>
public sealed record CTarget(string Name, string Description)
{
    /// <summary>Arm Cortex-M3: no floating-point unit, every operation is a call of a routine of the compiler.</summary>
    public static readonly CTarget CortexM3 = new("cortex-m3", "Arm Cortex-M3, floats in software") { CodeFactor = 2 };

    /// <summary>Arm Cortex-M4 with its floating-point unit.</summary>
    public static readonly CTarget CortexM4F = new("cortex-m4f", "Arm Cortex-M4 with floating-point unit") { HasFusedInstruction = true };

    /// <summary>Arm Cortex-M7 with a floating-point unit.</summary>
    public static readonly CTarget CortexM7 = new("cortex-m7", "Arm Cortex-M7 with floating-point unit") { HasFusedInstruction = true };

    /// <summary>32-bit RISC-V with single-precision floats (F).</summary>
    public static readonly CTarget RiscV32 = new("rv32imafc", "32-bit RISC-V with single-precision floats") { HasFusedInstruction = true };

    /// <summary>AVR with avr-gcc: double is a 32-bit float, so that one rounding cannot be had, and no array is above 32,767 bytes.</summary>
    public static readonly CTarget Avr = new("avr", "8-bit AVR, floats in software")
    {
        AllowsFused = false,
        LargestArray = short.MaxValue,
        CopiesConstants = true,
        CodeFactor = 3.6,
    };

    /// <summary>All targets.</summary>
    public static IReadOnlyList<CTarget> All { get; } = [CortexM3, CortexM4F, CortexM7, RiscV32, Avr];

    /// <summary>
    /// Whether a multiply-add with one rounding is one instruction. Where it is not it is computed in double: the same bits, many times slower.
    /// </summary>
    public bool HasFusedInstruction { get; init; }

    /// <summary>Whether constants are copied to RAM when the program starts, so that tables are counted there, too.</summary>
    public bool CopiesConstants { get; init; }

    /// <summary>About how many times the code of Cortex-M4F its code is, floats in software included; measured at two nets.</summary>
    internal double CodeFactor { get; init; } = 1;

    /// <summary>Whether the fused arithmetic can have the engine's bits at all.</summary>
    public bool AllowsFused { get; init; } = true;

    /// <summary>Bytes of the largest array that its compiler takes.</summary>
    public long LargestArray { get; init; } = long.MaxValue;

    /// <summary>The target of a name; null if there is none.</summary>
    /// <param name="name">A name as in <see cref="Name"/>.</param>
    public static CTarget? Find(string name)
    {
        foreach (CTarget target in All)
        {
            if (target.Name == name)
            {
                return target;
            }
        }

        return null;
    }

    /// <summary>Refuses an arithmetic that has other bits there.</summary>
    /// <exception cref="NotSupportedException">Fused arithmetic where it cannot be had.</exception>
    internal void Require(Arithmetic arithmetic)
    {
        if (arithmetic == Arithmetic.Fused && !AllowsFused)
        {
            ExportErrors.NotFusedOnTarget(Name);
        }
    }

    /// <summary>Refuses an array that its compiler would not take.</summary>
    /// <exception cref="NotSupportedException">It is too large.</exception>
    internal void RequireArray(string what, long bytes, string offer = "")
    {
        if (bytes > LargestArray)
        {
            ExportErrors.ArrayTooLarge(Name, what, bytes, LargestArray, offer);
        }
    }
}
