using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The cost of exported nets on a microcontroller: bytes by arm-none-eabi-size, and the instructions of one prediction as qemu counts them. The
/// counts are the same on every machine; cycles are not measured.
/// </summary>
internal static class DeviceExperiment
{
    private const string Command = "experiment device";

    private static readonly string[] M4F = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
    private static readonly string[] M3 = ["-mcpu=cortex-m3", "-mthumb"];

    private static readonly (string Name, string Text)[] Nets =
    [
        ("dense [784, 30, 10]", "x = input 784; dense 30 sigmoid; dense 10 sigmoid"),
        ("dense [64, 32, 16, 4]", "x = input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax"),
        ("convolutions 4 and 8, 3x3, stride 2", "x = input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10 softmax"),
        (
            "convolutions 8 and 16, 3x3, padded, pooled",
            "x = input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax"),
        (
            "depthwise and 1x1 convolutions",
            "x = input 1x28x28; conv 8 3x3 s2 relu; conv 8 3x3 p1 g8 relu; conv 16 1x1 relu; global-avgpool; dense 10 softmax"),
        ("GRU 16, 32 steps of 9", "x = input 32x9; gru 16; dense 4 softmax"),
        ("LSTM 16, 32 steps of 9", "x = input 32x9; lstm 16; dense 4 softmax"),
    ];

    /// <summary>Blocks and single convolutions, with the instructions that each may take at -O2.</summary>
    private static readonly (string Name, string Text, double Limit)[] Blocks =
    [
        ("conv 1 to 8, 3x3, normalised, ReLU, pooled", "x = input 1x28x28; conv 8 3x3; batchnorm; activate relu; maxpool 2", 174_000),
        ("conv 8 to 16, 3x3, normalised, ReLU, pooled", "x = input 8x13x13; conv 16 3x3; batchnorm; activate relu; maxpool 2", 271_000),
        (
            "both, and dense 10",
            "x = input 1x28x28; conv 8 3x3; batchnorm; activate relu; maxpool 2; conv 16 3x3; batchnorm; activate relu; maxpool 2; dense 10",
            double.NaN),
        ("conv 1 to 8, 3x3", "x = input 1x28x28; conv 8 3x3", 2.6 * 8 * 26 * 26 * 9),
        ("conv 8 to 16, 3x3", "x = input 8x13x13; conv 16 3x3", 2.7 * 16 * 11 * 11 * 72),
        ("depthwise 3x3, 8 channels of 13x13", "x = input 8x13x13; conv 8 3x3 same g8", 5.6 * 8 * 37 * 37),
        ("conv 16 to 32, 1x1", "x = input 16x13x13; conv 32 1x1", 2.7 * 32 * 13 * 13 * 16),
        (Nets[2].Name, Nets[2].Text, 87_744 / 2),
        (Nets[3].Name, Nets[3].Text, 1_579_014 / 2),
        (Nets[4].Name, Nets[4].Text, 365_692 / 2),
    ];

    /// <summary>Further nets, whose estimates are compared with what is counted.</summary>
    private static readonly string[] More =
    [
        "input 1x28x28; conv 8 5x5 relu; maxpool 2; conv 16 5x5 relu; maxpool 2; dense 10 softmax",
        "input 64x2; transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; flatten; dense 10 softmax",
        "input 16; dense 12 tanh; dense 8 tanh; dense 3 softmax",
        "input 20; dense 24 relu; dense 4 softmax",
        "input 10x3; gru 8; dense 3 softmax",
        "input 1x10x10; conv 4 3x3 relu; maxpool 2; dense 3 softmax",
    ];

    /// <returns>0 if every self-test succeeded.</returns>
    public static int Run()
    {
        string folder = Directory.CreateTempSubdirectory("ebp-device-").FullName;
        try
        {
            StringBuilder text = new();
            text.Append(CultureInfo.InvariantCulture, $"""
                # The exported C on Cortex-M, counted

                Instructions of one prediction, counted by qemu (`-icount shift=0`, SysTick, mean of 20, of training steps 5); the same on every machine. They are not cycles: a Cortex-M4 takes
                one for most instructions and more for loads, branches and divisions, and its flash may make it wait. None of that is measured here.

                Made by `dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- {Command}` with {FirstLine(
                    "arm-none-eabi-gcc",
                    "--version"
                )}
                and {FirstLine("qemu-system-arm", "--version")}.

                | net | multiply-adds | tables, bytes | code at -Os, bytes | arena, bytes | Cortex-M4F, -Os | each | estimated | Cortex-M4F, -O2 | each | Cortex-M3 (no FPU), -Os | each | estimated |
                | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |

                """);
            foreach ((string name, string net) in Nets)
            {
                text.Append(Row(folder, name, net));
            }

            text.Append(
                "\nCode is what NAME.c compiles to on Cortex-M4F, with the functions that it uses; \"each\" is instructions a multiply-add, activations and all.\n\n"
            );
            text.Append(BlockTable(folder));
            text.Append(StorageTable(folder));
            text.Append(HandWritten(folder));
            text.Append(
                "\nA training step: stochastic gradient descent, one sample, cross-entropy. RAM is NAME_TRAIN_BYTES: weights and all that a step works in, inputs and targets are the caller's.\n\n"
            );
            text.Append(
                "| net | RAM, bytes | of them weights | code at -Os, bytes | Cortex-M4F, -Os | of a prediction's multiply-adds each | Cortex-M3 (no FPU), -Os |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            );
            foreach ((string name, string net) in Nets)
            {
                text.Append(TrainingRow(folder, name, net));
            }

            text.Append(Estimates());

            Console.Write(text);
            string path = Path.Combine(ResultFile.Root, "bench", "results", "cortex-m-qemu", "device.md");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text.ToString());
            Console.WriteLine($"written: {Path.GetRelativePath(ResultFile.Root, path)}");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Row(string folder, string name, string net)
    {
        Plan plan = Export(folder, net, Arithmetic.Fused);
        string code = CodeBytes(folder);
        CCost estimate = CCost.Of(plan, new float[plan.ParameterLength], null, InitialState(plan));
        long small = Count(folder, M4F, "mps2-an386", "-Os")[0], fast = Count(folder, M4F, "mps2-an386", "-O2")[0];
        Export(folder, net, Arithmetic.Separate);
        long soft = Count(folder, M3, "mps2-an385", "-Os")[0];
        CExportOptions small3 = new() { Target = CTarget.CortexM3, Arithmetic = Arithmetic.Separate };
        long softEstimate = CCost.Of(plan, new float[plan.ParameterLength], small3, InitialState(plan)).Instructions;
        string header = File.ReadAllText(Path.Combine(folder, "net.h"));
        double each = plan.MultiplyAdds;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {plan.MultiplyAdds:N0} | {Macro(header, "NET_FLASH_BYTES"):N0} | {code} | {Macro(header, "NET_RAM_BYTES"):N0} | {small:N0} | {small / each:F2} | {estimate.Instructions:N0} ({(double)(estimate.Instructions - small) / small:+0.0%;-0.0%;0.0%}), code {estimate.CodeBytes:N0} | {fast:N0} | {fast / each:F2} | {soft:N0} | {soft / each:F1} | {softEstimate:N0} ({(double)(softEstimate - soft) / soft:+0.0%;-0.0%;0.0%}) |\n"
        );
    }

    /// <summary>Each block beside its limit, and what --size saves and costs.</summary>
    private static string BlockTable(string folder)
    {
        StringBuilder text = new();
        text.Append("""
            Blocks: a convolution with what runs in its loops. `--speed` is the default; the last three columns are `--size`.

            | Cortex-M4F | multiply-adds | arena, bytes | -O2 | at most | each | -Os | code at -Os, bytes | -O2, `--size` | -Os | code at -Os, bytes |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        foreach ((string name, string net, double limit) in Blocks)
        {
            Plan plan = Export(folder, net, Arithmetic.Fused, favor: CFavor.Size);
            string smallCode = CodeBytes(folder);
            long smallFast = Count(folder, M4F, "mps2-an386", "-O2")[0], small = Count(folder, M4F, "mps2-an386", "-Os")[0];
            Export(folder, net, Arithmetic.Fused);
            string header = File.ReadAllText(Path.Combine(folder, "net.h"));
            long fast = Count(folder, M4F, "mps2-an386", "-O2")[0];
            string most = double.IsNaN(limit) ? "" : limit.ToString("N0", CultureInfo.InvariantCulture);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {plan.MultiplyAdds:N0} | {Macro(header, "NET_RAM_BYTES"):N0} | {fast:N0} | {most} | {fast / (double)plan.MultiplyAdds:F2} "
                + $"| {Count(folder, M4F, "mps2-an386", "-Os")[0]:N0} | {CodeBytes(folder)} | {smallFast:N0} | {small:N0} | {smallCode} |\n"
            );
        }

        return text.Append('\n').ToString();
    }

    /// <summary>Instructions with each storage of the weights, and how many times those with float32.</summary>
    private static string StorageTable(string folder)
    {
        StringBuilder text = new();
        text.Append("""
            Weights as float16 and int8 on Cortex-M4F: instructions of a prediction, and how many times those with float32 of the same build.

            | net | float32, -O2 | float16, -O2 | times | int8, -O2 | times | float32, -Os | float16, -Os | times | int8, -Os | times |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        (string, string)[] nets = [.. Nets, ("GRU 24, 32 steps of 2", "x = input 32x2; gru 24; dense 4 softmax")];
        foreach ((string name, string net) in nets)
        {
            CStorage[] storages = [CStorage.Float32, CStorage.Float16, CStorage.Int8];
            long[,] counts = new long[2, storages.Length];
            foreach (CStorage storage in storages)
            {
                Export(folder, net, Arithmetic.Fused, storage: storage);
                counts[0, (int)storage] = Count(folder, M4F, "mps2-an386", "-O2")[0];
                counts[1, (int)storage] = Count(folder, M4F, "mps2-an386", "-Os")[0];
            }

            text.Append("| ").Append(name);
            for (int option = 0; option < 2; option++)
            {
                double whole = counts[option, 0];
                text.Append(
                    CultureInfo.InvariantCulture,
                    $" | {whole:N0} | {counts[option, 1]:N0} | {counts[option, 1] / whole:F2} | {counts[option, 2]:N0} | {counts[option, 2] / whole:F2}");
            }

            text.Append(" |\n");
        }

        return text.Append('\n').ToString();
    }

    private static float[] InitialState(Plan plan)
    {
        float[] state = new float[plan.StateLength];
        plan.InitializeState<float>(state);
        return state;
    }

    private static string TrainingRow(string folder, string name, string net)
    {
        Plan plan = Export(folder, net, Arithmetic.Fused, training: true);
        string code = CodeBytes(folder), header = File.ReadAllText(Path.Combine(folder, "net.h"));
        long hard = Count(folder, M4F, "mps2-an386", "-Os", "-DTRAINING", "-DTIMES=5u")[0];
        Export(folder, net, Arithmetic.Separate, training: true);
        long soft = Count(folder, M3, "mps2-an385", "-Os", "-DTRAINING", "-DTIMES=5u")[0];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {Macro(header, "NET_TRAIN_BYTES"):N0} | {sizeof(float) * Macro(header, "NET_TRAIN_PARAMETERS"):N0} | {code} | {hard:N0} | {hard / (double)plan.MultiplyAdds:F2} | {soft:N0} |\n"
        );
    }

    /// <summary>What `ebp plan --target` estimates beside what is counted, on every processor; none of these nets is in the calibration.</summary>
    private static string Estimates() =>
        "\nEstimates (`ebp plan --target`) beside counts at -Os: what is counted, and in brackets how much more or less is estimated. "
        + "None of these nets is in\n`experiment calibrate`, which fits the estimates. On AVR they are cycles of nets that fit 8 KB.\n\n"
        + DeviceEstimates.Table(
            DeviceProcessor.All,
            [
                .. Nets.Select(net => new DeviceNet(net.Text["x = ".Length..])),
                .. More.Select(net => new DeviceNet(net)),
                .. Nets.Select(net => new DeviceNet(net.Text["x = ".Length..], Trains: true)),
                .. More.Select(net => new DeviceNet(net, Trains: true, Optimizer: "adam")),
                .. Nets.SelectMany(net => new[] { CStorage.Float16, CStorage.Int8 }
                    .Select(s => new DeviceNet(net.Text["x = ".Length..], Storage: s))),
            ]).Text;

    private static string HandWritten(string folder)
    {
        Export(folder, Nets[0].Text, Arithmetic.Fused);
        StringBuilder text = new();
        text.Append(
            "| dense [784, 30, 10] on Cortex-M4F | exported | hand-written (bench/device/hand_written_dense.c) | ratio |\n| --- | ---: | ---: | ---: |\n"
        );
        foreach (string options in new[] { "-Os", "-O2", "-O3" })
        {
            long[] counts = Count(folder, M4F, "mps2-an386", options, "-DHAND_WRITTEN", "hand_written_dense.c", "-lm");
            text.Append(CultureInfo.InvariantCulture, $"| {options} | {counts[0]:N0} | {counts[1]:N0} | {counts[0] / (double)counts[1]:F3} |\n");
        }

        return text.ToString();
    }

    private static Plan Export(
        string folder,
        string net,
        Arithmetic arithmetic,
        bool training = false,
        CFavor favor = CFavor.Speed,
        CStorage storage = CStorage.Float32)
    {
        Network network = NetCompiler.Compile(
            net,
            training ? new SoftmaxCrossEntropy() : null,
            new NetworkOptions { Arithmetic = arithmetic, Seed = 1, Initializer = new Normal() });
        CTrainingOptions? trained = training ? CTrainingOptions.Of(network, 0.1f) : null;
        CExporter.Write(network, folder, new CExportOptions { Name = "net", Favor = favor, Storage = storage, Training = trained });
        return network.InferencePlan;
    }

    private static string CodeBytes(string folder)
    {
        RunProgram(
            folder,
            "arm-none-eabi-gcc",
            ["-std=c99", "-Os", "-ffp-contract=off", .. M4F, "--specs=picolibc.specs", "-c", "net.c", "-o", "net.o"]);
        return RunProgram(folder, "arm-none-eabi-size", ["net.o"]).Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries)[0];
    }

    /// <summary>Compiles bench/device/measure.c with the net of the folder and runs it; the counts that it writes.</summary>
    private static long[] Count(string folder, string[] processor, string machine, string options, params string[] more)
    {
        foreach (string file in Directory.GetFiles(Path.Combine(ResultFile.Root, "bench", "device")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        RunProgram(
            folder,
            "arm-none-eabi-gcc",
            [
                "-std=c99",
                options,
                "-ffp-contract=off",
                .. processor,
                "--specs=picolibc.specs",
                "--oslib=semihost",
                "--crt0=hosted",
                "-Wl,--defsym=__flash=0x0,--defsym=__flash_size=0x400000,--defsym=__ram=0x20000000,--defsym=__ram_size=0x400000",
                "measure.c",
                "device.c",
                "net.c",
                "net_weights.c",
                "net_selftest.c",
                .. more,
                "-o",
                "net.elf",
            ]);
        string written = RunProgram(
            folder,
            "qemu-system-arm",
            [
                "-icount",
                "shift=0",
                "-M",
                machine,
                "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", "net.elf",
            ]);
        long[] counts = [.. written.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => (long)Convert.ToUInt32(word, 16))];
        return counts.Length > 0 && counts.All(count => count > 0) ? counts : throw new InvalidOperationException($"nothing was counted: {written}");
    }

    private static long Macro(string header, string name) =>
        long.Parse(header.Split($"#define {name} ")[1].Split('\n')[0], CultureInfo.InvariantCulture);

    private static string FirstLine(string program, string argument) => RunProgram(".", program, [argument]).Split('\n')[0];

    /// <summary>The output of a program that has to succeed: standard output and standard error, where qemu shows its guest's output.</summary>
    private static string RunProgram(string folder, string program, string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        output += errors.GetAwaiter().GetResult();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: exit code {process.ExitCode}\n{output}");
    }
}
