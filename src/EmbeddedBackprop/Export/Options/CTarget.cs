using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export;

/// <summary>A processor that C is exported for: its memory, and the arithmetic that has the engine's bits there.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Description">A description in a few words.</param>
public sealed record CTarget(string Name, string Description)
{
    /// <summary>Arm Cortex-M0: no floating-point unit, no division.</summary>
    public static readonly CTarget CortexM0 = new("cortex-m0", "Arm Cortex-M0, floats in software")
    {
        CodeFactor = 2.2, IntegerCodeFactor = 1.15, Counts = "cortex-m0",
    };

    /// <summary>Arm Cortex-M3: no floating-point unit, every operation is a call of a routine of the compiler.</summary>
    public static readonly CTarget CortexM3 = new("cortex-m3", "Arm Cortex-M3, floats in software") { CodeFactor = 2, Counts = "cortex-m3" };

    /// <summary>Arm Cortex-M4 with its floating-point unit.</summary>
    public static readonly CTarget CortexM4F = Hard("cortex-m4f", "Arm Cortex-M4 with floating-point unit", "cortex-m4f");

    /// <summary>Arm Cortex-M7 with a floating-point unit.</summary>
    public static readonly CTarget CortexM7 = Hard("cortex-m7", "Arm Cortex-M7 with floating-point unit", "cortex-m4f");

    /// <summary>Arm Cortex-M33 with a floating-point unit.</summary>
    public static readonly CTarget CortexM33 = Hard("cortex-m33", "Arm Cortex-M33 with floating-point unit", "cortex-m4f");

    /// <summary>32-bit RISC-V without floats in hardware.</summary>
    public static readonly CTarget RiscV32Soft = new("rv32imac", "32-bit RISC-V, floats in software")
    {
        CodeFactor = 2, IntegerCodeFactor = 1.3, Counts = "rv32imac",
    };

    /// <summary>32-bit RISC-V with single-precision floats (F).</summary>
    public static readonly CTarget RiscV32 = Hard("rv32imafc", "32-bit RISC-V with single-precision floats", "rv32imafc");

    /// <summary>AVR with avr-gcc: double is a 32-bit float, so that one rounding cannot be had, and no array is above 32,767 bytes.</summary>
    public static readonly CTarget Avr = new("avr", "8-bit AVR, floats in software")
    {
        AllowsFused = false,
        LargestArray = short.MaxValue,
        CopiesConstants = true,
        CodeFactor = 3.6,
        IntegerCodeFactor = 2.7,
        Counts = "avr",
    };

    /// <summary>All targets: processors, then boards, whose memory is known.</summary>
    public static IReadOnlyList<CTarget> All { get; } =
    [
        CortexM0,
        CortexM0 with { Name = "cortex-m0plus", Description = "Arm Cortex-M0+, floats in software" },
        CortexM3,
        CortexM4F,
        CortexM7,
        CortexM33,
        RiscV32Soft,
        RiscV32,
        Avr,
        // The FPU of the Xtensa cores has a fused multiply-add; nothing here can count their instructions.
        Hard("esp32", "Espressif ESP32, Xtensa LX6 with floating-point unit", ""),
        new("esp32s2", "Espressif ESP32-S2, Xtensa LX7, floats in software") { CodeFactor = 2 },
        Hard("esp32s3", "Espressif ESP32-S3, Xtensa LX7 with floating-point unit", ""),
        RiscV32Soft with { Name = "esp32c3", Description = "Espressif ESP32-C3, RISC-V rv32imc, floats in software" },
        RiscV32Soft with { Name = "esp32c6", Description = "Espressif ESP32-C6, RISC-V rv32imac, floats in software" },
        Board("uno", "Arduino Uno or Nano, ATmega328P", 32, 2048),
        Board("leonardo", "Arduino Leonardo or Micro, ATmega32U4", 32, 2560),
        Board("mega2560", "Arduino Mega 2560, ATmega2560", 256, 8192),
        Board("atmega1284p", "ATmega1284P", 128, 16384),
        // Flash is part of the data addresses there: avr-gcc leaves constants in it.
        Board("nano-every", "Arduino Nano Every or Uno WiFi Rev2, ATmega4809", 48, 6144) with { CopiesConstants = false },
        Board("attiny85", "ATtiny85", 8, 512),
    ];

    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["cortexm0+"] = "cortexm0plus", ["nano"] = "uno", ["atmega328p"] = "uno", ["micro"] = "leonardo", ["atmega32u4"] = "leonardo",
        ["mega"] = "mega2560", ["atmega2560"] = "mega2560", ["atmega4809"] = "nanoevery", ["unowifirev2"] = "nanoevery",
    };

    /// <summary>
    /// Whether a multiply-add with one rounding is one instruction. Where it is not it is computed in double: the same bits, many times slower.
    /// </summary>
    public bool HasFusedInstruction { get; init; }

    /// <summary>Whether constants are copied to RAM when the program starts, so that tables are counted there, too.</summary>
    public bool CopiesConstants { get; init; }

    /// <summary>About how many times the code of Cortex-M4F its code is, floats in software included; measured at two nets.</summary>
    internal double CodeFactor { get; init; } = 1;

    /// <summary>The same of code on integers, which calls nothing; measured at the nets of "experiment calibrate --integers".</summary>
    internal double IntegerCodeFactor { get; init; } = 1;

    /// <summary>The processor whose instructions were counted for its estimates; empty where nothing was.</summary>
    internal string Counts { get; init; } = "";

    /// <summary>Whether the fused arithmetic can have the engine's bits at all.</summary>
    public bool AllowsFused { get; init; } = true;

    /// <summary>Bytes of the largest array that its compiler takes.</summary>
    public long LargestArray { get; init; } = long.MaxValue;

    /// <summary>Bytes of flash of a board, boot loader included; 0 for a processor, of which there are many sizes.</summary>
    public long FlashBytes { get; init; }

    /// <summary>Bytes of RAM of a board; 0 for a processor.</summary>
    public long RamBytes { get; init; }

    /// <summary>Whether estimates are cycles: there the simulator counts these, and no instructions.</summary>
    public bool CountsCycles => Counts == "avr";

    /// <summary>The target of a name; null if there is none.</summary>
    /// <param name="name">
    /// A name as in <see cref="Name"/>, in either case, with or without hyphens, also without "cortex"; m0+ and a board's processor are names, too.
    /// </param>
    public static CTarget? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string wanted = Key(name);
        foreach (string key in new[] { wanted, "cortex" + wanted })
        {
            string known = OtherNames.GetValueOrDefault(key, key);
            foreach (CTarget target in All)
            {
                if (Key(target.Name) == known)
                {
                    return target;
                }
            }
        }

        return null;
    }

    private static string Key(string name) => string.Concat(name.ToLowerInvariant().Where(c => c is not ('-' or '_' or ' ')));

    private static CTarget Hard(string name, string description, string counts) =>
        new(name, description) { HasFusedInstruction = true, Counts = counts };

    private static CTarget Board(string name, string description, int flashKilobytes, int ram) =>
        Avr with { Name = name, Description = description, FlashBytes = 1024L * flashKilobytes, RamBytes = ram };

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
