using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>A processor on which exported nets are counted: a compiler and an emulator.</summary>
/// <param name="Target">The target of <see cref="CTarget"/>.</param>
/// <param name="Compiler">The compiler and its options.</param>
/// <param name="Emulator">The emulator and its options; the program follows.</param>
internal sealed record DeviceProcessor(string Target, string[] Compiler, string[] Emulator)
{
    private static readonly string[] Picolibc = ["--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"];

    private static readonly string[] Silent =
        ["-icount", "shift=0", "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel"];

    /// <summary>The processors. An M3 runs the code of an M0 as it is; AVR counts cycles.</summary>
    public static IReadOnlyList<DeviceProcessor> All { get; } =
    [
        Arm("cortex-m4f", "mps2-an386", ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
        Arm("cortex-m3", "mps2-an385", ["-mcpu=cortex-m3"]),
        Arm("cortex-m0", "mps2-an385", ["-mcpu=cortex-m0"]),
        Arm("cortex-m33", "mps2-an505", ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"], "0x10000000", "0x38000000"),
        RiscV("rv32imac", "ilp32"),
        RiscV("rv32imafc", "ilp32f"),
        new("avr", ["avr-gcc", "-mmcu=atmega2560", "-include", "device.h"], ["simavr", "-m", "atmega2560", "-f", "16000000"]),
    ];

    /// <summary>The options of the exports.</summary>
    public CTarget CTarget => CTarget.Find(Target)!;

    /// <summary>The arithmetic that the processor is made for.</summary>
    public Arithmetic Arithmetic => CTarget.HasFusedInstruction ? Arithmetic.Fused : Arithmetic.Separate;

    private bool IsAvr => Target == "avr";

    /// <summary>Exports nets, runs one prediction or training step of each, and counts.</summary>
    /// <param name="nets">The nets.</param>
    /// <param name="options">Of the compiler, as in -Os.</param>
    /// <returns>The model of each net and its instructions; without those that the processor cannot hold.</returns>
    public IReadOnlyList<(DeviceNet Net, CModel Model, long Counted)> Count(IReadOnlyList<DeviceNet> nets, string options = "-Os")
    {
        string folder = Directory.CreateTempSubdirectory("ebp-device-").FullName;
        try
        {
            foreach (string file in new[] { "device.c", "device.h" })
            {
                File.Copy(Path.Combine(ResultFile.Root, "bench", "device", file), Path.Combine(folder, file), overwrite: true);
            }

            List<(DeviceNet Net, CModel Model, string Name)> exported = [];
            foreach (DeviceNet net in nets)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"n{exported.Count}");
                if (net.Export(folder, name, this) is { } model && (!IsAvr || IsSmall(model)))
                {
                    exported.Add((net, model, name));
                }
            }

            Parallel.ForEach(
                exported,
                new ParallelOptions { MaxDegreeOfParallelism = 2 },
                each => Compile(folder, options, "-c", each.Name + ".c", "-o", each.Name + ".o"));
            // An AVR holds one net at a time.
            List<(DeviceNet Net, CModel Model, long Counted)> counted = [];
            foreach ((DeviceNet Net, CModel Model, string Name)[] program in IsAvr ? exported.Select(each => new[] { each }) : [[.. exported]])
            {
                File.WriteAllText(Path.Combine(folder, "main.c"), ProgramText(program));
                IEnumerable<string> files = program.SelectMany(each => new[] { each.Name + ".o", each.Name + "_weights.c" });
                Compile(folder, options, ["main.c", "device.c", .. files, "-o", "program"]);
                // A net that an AVR's memory does not hold with its stack runs forever.
                string written = Run(folder, "timeout", [IsAvr ? "40" : "600", .. Emulator, "program"], mayFail: IsAvr);
                IEnumerable<string> words = written
                    .Split([' ', '\n', '.', '\u001b'], StringSplitOptions.RemoveEmptyEntries)
                    .Where(word => word.Length == 9 && word[0] == '=');
                counted.AddRange(program.Zip(words, (each, word) => (each.Net, each.Model, Convert.ToInt64(word[1..], 16))));
            }

            return [.. counted.Where(each => each.Counted > 0)];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The bytes of machine code of a net at -Os, without its tables, and its model.</summary>
    public (int Bytes, CModel Model) Code(DeviceNet net)
    {
        string folder = Directory.CreateTempSubdirectory("ebp-device-").FullName;
        try
        {
            CModel model = net.Export(folder, "net", this) ?? throw new NotSupportedException($"{net} has no C");
            Compile(folder, "-Os", "-c", "net.c", "-o", "net.o");
            string sizes = Run(folder, Compiler[0].Replace("gcc", "size", StringComparison.Ordinal), ["net.o"]);
            string first = sizes.Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries)[0];
            return (int.Parse(first, CultureInfo.InvariantCulture), model);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static DeviceProcessor Arm(string target, string machine, string[] options, string flash = "0x0", string ram = "0x20000000") =>
        new(target, ["arm-none-eabi-gcc", "-mthumb", .. options, .. Picolibc, .. Memory(flash, ram)], ["qemu-system-arm", "-M", machine, .. Silent]);

    private static DeviceProcessor RiscV(string march, string abi) => new(
        march,
        ["riscv64-unknown-elf-gcc", "-march=" + march, "-mabi=" + abi, .. Picolibc, .. Memory("0x80000000", "0x80400000")],
        ["qemu-system-riscv32", "-M", "virt", "-bios", "none", .. Silent]);

    private static string[] Memory(string flash, string ram) =>
        [.. new[] { $"__flash={flash}", "__flash_size=0x400000", $"__ram={ram}", "__ram_size=0x400000" }.Select(symbol => "-Wl,--defsym=" + symbol)];

    private static bool IsSmall(CModel model)
    {
        const int Most = 5000, MultiplyAdds = 15_000; // of 8 KB of RAM, with a stack; simulated in a second
        return model.Tables.Bytes + (4L * Floats(model)) + (4L * Ends(model)) < Most && model.Plan.MultiplyAdds < MultiplyAdds;
    }

    private static int Floats(CModel model) => Math.Max(1, model.Training?.Length ?? model.Plan.WorkspaceLength);

    private static int Ends(CModel model) => model.Inputs[0].Length + model.Outputs[0].Length;

    // A network of integers may begin with floats all the same.
    private static string Input(CModel model) => model.Inputs[0].Element == CElement.Float ? "in" : "(const void *)integers";

    private static string ProgramText(IReadOnlyList<(DeviceNet Net, CModel Model, string Name)> nets)
    {
        StringBuilder includes = new("#include \"device.h\"\n"), calls = new();
        int floats = nets.Max(net => Floats(net.Model)), inputs = nets.Max(net => net.Model.Inputs[0].Length);
        foreach ((DeviceNet net, CModel model, string name) in nets)
        {
            includes.Append(CultureInfo.InvariantCulture, $"#include \"{name}.h\"\n");
            int indices = net.TakesIndices ? 1 : 0;
            calls.Append(CultureInfo.InvariantCulture, $"    fill({model.Inputs[0].Length}u, {indices});\n    {{\n");
            if (net.Trains)
            {
                // The first step is not counted: the optimiser's zeros are quick in software.
                calls.Append(
                    $"        {name}_model model;\n        {name}_start(&model, memory);\n        (void){name}_train_step(&model, in, out);\n");
            }

            calls.Append("        device_start();\n");
            calls.Append(
                net.Trains ? $"        (void){name}_train_step(&model, in, out);\n"
                : model.HoldsIntegers ? $"        {name}_{model.RunName}({Input(model)}, (void *)out, ({name}_memory *)(void *)memory);\n"
                : $"        {name}_predict(in, out, memory);\n");
            calls.Append("        show(device_instructions());\n    }\n");
        }

        return $$"""
            {{includes}}
            static float in[{{inputs}}], out[{{nets.Max(net => net.Model.Outputs[0].Length)}}], memory[{{floats}}];
            static int16_t integers[{{inputs}}];

            static void fill(unsigned int n, int indices)
            {
                unsigned int i;
                for (i = 0u; i < n; i++) {
                    in[i] = indices != 0 ? (float)((i * 37u) % 20u) : (float)((i * 37u) % 64u) / 32.0f - 1.0f;
                    integers[i] = (int16_t)((i * 9473u) % 32768u);
                }
                out[0] = 1.0f;
            }

            static void show(uint32_t count)
            {
                device_text(" =");
                device_word(count);
                device_text("\n");
            }

            int main(void)
            {
            {{calls}}    return 0;
            }

            """;
    }

    private void Compile(string folder, string options, params string[] arguments)
    {
        string[] all = [.. Compiler[1..], "-std=c99", "-ffp-contract=off", "-w", options, .. arguments];
        // Where nothing is linked, the linker's options are not for the compiler.
        Run(folder, Compiler[0], arguments.Contains("-c") ? [.. all.Where(word => !word.StartsWith("-Wl", StringComparison.Ordinal))] : all);
    }

    private static string Run(string folder, string program, string[] arguments, bool mayFail = false)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        output += errors.GetAwaiter().GetResult();
        return process.ExitCode == 0 || mayFail ? output : throw new InvalidOperationException($"{program}: exit code {process.ExitCode}\n{output}");
    }
}

/// <summary>A net that is counted.</summary>
/// <param name="Text">Its written form.</param>
/// <param name="Trains">Whether a training step is counted, of cross-entropy or, with one or two outputs, of squares; else a prediction.</param>
/// <param name="Optimizer">sgd, momentum, adam.</param>
/// <param name="Storage">The storage of the weights.</param>
/// <param name="Other">Whether the arithmetic is the one that the processor is not made for.</param>
/// <param name="Bits">Bits of the values of a net that is quantised with drawn samples: 8 or 16; 32 for a net of floats.</param>
internal sealed record DeviceNet(
    string Text, bool Trains = false, string Optimizer = "sgd", CStorage Storage = CStorage.Float32, bool Other = false, int Bits = 32)
{
    private const int Samples = 16;

    /// <summary>Whether its inputs choose rows of a table.</summary>
    public bool TakesIndices => Text.Contains("embedding", StringComparison.Ordinal);

    /// <summary>Writes the net's C; null where the processor refuses it.</summary>
    public CModel? Export(string folder, string name, DeviceProcessor processor)
    {
        try
        {
            bool fused = (processor.Arithmetic == Arithmetic.Fused) != Other;
            using Network network = NetCompiler.Compile(
                Text.StartsWith("a =", StringComparison.Ordinal) ? Text : "x = " + Text,
                !Trains ? null : Optimizer.StartsWith("mse", StringComparison.Ordinal) ? new Loss<MeanSquared>() : new SoftmaxCrossEntropy(),
                new NetworkOptions
                {
                    Arithmetic = fused ? Arithmetic.Fused : Arithmetic.Separate,
                    Initializer = new Glorot(),
                    Seed = 1,
                    Optimizer = Optimizer switch { "adam" or "mse adam" => new Adam(), "momentum" => new Momentum(), _ => new Sgd() },
                });
            CExportOptions options = new()
            {
                Name = name,
                Storage = Storage,
                SelfTestSamples = 1,
                Target = processor.CTarget,
                Training = Trains ? CTrainingOptions.Of(network, 0.1f) with { SelfTestSteps = 0 } : null,
            };
            if (Bits < 32)
            {
                using QuantizedModel model = Quantizer.Quantize(
                    network, Drawn(network.Input.Shape.Length, TakesIndices), new QuantizerOptions { ActivationBits = Bits });
                return Write(model.Network, folder, options);
            }

            return Write(network, folder, options);
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }

    private static CModel Write(Network network, string folder, CExportOptions options)
    {
        CExporter.Write(network, folder, options);
        return new CModel(network.InferencePlan, network.Parameters, network.State, options);
    }

    private static FloatDataset Drawn(int length, bool indices)
    {
        float[] values = new float[Samples * length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = indices ? i % 20 : (((i * 7919L) % 509) / 254f) - 1f;
        }

        return FloatDataset.Regression(values, length, new float[Samples], 1);
    }

    public override string ToString() =>
        Text
        + (Bits < 32 ? $", int{Bits}" : "")
        + (Trains ? $", training ({Optimizer})" : "")
        + (Storage == CStorage.Float32 ? "" : $", {Storage}")
        + (Other ? ", the other arithmetic" : "");
}
