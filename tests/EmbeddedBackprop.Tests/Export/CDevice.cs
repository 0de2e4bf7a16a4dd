using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A processor without an operating system: a compiler that makes programs for it and an emulator that runs them.</summary>
/// <remarks>
/// A program is C with <c>int main(void)</c>; its result is the exit code. It may include device.h: <c>device_text</c> and
/// <c>device_word</c> write to standard
/// output on every device and on <see cref="Host"/>, <c>device_start</c> and <c>device_instructions</c> count on Cortex-M.
/// </remarks>
/// <param name="Name">Its name in tests; <see cref="CTarget.Name"/> where it is a target.</param>
/// <param name="Compiler">The compiler and its options for the processor.</param>
/// <param name="CompilerPackages">Debian's names of the compiler and its C library.</param>
/// <param name="Emulator">The emulator and its options, the program follows them; empty on the host.</param>
/// <param name="EmulatorPackage">Debian's name of the emulator.</param>
internal sealed record CDevice(string Name, string[] Compiler, string CompilerPackages, string[] Emulator, string EmulatorPackage)
{
    private const int TimeLimitSeconds = 900;

    private const string ArmPackages = "gcc-arm-none-eabi picolibc-arm-none-eabi";

    // Picolibc's own start-up file, linker script and semihosting: printf and the exit code reach the emulator.
    private static readonly string[] Picolibc = ["--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"];
    private static readonly string[] Silent = ["-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"];

    /// <summary>Floats in software.</summary>
    public static readonly CDevice CortexM3 = CortexM("cortex-m3", "mps2-an385", "-mcpu=cortex-m3");

    /// <summary>The code of a Cortex-M0, which a Cortex-M3 executes as it is.</summary>
    public static readonly CDevice CortexM0 = CortexM("cortex-m0", "mps2-an385", "-mcpu=cortex-m0");

    public static readonly CDevice CortexM4F = CortexM("cortex-m4f", "mps2-an386", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16");

    public static readonly CDevice CortexM7 = CortexM("cortex-m7", "mps2-an500", "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16");

    public static readonly CDevice CortexM33 = CortexM(
        "cortex-m33", "mps2-an505", ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"], "0x10000000", "0x38000000");

    /// <summary>Floats in software.</summary>
    public static readonly CDevice RiscV32Soft = new(
        "rv32imac",
        ["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", .. Picolibc, .. Memory("0x80000000", "0x80400000")],
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        ["qemu-system-riscv32", "-M", "virt", "-bios", "none", .. Silent, "-kernel"],
        "qemu-system-misc");

    public static readonly CDevice RiscV32 = new(
        "rv32imafc",
        ["riscv64-unknown-elf-gcc", "-march=rv32imafc", "-mabi=ilp32f", .. Picolibc, .. Memory("0x80000000", "0x80400000")],
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        ["qemu-system-riscv32", "-M", "virt", "-bios", "none", .. Silent, "-kernel"],
        "qemu-system-misc");

    /// <summary>256 KB of flash, 8 KB of RAM, floats in software, size_t of 16 bits.</summary>
    public static readonly CDevice Avr = new(
        "avr",
        ["avr-gcc", "-mmcu=atmega2560", "-include", "device.h"],
        "gcc-avr avr-libc",
        ["simavr", "-m", "atmega2560", "-f", "16000000"],
        "simavr");

    /// <summary>This machine: the output of a device can be compared with that of the same program here.</summary>
    public static readonly CDevice Host = new("host", ["gcc"], "gcc libc6-dev", [], "");

    /// <summary>Everything that is emulated.</summary>
    public static IReadOnlyList<CDevice> All { get; } = [CortexM3, CortexM4F, CortexM7, RiscV32, Avr];

    /// <summary>Processors whose instructions are counted, and nothing else.</summary>
    public static IReadOnlyList<CDevice> CountedOnly { get; } = [CortexM0, CortexM33, RiscV32Soft];

    /// <summary>The device of a name, also "host".</summary>
    public static CDevice Of(string name) => name == Host.Name ? Host : All.Concat(CountedOnly).Single(device => device.Name == name);

    /// <summary>The arithmetic that the processor is made for.</summary>
    public Arithmetic Arithmetic => CTarget.Find(Name) is { HasFusedInstruction: false } ? Arithmetic.Separate : Arithmetic.Fused;

    /// <summary>Compiles files of a folder into a program, with every warning as an error.</summary>
    /// <param name="build">The folder.</param>
    /// <param name="options">Options of the compiler, with spaces between them, as in "-O2".</param>
    /// <param name="program">The program's file name.</param>
    /// <param name="files">C files of the folder.</param>
    public void Compile(CBuild build, string options, string program, params ReadOnlySpan<string> files)
    {
        CopyFile(build, "device.c");
        RunCompiler(build, options, [.. files, "device.c", "-o", program]);
    }

    /// <summary>Compiles one file of a folder without linking it.</summary>
    public void CompileObject(CBuild build, string options, string file, string output) => RunCompiler(build, options, ["-c", file, "-o", output]);

    /// <summary>Without its compiler, C library and emulator the test is ignored.</summary>
    public void RequireTools()
    {
        _ = RequireCompiler();
        _ = Tools.Require(Emulator[0], EmulatorPackage);
    }

    private string RequireCompiler()
    {
        string compiler = Tools.Require(Compiler[0], CompilerPackages);
        if (Compiler.Contains("--specs=picolibc.specs")
            && !Path.IsPathRooted(Tools.RunChecked(Path.GetTempPath(), compiler, "-print-file-name=picolibc.specs").Trim()))
        {
            Tools.Missing($"picolibc for {Compiler[0]}", CompilerPackages);
        }

        return compiler;
    }

    private void RunCompiler(CBuild build, string options, string[] arguments)
    {
        CopyFile(build, "device.h");
        string compiler = RequireCompiler();

        // Libraries are searched for the symbols of the files before them.
        string[] words = options.Split(' ');
        string[] libraries = [.. words.Where(word => word.StartsWith("-l", StringComparison.Ordinal))];
        Tools.RunChecked(build.Folder, compiler, [.. CBuild.Strict, .. Compiler[1..], .. words.Except(libraries), .. arguments, .. libraries]);
    }

    /// <summary>Copies a file of bench/device into a folder.</summary>
    public static void CopyFile(CBuild build, string file) =>
        File.Copy(Path.Combine(Repository.Root, "bench", "device", file), Path.Combine(build.Folder, file), overwrite: true);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="build">The folder.</param>
    /// <param name="program">The program's file name.</param>
    /// <param name="counted">Whether device_instructions is wanted: qemu then keeps time by instructions, and is slower.</param>
    /// <returns>The result of main, and the program's output.</returns>
    public Tools.Result Run(CBuild build, string program, bool counted = false)
    {
        if (Emulator.Length == 0)
        {
            return Tools.Run(build.Folder, Path.Combine(build.Folder, program));
        }

        string emulator = Tools.Require(Emulator[0], EmulatorPackage), timeout = Tools.Require("timeout", "coreutils");
        string[] count = counted ? ["-icount", "shift=0"] : [];
        Tools.Result result = Tools.Run(build.Folder, timeout, [$"{TimeLimitSeconds}", emulator, .. count, .. Emulator[1..], program]);
        // Qemu shows the program's output on its own standard error.
        return this == Avr ? AvrResult(result) : result with { Output = result.Output + result.Errors, Errors = "" };
    }

    /// <summary>Compiles and runs a program that has to return 0; returns its output.</summary>
    public string RunChecked(CBuild build, string options, params ReadOnlySpan<string> files)
    {
        Compile(build, options, "program-" + Name, files);
        Tools.Result result = Run(build, "program-" + Name);
        NUnit.Framework.Assert.That(
            result.ExitCode,
            NUnit.Framework.Is.Zero,
            $"{Name} {options}: exit code of the program\n{result.Output}{result.Errors}");
        NUnit.Framework.TestContext.Out.WriteLine($"{Name} {options}: the program's checks found 0 values that differ from the engine's bits");
        return result.Output;
    }

    public override string ToString() => Name;

    private static CDevice CortexM(string name, string machine, params string[] processor) =>
        CortexM(name, machine, processor, "0x0", "0x20000000");

    private static CDevice CortexM(string name, string machine, string[] processor, string flash, string ram) => new(
        name, ["arm-none-eabi-gcc", "-mthumb", .. processor, .. Picolibc, .. Memory(flash, ram)], ArmPackages,
        ["qemu-system-arm", "-M", machine, .. Silent, "-kernel"], "qemu-system-arm");

    private static string[] Memory(string flash, string ram) =>
        [.. new[] { $"__flash={flash}", "__flash_size=0x400000", $"__ram={ram}", "__ram_size=0x400000" }.Select(symbol => "-Wl,--defsym=" + symbol)];

    /// <summary>
    /// The simulator shows the serial port on its standard error, green, with a dot for the end of a line; it has no exit code of the program.
    /// </summary>
    private static Tools.Result AvrResult(Tools.Result result)
    {
        string[] lines = [.. result.Errors.Replace("\u001b[32m", "", StringComparison.Ordinal).Split("\u001b[0m")
            .Select(line => line.Trim('\n')).Select(line => line.EndsWith('.') ? line[..^1] : line)];
        int exit = Array.FindLastIndex(lines, line => line.StartsWith("exit ", StringComparison.Ordinal));
        // Its own start-up writes "exit" and the code last; without it the program did not end.
        return exit < 0 || result.ExitCode != 0
            ? new Tools.Result(result.ExitCode == 0 ? -1 : result.ExitCode, string.Join('\n', lines), result.Output + result.Errors)
            : new Tools.Result((int)Convert.ToUInt32(lines[exit][5..], 16), string.Join('\n', lines[..exit]), "");
    }
}
