using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Cost;
using EmbeddedBackprop.Export.Model;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Fits the estimates of instructions to what emulators count: nets of one or few layers are exported, compiled with gcc -Os and counted, and
/// CInstructionTables.cs is written anew. Whole nets (<see cref="DeviceExperiment"/>) are not part of it: `experiment device` judges by them.
/// </summary>
internal static class CalibrateExperiment
{
    /// <summary>How strongly routines are held to a factor of 1: what a few nets tell of many routines is not taken at its word.</summary>
    private const double Hold = 0.002;

    private static readonly string[] Predictions =
    [
        "input 64; dense 1", "input 640; dense 1", "input 100; dense 10", "input 100; dense 20", "input 400; dense 10", "input 100; dense 12",
        "input 100; dense 14", "input 784; dense 30", "input 40; dense 3", "input 20; dense 8", "input 64; dense 32", "input 32; dense 16",
        "input 4; dense 3 tanh", "input 4; dense 3 sigmoid", "input 16; dense 12 gelu", "input 30; dense 16 relu; dense 4",
        "input 320; activate sigmoid", "input 320; activate tanh", "input 320; activate relu", "input 320; activate gelu", "input 320; activate silu",
        "input 320; activate softplus", "input 320; activate elu", "input 32; activate softmax", "input 200; activate leaky-relu",
        "input 1x28x28; conv 1 5x5", "input 1x28x28; conv 8 5x5", "input 8x12x12; conv 16 5x5", "input 8x12x12; conv 16 3x3 same",
        "input 1x28x28; conv 4 3x3 s2", "input 1x16x16; conv 6 3x3 p1", "input 4x13x13; conv 8 3x3 s2", "input 16x8x8; conv 16 1x1",
        "input 16x8x8; conv 32 1x1", "input 16x8x8; conv 16 3x3 g16", "input 8x13x13; conv 8 3x3 g8", "input 16x8x8; conv 16 3x3 g16 same",
        "input 9x64; conv1d 16 5", "input 9x64; conv1d 16 5 causal d2", "input 16x28; conv1d 24 5 relu", "input 8x8x8; conv-transpose 4 2x2 s2",
        "input 8x8x8; conv-transpose 4 3x3", "input 1x10x10; conv 2 3x3 relu", "input 2x8x8; conv 3 3x3 p1 relu",
        "input 8x24x24; maxpool 2", "input 8x24x24; maxpool 3", "input 8x24x24; avgpool 2", "input 8x24x24; avgpool 3", "input 8x64; maxpool1d 2",
        "input 8x64; avgpool1d 4", "input 8x24x24; global-avgpool", "input 8x24x24; global-maxpool", "input 8x24x24; batchnorm",
        "input 320; layernorm", "input 640; layernorm", "a = input 320; add a a", "a = input 320; multiply a a", "input 320; scale 0.5",
        "a = input 320; concat a a", "input 320; slice 10 300", "input 8x40; transpose", "input 40x8; mean-time", "input 40x8; max-time",
        "input 10x32; softmax", "input 20x9; rnn 16", "input 20x9; rnn 32", "input 20x9; gru 16", "input 20x9; gru 32", "input 20x9; lstm 16",
        "input 20x9; lstm 32", "input 40x9; gru 16", "input 32x2; gru 24", "input 8x3; gru 6", "input 8x3; lstm 6", "input 20; embedding 50 8",
        "input 1x16x16; conv 8 3x3 p1 relu; maxpool 2", "input 8x14x14; conv 16 3x3 p1 relu; maxpool 2", "input 1x20x20; conv 6 5x5 relu; maxpool 2",
        "input 1x16x16; conv 8 3x3; batchnorm; activate relu; maxpool 2", "input 4x12x12; conv 8 3x3; batchnorm; activate relu",
        "input 8x13x13; conv 16 3x3; batchnorm; activate relu; maxpool 2", "input 8x12x12; conv 16 5x5 relu; maxpool 2",
        "input 1x24x24; conv 8 5x5 relu; maxpool 2", "input 6x10x10; conv 8 5x5 relu; maxpool 2", "input 1x20x20; conv 4 3x3 s2 relu",
        "input 4x13x13; conv 8 3x3 s2 relu", "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2", "input 8x12x12; conv 12 3x3 p1 relu; maxpool 2",
        "input 4x12x12; conv 8 3x3 p1 relu; maxpool 2",
        "input 8x10x10; conv 8 3x3 p1 g8 relu; conv 16 1x1 relu",
    ];

    private static readonly (string Text, string Optimizer)[] Trainings =
    [
        ("input 100; dense 10", "sgd"), ("input 60; dense 20 relu; dense 4", "sgd"), ("input 100; dense 12 sigmoid; dense 3", "momentum"),
        ("input 40; dense 20 tanh; dense 10", "adam"), ("input 200; dense 8 relu; dense 2", "mse"),
        ("input 30; dense 30 sigmoid; dense 2", "mse adam"),
        ("input 12; dense 8 tanh; dense 3", "sgd"), ("input 10; dense 12 gelu; dense 2 sigmoid", "mse"), ("input 6; dense 6 relu; dense 2", "adam"),
        ("input 1x16x16; conv 4 3x3; flatten; dense 3", "sgd"), ("input 1x14x14; conv 4 3x3 relu; conv 6 3x3 relu; flatten; dense 3", "sgd"),
        ("input 4x10x10; conv 8 3x3 p1 relu; maxpool 2; flatten; dense 4", "sgd"),
        ("input 1x12x12; conv 4 3x3; batchnorm; activate relu; flatten; dense 3", "adam"),
        ("input 8x9x9; conv 8 3x3 g8 p1 relu; conv 12 1x1 relu; global-avgpool; dense 4", "sgd"),
        ("input 1x20x20; conv 6 3x3 s2 relu; conv 6 3x3 p1 g6 relu; flatten; dense 3", "sgd"),
        ("input 1x8x8; conv 2 3x3 relu; flatten; dense 2", "sgd"),
        ("input 8x12x12; conv 16 1x1 relu; global-avgpool; dense 4", "sgd"),
        ("input 6x11x11; conv 6 3x3 g6 relu; conv 10 1x1 relu; flatten; dense 3", "sgd"),
        ("input 4x40; conv1d 8 5 relu; maxpool1d 2; flatten; dense 4", "sgd"), ("input 12x28; conv1d 16 5 relu; flatten; dense 4", "adam"),
        ("input 20x9; rnn 16; dense 4", "sgd"), ("input 20x9; gru 16; dense 4", "sgd"), ("input 20x6; gru 24; dense 4", "adam"),
        ("input 20x9; lstm 16; dense 4", "sgd"), ("input 12x5; lstm 24; dense 4", "momentum"), ("input 6x3; gru 5; dense 2", "sgd"),
        ("input 60; dense 30; layernorm; activate relu; dense 4", "sgd"), ("input 60; dense 40 gelu; dense 4", "sgd"),
        ("input 20; embedding 50 8; flatten; dense 4", "sgd"), ("input 1x12x12; conv 4 3x3 s2 relu; avgpool 2; flatten; dense 3", "adam"),
        ("input 1x14x14; conv 8 5x5 relu; maxpool 2; conv 8 3x3 relu; flatten; dense 10", "adam"),
    ];

    private static readonly string[] Stored =
    [
        "input 100; dense 10", "input 784; dense 30", "input 100; dense 12", "input 640; dense 1", "input 20; dense 8", "input 1x28x28; conv 8 5x5",
        "input 8x12x12; conv 16 3x3 same", "input 1x28x28; conv 4 3x3 s2", "input 16x8x8; conv 32 1x1", "input 8x13x13; conv 8 3x3 g8",
        "input 9x64; conv1d 16 5", "input 8x8x8; conv-transpose 4 3x3", "input 20x9; gru 16", "input 20x9; lstm 32", "input 20x9; rnn 16",
        "input 20; embedding 50 8", "input 1x16x16; conv 8 3x3 p1 relu; maxpool 2", "input 8x14x14; conv 16 3x3 p1 relu; maxpool 2",
    ];

    private static readonly string[] OtherArithmetic =
    [
        "input 100; dense 10", "input 100; dense 14", "input 320; activate sigmoid", "input 320; activate tanh", "input 1x12x12; conv 4 3x3 p1",
        "input 8x8x8; conv 8 3x3", "input 10x5; gru 8", "input 64; dense 1",
    ];

    // Of one layer the compiler knows the constants in its routine, of two it does not: most nets have two of a kind.
    private static readonly string[] Integers =
    [
        "input 64; dense 1", "input 640; dense 1", "input 100; dense 10", "input 400; dense 10", "input 784; dense 24",
        "input 40; dense 3", "input 20; dense 8", "input 101; dense 13 relu", "input 4; dense 3 tanh", "input 50; dense 21 sigmoid",
        "input 16; dense 12 gelu",
        "input 30; dense 16 relu; dense 4", "input 12; dense 8 relu; dense 4 relu; dense 2", "input 200; dense 20 relu; dense 10 relu; dense 5",
        "input 128; dense 16 sigmoid; dense 10", "input 33; dense 18 tanh; dense 6 tanh; dense 3", "input 500; dense 12 relu; dense 10",
        "input 64; dense 32 gelu; dense 16 gelu; dense 8", "input 10; dense 10 relu; dense 10 relu; dense 10 relu; dense 1",
        "input 300; dense 14 relu; dense 6", "input 600; dense 6 relu; dense 7 relu; dense 3", "input 256; dense 2",
        "input 402; dense 19 relu; dense 10",
        "input 500; dense 30 sigmoid; dense 10 sigmoid", "input 700; dense 22 relu; dense 10", "input 360; dense 50 relu; dense 10",
        "input 900; dense 14 tanh; dense 5",
        "input 320; activate sigmoid", "input 320; activate gelu", "input 320; activate relu", "input 100; activate tanh",
        "input 1x28x28; conv 4 3x3", "input 1x20x20; conv 8 3x3 p1 relu", "input 8x12x12; conv 16 3x3 same", "input 1x28x28; conv 4 3x3 s2",
        "input 4x13x13; conv 8 3x3 s2 relu", "input 1x28x28; conv 6 5x5", "input 6x12x12; conv 8 5x5 relu", "input 2x20x20; conv 4 5x5 s2",
        "input 1x16x16; conv 4 3x3 relu; conv 6 3x3 relu; dense 3", "input 2x12x12; conv 8 3x3 p1 relu; conv 8 3x3 p1 relu; conv 8 3x3 p1; dense 4",
        "input 16x9x9; conv 16 3x3 p1 relu; conv 12 3x3 relu; global-avgpool", "input 3x15x15; conv 4 5x5 p2 relu; conv 6 5x5 relu; dense 3",
        "input 1x18x18; conv 6 5x5 relu; maxpool 2; conv 8 3x3 relu; dense 4", "input 1x22x22; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 5",
        "input 3x17x17; conv 8 3x3 s2 p1 relu; conv 12 3x3 s2 p1 relu; global-avgpool; dense 4",
        "input 4x12x12; conv 8 4x4 relu; conv 4 2x2; dense 3",
        "input 2x14x14; conv 4 7x7 relu; conv 4 3x3", "input 1x14x14; conv 6 3x4 relu; conv 6 4x3 relu; dense 4",
        "input 2x12x16; conv 6 2x5 relu; dense 3", "input 4x11x11; conv 6 5x3 relu; conv 4 2x2 relu; dense 3",
        "input 16x8x8; conv 16 1x1", "input 8x12x12; conv 6 1x1 relu; conv 8 1x1 relu; dense 3",
        "input 24x7x7; conv 16 1x1 relu; conv 20 1x1; global-avgpool",
        "input 16x8x8; conv 30 1x1 relu; conv 9 1x1 relu; dense 4", "input 5x9x9; conv 13 1x1 relu; dense 4",
        "input 16x8x8; conv 16 3x3 g16", "input 8x13x13; conv 8 3x3 g8 relu; conv 8 3x3 g8",
        "input 16x8x8; conv 16 3x3 g16 same relu; conv 12 1x1 relu; dense 4",
        "input 8x14x14; conv 8 3x3 s2 p1 g8 relu; conv 16 1x1 relu; conv 16 3x3 p1 g16 relu; conv 8 1x1; dense 3",
        "input 8x11x11; conv 8 5x5 p2 g8 relu; conv 8 1x1", "input 8x12x12; conv 8 3x3 g4 p1 relu; conv 8 3x3 g2 p1",
        "input 1x20x20; conv 6 3x3 s2 relu; conv 6 3x3 p1 g6 relu; conv 12 1x1 relu; global-avgpool; dense 4",
        "input 4x15x15; conv 4 3x3 p1 g4 relu; conv 10 1x1 relu; conv 10 3x3 s2 p1 g10 relu; conv 14 1x1 relu; global-avgpool; dense 6",
        "input 9x64; conv1d 16 5", "input 9x64; conv1d 8 3 relu; conv1d 8 3 relu; dense 3", "input 9x64; conv1d 16 5 causal d2",
        "input 4x40; conv1d 12 3 p1 relu; conv1d 12 3 p1 relu; global-avgpool", "input 16x28; conv1d 24 5 relu; conv1d 12 5 relu; dense 4",
        "input 6x50; conv1d 8 7 relu; conv1d 8 4 s2 relu; dense 2",
        "input 3x60; conv1d 8 5 relu; maxpool1d 2; conv1d 12 5 relu; maxpool1d 2; flatten; dense 4",
        "input 8x8x8; conv-transpose 4 2x2 s2", "input 8x8x8; conv-transpose 4 3x3", "input 4x6x6; conv-transpose 3 4x4 s2 p1",
        "input 6x7x7; conv-transpose 6 2x2 s2 relu; conv-transpose 3 3x3 relu; dense 3",
        "input 5x9x9; conv 8 3x3 relu; conv-transpose 5 3x3; dense 2",
        "input 4x10x10; conv-transpose 6 3x3 relu; conv 4 3x3; dense 3", "input 10x7x7; conv-transpose 3 3x3 relu; dense 5",
        "input 3x12x12; conv-transpose 4 3x3 relu; conv 6 3x3 s2 relu; dense 2",
        "input 6x9x9; conv-transpose 6 3x3 relu; dense 4", "input 4x8x8; conv-transpose 8 4x4 s2 p1 relu; conv 4 3x3 relu; dense 3",
        "input 8x24x24; maxpool 2", "input 8x24x24; maxpool 3", "input 8x24x24; avgpool 2", "input 4x15x15; avgpool 3", "input 8x64; maxpool1d 2",
        "input 8x64; avgpool1d 4", "input 8x14x14; global-avgpool", "input 8x14x14; global-maxpool", "input 20x5x5; global-avgpool",
        "input 4x18x18; avgpool 2; avgpool 3; dense 3", "input 4x20x20; maxpool 2; maxpool 2; dense 3",
        "input 6x11x11; conv 6 3x3 relu; avgpool 3; dense 4",
        "input 4x12x12; maxpool 2; batchnorm", "a = input 320; b = activate tanh a; add a b", "a = input 320; b = activate tanh a; multiply a b",
        "a = input 320; b = activate tanh a; subtract a b", "a = input 320; b = activate tanh a; concat a b", "input 320; slice 10 300",
        "a = input 40; b = dense 20 relu a; c = dense 20 b; d = add b c; e = dense 20 relu d; f = add d e; dense 4 f",
        "a = input 4x10x10; b = conv 4 3x3 p1 relu a; c = add a b; d = conv 4 3x3 p1 relu c; e = add c d; f = global-avgpool e; dense 3 f",
        "input 8x40; transpose", "input 40x8; mean-time", "input 40x8; max-time",
        "input 1x16x16; conv 8 3x3 p1 relu; maxpool 2", "input 8x14x14; conv 16 3x3 p1 relu; maxpool 2",
        "input 1x20x20; conv 6 3x3 p1 relu; maxpool 2; conv 10 3x3 p1 relu; maxpool 2; dense 5",
        "input 2x16x16; conv 6 3x3 relu; maxpool 2; conv 12 3x3 relu; maxpool 2; dense 8 relu; dense 4",
        "input 4x12x12; conv 8 3x3 p1 relu; maxpool 2; conv 8 3x3 p1 relu; conv 8 3x3 p1 relu; maxpool 2; dense 3",
        "input 1x20x20; conv 6 5x5 relu; maxpool 2; conv 8 3x3 relu; maxpool 2; dense 6", "input 8x12x12; conv 12 5x5 relu; maxpool 2",
        "input 3x16x16; conv 6 5x5 p2 relu; maxpool 2; conv 8 5x5 p2 relu; maxpool 2; dense 6",
        "input 8x13x13; conv 8 3x3; batchnorm; activate relu; maxpool 2", "input 2x40; conv1d 8 3 relu; maxpool1d 2; conv1d 12 3 relu; maxpool1d 2",
        "input 20x9; rnn 16", "input 20x9; gru 16", "input 20x9; gru 32", "input 8x3; gru 6", "input 32x2; gru 24", "input 20x9; lstm 16",
        "input 8x3; lstm 6",
        "input 32x4; lstm 24", "input 12x5; gru 12; dense 3", "input 12x5; lstm 10; dense 3", "input 16x4; rnn 12; dense 3",
        "input 20x4; gru 12 bidirectional all; mean-time; dense 4", "input 16x5; lstm 8 bidirectional; dense 3",
        "input 12x6; gru 10 all; gru 8; dense 3",
        "input 24x2; gru 20 bidirectional; dense 4",
        "input 10x32; softmax; dense 4", "input 20; embedding 50 8; flatten; dense 4",
    ];

    private static readonly string[] WideIntegers =
    [
        "input 784; dense 24", "input 300; dense 14 relu; dense 6", "input 500; dense 30 sigmoid; dense 10 sigmoid",
        "input 700; dense 22 relu; dense 10", "input 20; dense 8 relu; dense 3",
        "input 1x20x20; conv 6 3x3 p1 relu; maxpool 2; conv 10 3x3 p1 relu; maxpool 2; dense 5",
        "input 4x12x12; conv 8 3x3 p1 relu; maxpool 2; conv 8 3x3 p1 relu; conv 8 3x3 p1 relu; maxpool 2; dense 3",
        "input 8x14x14; conv 16 3x3 p1 relu; maxpool 2",
        "input 100; dense 10", "input 640; dense 1", "input 400; dense 16 relu; dense 8", "input 30; dense 16 relu; dense 4",
        "input 16; dense 12 gelu; dense 6",
        "input 320; activate sigmoid", "input 1x20x20; conv 8 3x3 p1 relu", "input 8x12x12; conv 16 3x3 same relu; conv 8 3x3 same; dense 3",
        "input 6x12x12; conv 8 5x5 relu; conv 4 5x5", "input 1x22x22; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 5",
        "input 16x8x8; conv 30 1x1 relu; conv 9 1x1 relu; dense 4", "input 8x13x13; conv 8 3x3 g8 relu; conv 12 1x1 relu; global-avgpool; dense 3",
        "input 8x14x14; conv 8 3x3 s2 p1 g8 relu; conv 16 1x1 relu; conv 16 3x3 p1 g16 relu; conv 8 1x1; dense 3", "input 9x64; conv1d 16 5",
        "input 3x60; conv1d 8 5 relu; maxpool1d 2; conv1d 12 5 relu; maxpool1d 2; flatten; dense 4", "input 8x8x8; conv-transpose 4 3x3",
        "input 8x24x24; maxpool 2", "input 8x24x24; avgpool 2", "input 8x14x14; global-avgpool", "a = input 320; b = activate tanh a; add a b",
        "a = input 320; b = activate tanh a; multiply a b", "input 1x16x16; conv 8 3x3 p1 relu; maxpool 2",
        "input 2x16x16; conv 6 3x3 relu; maxpool 2; conv 12 3x3 relu; maxpool 2; dense 8 relu; dense 4", "input 20x9; gru 16", "input 20x9; lstm 16",
        "input 12x5; gru 12; dense 3", "input 16x4; rnn 12; dense 3",
    ];

    /// <summary>The nets that the fit for integers is made of.</summary>
    public static IReadOnlyList<DeviceNet> IntegerNets { get; } =
        [.. Integers.Select(text => new DeviceNet(text, Bits: 8)), .. WideIntegers.Select(text => new DeviceNet(text, Bits: 16))];

    /// <summary>The nets that the fit is made of.</summary>
    public static IReadOnlyList<DeviceNet> Nets { get; } =
    [
        .. Predictions.Select(text => new DeviceNet(text)),
        .. Trainings.Select(each => new DeviceNet(each.Text, Trains: true, each.Optimizer)),
        .. Stored.SelectMany(text => new[] { CStorage.Float16, CStorage.Int8 }.Select(storage => new DeviceNet(text, Storage: storage))),
        .. OtherArithmetic.Select(text => new DeviceNet(text, Other: true)),
    ];

    /// <param name="arguments">--integers: the tables of integers; the targets to fit anew, none for all.</param>
    /// <returns>0.</returns>
    public static int Run(string[] arguments)
    {
        bool integers = arguments is ["--integers", ..];
        string[] targets = integers ? arguments[1..] : arguments;
        Dictionary<string, CInstructionTable> tables =
            new(integers ? CInstructionTable.Integers : CInstructionTable.All, StringComparer.Ordinal);
        string file = integers ? "CIntegerTables.cs" : "CInstructionTables.cs";
        string path = Path.Combine(ResultFile.Root, "src", "EmbeddedBackprop", "Export", "Cost", file);
        foreach (DeviceProcessor processor in DeviceProcessor.All)
        {
            if (processor.CTarget.Counts == processor.Target && (targets.Length == 0 || targets.Contains(processor.Target)))
            {
                tables[processor.Target] = Fit(processor, integers ? IntegerNets : Nets);
                File.WriteAllText(path, Text(tables, integers));
            }
        }

        Console.WriteLine($"written: {Path.GetRelativePath(ResultFile.Root, path)}");
        return 0;
    }

    /// <summary>What a prediction or a training step does, by routine.</summary>
    public static IReadOnlyDictionary<string, double[]> Units(CModel model, CTarget target) =>
        model.Training is not null
            ? CInstructions.UnitsOfTraining(model, target)
            : CInstructions.UnitsOfPrediction(model, target).SelectMany(step => step).GroupBy(routine => routine.Key)
                .ToDictionary(same => same.Key, same => same.Select(routine => routine.Value).Aggregate(Add));

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static CInstructionTable Fit(DeviceProcessor processor, IReadOnlyList<DeviceNet> wanted)
    {
        const int Turns = 4;
        const double Least = 0.05, Near = 0.02;
        IReadOnlyList<(DeviceNet Net, CModel Model, long Counted)> nets = processor.Count(wanted);
        IReadOnlyDictionary<string, double[]>[] units = [.. nets.Select(each => Units(each.Model, processor.CTarget))];
        string[] routines = [.. units.SelectMany(each => each.Keys).Distinct().Order(StringComparer.Ordinal)];
        double[] weights = new double[CWalk.Units], factors = [.. routines.Select(_ => 1.0)];
        Array.Fill(weights, 1);
        for (int turn = 0; turn < Turns; turn++)
        {
            // Relative errors count, so every net is divided by its own count.
            double[][] byUnit = [.. nets.Select((each, i) => Scaled(
                units[i].Select(routine => Scaled(routine.Value, 1 / factors[Array.IndexOf(routines, routine.Key)])).Aggregate(Add),
                each.Counted))];
            weights = Solve(byUnit, [.. weights.Select(_ => 1.0)], unit => 1e-4 * byUnit.Sum(row => row[unit] * row[unit]) + 1e-9);
            CInstructionTable table = new(weights, new Dictionary<string, double>());
            double[][] byRoutine = [.. nets.Select((each, i) => Scaled(
                [.. routines.Select(routine => units[i].TryGetValue(routine, out double[]? own) ? table.Sum(own) : 0)],
                each.Counted))];
            factors = [.. Solve(byRoutine, [.. routines.Select(_ => 1.0)], _ => Hold).Select(factor => Math.Max(Least, factor))];
        }

        CInstructionTable fit = new(
            [.. weights.Select(weight => Math.Round(weight, 3))],
            routines
                .Zip(factors)
                .Where(pair => Math.Abs(pair.Second - 1) >= Near)
                .ToDictionary(pair => pair.First, pair => Math.Round(pair.Second, 2)));
        (double Error, DeviceNet Net, long Counted)[] errors =
            [.. nets.Select((each, i) => ((fit.Instructions(units[i]) / each.Counted) - 1, each.Net, each.Counted))];
        double root = Math.Sqrt(errors.Average(each => each.Error * each.Error));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{processor.Target}: {nets.Count} nets, root of the mean square of the errors {root:P1}; the worst:"));
        foreach ((double error, DeviceNet net, long counted) in errors.OrderByDescending(each => Math.Abs(each.Error)).Take(10))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {error,7:+0.0%;-0.0%;0.0%} of {counted,11:N0}  {net}"));
        }

        return fit;
    }

    private static double[] Scaled(double[] row, double by) => [.. row.Select(value => value / by)];

    /// <summary>
    /// The x, none negative, that make the sums of rows times x nearest to 1, held to where they begin: one after the other until they stay.
    /// </summary>
    private static double[] Solve(double[][] rows, double[] begin, Func<int, double> hold)
    {
        const int Most = 5000;
        const double Enough = 1e-7;
        int n = begin.Length;
        double[][] products = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => rows.Sum(row => row[i] * row[j])).ToArray())];
        double[] sums = [.. Enumerable.Range(0, n).Select(i => rows.Sum(row => row[i]))], holds = [.. Enumerable.Range(0, n).Select(hold)];
        double[] x = [.. begin];
        for (int turn = 0; turn < Most; turn++)
        {
            double change = 0;
            for (int i = 0; i < n; i++)
            {
                double rest = sums[i] + (holds[i] * begin[i]) + (products[i][i] * x[i]);
                for (int j = 0; j < n; j++)
                {
                    rest -= products[i][j] * x[j];
                }

                double next = Math.Max(0, rest / (products[i][i] + holds[i]));
                change = Math.Max(change, Math.Abs(next - x[i]));
                x[i] = next;
            }

            if (change < Enough)
            {
                break;
            }
        }

        return x;
    }

    private static string Text(Dictionary<string, CInstructionTable> tables, bool integers)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $$"""
            namespace EmbeddedBackprop.Export.Cost;

            // Written by "experiment calibrate{{(integers ? " --integers" : "")}}" of the benchmark program: gcc -Os, counted in qemu; on AVR cycles, counted in simavr.
            internal sealed partial record CInstructionTable
            {
                /// <summary>The tables{{(integers ? " of routines of integers" : "")}} by processor; weights in the order of <see cref="CUnit"/>.</summary>
                public static readonly Dictionary<string, CInstructionTable> {{(integers ? "Integers" : "All")}} = new(StringComparer.Ordinal)
                {

            """);
        foreach ((string name, CInstructionTable table) in tables)
        {
            text.Append(CultureInfo.InvariantCulture, $"        [\"{name}\"] = new(\n            [\n");
            AppendLines(text, table.Weights.Select(weight => weight.ToString("0.###", CultureInfo.InvariantCulture)));
            text.Append("            ],\n            new Dictionary<string, double>(StringComparer.Ordinal)\n            {\n");
            AppendLines(
                text, table.Factors.Select(factor => string.Create(CultureInfo.InvariantCulture, $"[\"{factor.Key}\"] = {factor.Value:0.##}")));
            text.Append("            }),\n");
        }

        return text.Append("    };\n}\n").ToString();
    }

    private static void AppendLines(StringBuilder text, IEnumerable<string> items)
    {
        const int Width = 120;
        string line = "";
        foreach (string item in items)
        {
            if (line.Length + item.Length > Width)
            {
                text.Append(' ', 16).Append(line.TrimEnd()).Append('\n');
                line = "";
            }

            line += item + ", ";
        }

        if (line.Length > 0)
        {
            text.Append(' ', 16).Append(line.TrimEnd()).Append('\n');
        }
    }
}
