using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using EmbeddedBackprop.Benchmarks;
using EmbeddedBackprop.Benchmarks.Experiments;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;

const string Usage = """
    check [--planted]                         every benchmark: loop, Vector<T> and tiled give the same bits and allocate nothing
                                              (--planted: instead a case that allocates, which must be found)
    publish [BenchmarkDotNet's arguments]     measures and writes bench/results/CPU/CLASS.md
    experiment batches [--data-dir DIR]       per-sample against full-matrix mini-batches (MNIST from DIR or EBP_DATA/mnist, else built-in digits)
    experiment differences                    backpropagation against finite differences
    experiment threads                        epochs on one thread and on more
    experiment scaling [--quick]              training by batch, threads, width of a layer and of the registers
    experiment convolution [--quick | NET]    convolution nets part by part: op, pass, time, share of the core's peak (NET: one net's tables, no file)
    experiment roofline [--quick]             peak, memory bandwidth and kernels by operations per byte
    experiment widths [--quick]               matrix products at each vector width, as shares of its peak, and on two threads (--quick: no figures, no file)
    experiment functions [--quick]            own exp, log, tanh, sigmoid, erf beside TensorPrimitives: time and error
    experiment signals [--quick]              Fourier transforms beside kissfft and FFTW, in turn; a minute of sound through features
    experiment device                         exported nets on Cortex-M: bytes, and instructions counted in qemu, beside a hand-written loop
    experiment aot                            programs published ahead of time: bytes, start to exit, memory, and what each setting saves
    experiment startup [--data-dir DIR]       ebp built in three ways: start to answer, and memory (of a training on MNIST from DIR, too)
    experiment calibrate [--integers] [TARGET ...]
                                              fits the estimates of instructions to counts of small nets and writes src/.../Cost/CInstructionTables.cs
                                              or, of nets of integers, CIntegerTables.cs
    experiment nielsen --data-dir DIR         Nielsen's recipe on MNIST by the ebp program, seeds 1 to 5
    experiment accuracy NAME [--data-dir DIR] [--jobs N]
                                              mnist, mnist-augmented, optdigits, wand-digits, occupancy: every run by the ebp program (DIR holds the sets' folders)
    experiment integers [--only times|devices] [--data-dir DIR]
                                              quantised nets beside their float nets: accuracy, areas under the curve, time (DIR holds the sets' folders);
                                              the tables of times, or those of processors, alone are printed, no file is written
    peer [COMMAND]                            the engine's side of bench/peers: answers one command, or those on standard input
    compare OTHER [--quick]                   training steps and predictions of this build and of another one (its folder, for instance that of an
                                              older checkout) in turn, on one core if started by taskset; fails if a median ratio is above 1.03
    targets [DIR]                             bench/results/CPU (or DIR) -> one table of all targets: met, or missed by how much
    report [ROOT]                             bench/results -> docs/benchmarks.md and docs/charts/*.svg, in the repository or below ROOT;
                                              fails if a measured call allocated
    anything else                             BenchmarkDotNet's own command line (--list flat, --filter *Gemm*, ...)
    """;

switch (args)
{
    case ["check", .. [] or ["--planted"]]:
        return CheckCommand.Run(planted: args.Length > 1);
    case ["experiment", "batches", .. var rest]:
        return BatchesExperiment.Run(DataFolder(rest));
    case ["experiment", "differences"]:
        return DifferencesExperiment.Run();
    case ["experiment", "threads"]:
        return ThreadsExperiment.Run();
    case ["experiment", "scaling", .. [] or ["--quick"]]:
        return ScalingExperiment.Run(args.Length > 2);
    case ["experiment", "convolution", .. [] or ["--quick"]]:
        return ConvolutionExperiment.Run(args.Length > 2, null);
    case ["experiment", "convolution", var net]:
        return ConvolutionExperiment.Run(quick: false, net);
    case ["experiment", "roofline", .. [] or ["--quick"]]:
        return RooflineExperiment.Run(args.Length > 2);
    case ["experiment", "widths", .. [] or ["--quick"]]:
        return WidthsExperiment.Run(args.Length > 2);
    case ["experiment", "functions", .. [] or ["--quick"]]:
        return FunctionsExperiment.Run(args.Length > 2);
    case ["experiment", "signals", .. [] or ["--quick"]]:
        return SignalExperiment.Run(args.Length > 2);
    case ["experiment", "device"]:
        return DeviceExperiment.Run();
    case ["experiment", "aot", .. var programs]:
        return AotExperiment.Run(programs);
    case ["experiment", "startup", .. var rest]:
        return StartupExperiment.Run(DataFolder(rest));
    case ["experiment", "calibrate", .. var targets]:
        return CalibrateExperiment.Run(targets);
    case ["experiment", "nielsen", .. var rest]:
        return NielsenExperiment.Run(DataFolder(rest));
    case ["experiment", "accuracy", .. var rest]:
        return AccuracyExperiment.Run(rest);
    case ["experiment", "integers", "--only", "devices"]:
        return IntegersOnDevices.Run();
    case ["experiment", "integers", .. var rest]:
        return IntegersExperiment.Run(
            rest is [.., "--data-dir", var sets] ? sets : Environment.GetEnvironmentVariable("EBP_DATA"), rest is ["--only", "times", ..]);
    case ["peer", .. var rest]:
        return PeerCommand.Run(rest);
    case ["compare", var other, .. [] or ["--quick"]]:
        return CompareCommand.Run(other, quick: args.Length > 2);
    case ["targets"]:
        return TargetsCommand.Run(ResultFile.Folder);
    case ["targets", var folder]:
        return TargetsCommand.Run(folder);
    case ["report"]:
        return ReportCommand.Run(ResultFile.Root);
    case ["report", var root]:
        return ReportCommand.Run(Path.GetFullPath(root));
    case ["experiment" or "compare", ..] or ["help"]:
        Console.Error.WriteLine(Usage);
        return 2;
    case ["publish", .. var rest]:
        string[] filtered = rest.Contains("--filter") ? rest : [.. rest, "--filter", "*"];
        return Measure(filtered, new ResultsExporter());
    default:
        return Measure(args, null);
}

static string? DataFolder(string[] rest) => rest is ["--data-dir", var folder] ? folder
    : Environment.GetEnvironmentVariable("EBP_DATA") is { Length: > 0 } data ? Path.Combine(data, "mnist") : null;

static int Measure(string[] arguments, ResultsExporter? exporter)
{
    bool ownJob = !arguments.Any(argument => argument is "-j" or "--job");
    IEnumerable<Summary> summaries = BenchmarkSwitcher.FromAssembly(typeof(Bench).Assembly).Run(arguments, BenchConfig.Create(ownJob, exporter));
    return summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
}
