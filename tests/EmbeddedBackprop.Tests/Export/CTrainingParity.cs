using System.Runtime.InteropServices;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Exports many networks with training into one program, trains them there and in the engine (the SIMD kernels, in padded rows) on the same samples,
/// and compares bits:
/// gradients and weights after the first call, the loss of each call, weights, state, loss and prediction at the end, and the self-test.
/// </summary>
internal sealed class CTrainingParity(CBuild build, IReadOnlyList<CTrainingCase> cases)
{
    private readonly List<(string What, float[] Values)> expected = [];
    private readonly List<float> samples = [];
    private readonly List<string> files = ["main.c"];
    private readonly List<string> functions = [];

    /// <summary>Writes the files of all cases, and the engine's results.</summary>
    public void Export(Func<string, string>? change = null)
    {
        for (int i = 0; i < cases.Count; i++)
        {
            Add(cases[i], "t" + CText.Number(i), change ?? (text => text));
        }

        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<float>([.. samples]).ToArray());
        build.Write("main.c", $$"""
            #include <stdio.h>
            #include <string.h>
            {{string.Concat(Enumerable.Range(0, cases.Count).Select(i => $"#include \"t{i}.h\"\n"))}}
            static FILE *in, *out;

            static void get(float *x, size_t n)
            {
                if (fread(x, sizeof *x, n, in) != n) {
                    (void)memset(x, 0, n * sizeof *x);
                }
            }

            static void put(const float *x, size_t n)
            {
                (void)fwrite(x, sizeof *x, n, out);
            }

            {{string.Concat(functions)}}
            int main(void)
            {
                in = fopen("in.bin", "rb");
                out = fopen("out.bin", "wb");
                if (in == NULL || out == NULL) {
                    return 100;
                }
            {{string.Concat(
                Enumerable.Range(0, cases.Count).Select(i => $"    run_t{i}();\n")
            )}}    return (fclose(out) != 0 || fclose(in) != 0) ? 101 : 0;
            }

            """);
    }

    /// <summary>Compiles and runs the program; null if every bit is the engine's, else the first difference.</summary>
    public string? FirstDifference(string compiler)
    {
        build.Compile(compiler, "program", Files());
        Assert.That(build.Run("program"), Is.Zero, "the program");
        return FirstDifference();
    }

    /// <summary>The same on a device; the emulator reads and writes the files of the folder.</summary>
    public string? FirstDifference(CDevice device, string options)
    {
        device.RunChecked(build, options, Files());
        return FirstDifference();
    }

    // The files of one network are compiled as a user does, one by one.
    private string[] Files() => cases.Count == 1 ? [.. files] : [build.Together([.. files])];

    private string? FirstDifference()
    {
        float[] results = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        int at = 0;
        foreach ((string what, float[] values) in expected)
        {
            if (at + values.Length > results.Length)
            {
                return $"{what}: the program wrote {results.Length} numbers, expected more than {at + values.Length}";
            }

            int bad = Bits.FirstDifference(results.AsSpan(at, values.Length), values);
            if (bad >= 0)
            {
                return $"{what}[{bad}]: {Bits.Show(results[at + bad])}, expected {Bits.Show(values[bad])}";
            }

            at += values.Length;
        }

        return at == results.Length ? null : $"the program wrote {results.Length} numbers, expected {at}";
    }

    private void Add(CTrainingCase net, string prefix, Func<string, string> change)
    {
        (Node[] outputs, Node[] losses) = net.Build(new Graph());
        Graph graph = outputs[0].Graph;
        PlanOptions planned = new() { Batch = net.Batch, Frozen = net.Frozen };
        CArguments arguments = new(Plan.ForInference(graph, planned, outputs), [.. outputs.Distinct()], Plan.ForTraining(graph, planned, losses));
        Node[] inputs = [.. arguments.PredictionInputs.Concat(arguments.TrainingInputs).Select(argument => argument.Node).Distinct()];
        Network engine = new(inputs, outputs, losses, new NetworkOptions
        {
            Batch = net.Batch * net.Accumulate, Arithmetic = net.Arithmetic, Optimizer = net.Optimizer, Regularization = net.Regularization,
            Clipping = net.Clipping,
            Seed = net.Seed, Frozen = net.Frozen, FuseUpdate = false, Initializer = new Normal(),
        });
        CTrainingOptions training = CTrainingOptions.Of(engine, net.LearningRate) with { Batch = net.Batch, Accumulate = net.Accumulate,
            SelfTestSteps = 3, Recompute = net.Recompute, Schedule = net.Schedule, StepsPerEpoch = net.StepsPerEpoch, Epochs = net.Epochs };
        CExportOptions options = new() { Name = prefix, Training = training, Storage = net.Storage, StorageOf = net.StorageOf };
        foreach ((string name, string text) in CExporter.Generate(engine.InferencePlan, engine.Parameters, options, engine.State))
        {
            build.Write(name, name == prefix + ".c" ? change(text) : text);
            if (name.EndsWith(".c", StringComparison.Ordinal))
            {
                files.Add(name);
            }
        }

        CExporter.StoredParameters(engine.InferencePlan, engine.Parameters, options).CopyTo(engine.Parameters);
        Train(net, engine, arguments);
        functions.Add(Function(net, prefix, arguments, outputs));
    }

    private void Train(CTrainingCase net, Network engine, CArguments arguments)
    {
        int batch = net.Batch, seed = 0;
        float[][] last = [];
        bool atOnce = net is { Batch: 1, Accumulate: 1, Optimizer: Sgd };
        for (int step = 0; step < net.Updates; step++)
        {
            float rate = step == 0 ? net.LearningRate : net.Rate?.Invoke(step) ?? net.LearningRate;
            rate = net.Schedule.Rate(rate, new ScheduleTime(step, net.StepsPerEpoch, net.Epochs));
            for (int call = 0; call < net.Accumulate; call++)
            {
                last = [.. arguments.Training.Select(argument => net.Draw?.Invoke(argument.Node) ?? Draw(argument, batch, ++seed))];
                foreach ((CArgument argument, float[] values) in arguments.Training.Zip(last))
                {
                    Write(values, argument.Length, engine.TrainingInput(argument.Node, batch), engine.TrainingPlan!.Stride(argument.Node));
                    samples.AddRange(values);
                }

                float loss = engine.ComputeGradients(batch, out _, batch * net.Accumulate, call * batch);
                bool updates = call == net.Accumulate - 1;
                if (net.Accumulate == 1)
                {
                    expected.Add(($"{net.Name}: loss of step {step}", [loss]));
                }
                else if (step == 0 && call == 0)
                {
                    expected.Add(($"{net.Name}: first gradient", Compact(engine, engine.Gradients)));
                }

                bool applied = !updates || engine.Update(rate);
                // Where gradients have memory, both sides leave the same updates out.
                Assert.That(applied || !atOnce, Is.True, $"{net.Name}: step {step} of the engine");
                if (step == 0 && call == 0)
                {
                    if (net.Accumulate == 1 && batch > 1)
                    {
                        expected.Add(($"{net.Name}: first gradient", Compact(engine, engine.Gradients)));
                    }

                    expected.Add(($"{net.Name}: weights after the first call", Compact(engine, engine.Parameters)));
                }
            }
        }

        expected.Add(($"{net.Name}: weights after {net.Updates} updates", Compact(engine, engine.Parameters)));
        foreach ((CArgument argument, float[] values) in arguments.Training.Zip(last))
        {
            Write(values, argument.Length, engine.TrainingInput(argument.Node, batch), engine.TrainingPlan!.Stride(argument.Node));
        }

        expected.Add(($"{net.Name}: loss without learning", [engine.ComputeLoss(batch, out _)]));
        foreach (CArgument argument in arguments.PredictionInputs)
        {
            int place = Array.FindIndex([.. arguments.Training], other => other.Node == argument.Node);
            float[] values = place >= 0 ? last[place][..argument.Length] : Draw(argument, 1, 1000 + seed);
            if (place < 0)
            {
                samples.AddRange(values);
            }

            Write(values, argument.Length, engine.PredictionInput(argument.Node, 1), engine.InferencePlan.Stride(argument.Node));
        }

        engine.Predict(1);
        foreach (Node output in engine.Outputs.Distinct())
        {
            expected.Add(($"{net.Name}: prediction of {output.Name}", engine.Prediction(output, 1)[..output.Shape.Length].ToArray()));
        }

        expected.Add(($"{net.Name}: self-test", [0f]));
    }

    private static void Write(float[] values, int columns, Span<float> rows, int stride)
    {
        for (int row = 0; row < values.Length / columns; row++)
        {
            values.AsSpan(row * columns, columns).CopyTo(rows[(row * stride)..]);
        }
    }

    /// <summary>The trained elements, without padding.</summary>
    private static float[] Compact(Network engine, Span<float> all)
    {
        List<float> values = [];
        foreach (ParameterRange range in engine.TrainingPlan!.TrainedParameters)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                values.AddRange(all.Slice(range.Offset + (row * range.Stride), range.Columns));
            }
        }

        return [.. values];
    }

    private static float[] Draw(CArgument argument, int batch, int seed)
    {
        float[] values = Samples.Array(batch * argument.Length, seed);
        string name = argument.Node.Name;
        int most =
            name.StartsWith("rows", StringComparison.Ordinal) || name.StartsWith("class", StringComparison.Ordinal) ? name[^1] - '0'
            : name.StartsWith("bit", StringComparison.Ordinal) ? 2
            : 0;
        if (name.StartsWith("onehot", StringComparison.Ordinal))
        {
            Array.Clear(values);
            for (int row = 0; row < batch; row++)
            {
                values[(row * argument.Length) + (((seed * 7) + (row * 3)) % argument.Length)] = 1f;
            }
        }

        for (int i = 0; i < values.Length; i++)
        {
            values[i] =
                most > 0 ? MathF.Floor(MathF.Abs(values[i]) * (most - 0.01f))
                : name.StartsWith("share", StringComparison.Ordinal) ? MathF.Abs(values[i])
                : values[i];
        }

        return values;
    }

    private static string Function(CTrainingCase net, string p, CArguments arguments, Node[] outputs)
    {
        string m = p.ToUpperInvariant();
        CArgument[] given = [.. arguments.TrainingInputs, .. arguments.Targets],
            all = [.. given, .. arguments.PredictionInputs.Where(argument => !arguments.TrainingInputs.Contains(argument))],
            results = CArgument.All([.. outputs.Distinct()], "output", "out");
        string passed = string.Join(", ", given.Select(argument => argument.Pointer));
        string read = string.Concat(given.Select(argument => $"        get({argument.Pointer}, {net.Batch * argument.Length}u);\n"));
        string rates = net.Rate is null
            ? ""
            : $"        if (call % {m}_ACCUMULATE == 0u && call > 0u) {{\n            static const float rates[] = {{ 0.0f, {string.Join(", ", Enumerable.Range(1, net.Updates - 1).Select(step => CText.Hex(net.Rate(step))))} }};\n            model.learning_rate = rates[call / {m}_ACCUMULATE];\n        }}\n";
        return $$"""
            static void run_{{p}}(void)
            {
                static float memory[{{m}}_SELFTEST_FLOATS], {{string.Join(
                ", ",
                all.Select(argument => $"{argument.Pointer}[{net.Batch * argument.Length}]").Concat(
                    results.Select(argument => $"{argument.Pointer}[{argument.Length}]"))
            )}};
                {{p}}_model model;
                size_t call;
                float number;
                {{p}}_start(&model, memory);
                for (call = 0u; call < {{net.Updates * net.Accumulate}}u; call++) {
            {{read}}{{rates}}        number = {{p}}_train_step(&model, {{passed}});
            {{(net.Accumulate == 1 ? "        put(&number, 1u);\n" : "        (void)number;\n")}}        if (call == 0u) {
            {{(
                net.Accumulate * net.Batch > 1 ? $"            put(memory + {m}_TRAIN_PARAMETERS, {m}_TRAIN_GRADIENTS);\n" : ""
            )}}            put(memory, {{m}}_TRAIN_PARAMETERS);
                    }
                }
                put(memory, {{m}}_TRAIN_PARAMETERS);
                number = {{p}}_loss(&model, {{passed}});
                put(&number, 1u);
            {{string.Concat(
                arguments.PredictionInputs.Where(argument => !arguments.TrainingInputs.Contains(argument)).Select(argument =>
                    $"    get({argument.Pointer}, {argument.Length}u);\n")
            )}}    {{p}}_predict(&model, {{string.Join(", ", arguments.PredictionInputs.Select(argument => argument.Pointer))}}, {{string.Join(
                ", ",
                results.Select(argument => argument.Pointer)
            )}});
            {{string.Concat(
                results.Select(argument => $"    put({argument.Pointer}, {argument.Length}u);\n")
            )}}    number = (float){{p}}_selftest(memory);
                put(&number, 1u);
            }

            """;
    }
}
