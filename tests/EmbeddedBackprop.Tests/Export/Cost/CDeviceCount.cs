using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Counts the cost of predictions on a Cortex-M: instructions in the emulator, bytes of code, bytes of stack.</summary>
internal static class CDeviceCount
{
    /// <summary>The cost of one network.</summary>
    /// <param name="Instructions">Of one prediction.</param>
    /// <param name="Code">Bytes of machine code and constants that are not tables.</param>
    /// <param name="Estimate">The expected cost.</param>
    internal readonly record struct Counted(long Instructions, int Code, CCost Estimate);

    /// <summary>Exports nets, puts all into one program and runs each of them.</summary>
    /// <param name="device">A device that counts.</param>
    /// <param name="options">Of the compiler, as in -O2.</param>
    /// <param name="nets">Texts of nets.</param>
    /// <param name="storage">The storage of the weights.</param>
    /// <param name="training">Whether a training step is counted instead of a prediction.</param>
    public static Counted[] Of(
        CDevice device,
        string options,
        IReadOnlyList<string> nets,
        CStorage storage = CStorage.Float32,
        bool training = false)
    {
        using CBuild build = new();
        List<string> files = ["main.c"];
        StringBuilder includes = new(), calls = new();
        CCost[] estimates = new CCost[nets.Count];
        int floats = 1, ends = 1;
        for (int i = 0; i < nets.Count; i++)
        {
            string name = "n" + i.ToString(CultureInfo.InvariantCulture);
            using Network network = Make(nets[i], device.Arithmetic, training);
            CExportOptions wish = new()
            {
                Name = name,
                Storage = storage,
                Target = CTarget.Find(device.Name),
                SelfTestSamples = 1,
                Training = training ? CTrainingOptions.Of(network, 0.1f) with { SelfTestSteps = 0 } : null,
            };
            CExporter.Write(network, build.Folder, wish);
            estimates[i] = CCost.Of(network.InferencePlan, network.Parameters, wish, network.State);
            files.Add(name + ".c");
            files.Add(name + "_weights.c");
            includes.Append(CultureInfo.InvariantCulture, $"#include \"{name}.h\"\n");
            calls.Append(
                "    {\n"
                + (training ? $"        {name}_model model;\n        {name}_start(&model, arena);\n" : "")
                + (training ? $"        (void){name}_train_step(&model, in, out);\n" : "")
                + "        device_start();\n"
                + (training ? $"        (void){name}_train_step(&model, in, out);\n" : $"        {name}_predict(in, out, arena);\n")
                + "        device_word(device_instructions());\n        device_text(\"\\n\");\n    }\n");
            ends = Math.Max(ends, Math.Max(network.Input.Shape.Length, network.Output.Shape.Length));
            floats = Math.Max(floats, (int)(estimates[i].RamBytes / sizeof(float)));
        }

        build.Write("main.c", $$"""
            #include "device.h"
            {{includes}}
            static float in[{{ends}}], out[{{ends}}], arena[{{floats}}];

            int main(void)
            {
                size_t i;
                for (i = 0u; i < {{ends}}u; i++) {
                    in[i] = (float)((i * 37u) % 64u) / 32.0f - 1.0f;
                }
                out[0] = 1.0f;
            {{calls}}
                return 0;
            }

            """);
        device.Compile(build, options, "program", [.. files]);
        string[] lines = device.Run(build, "program", counted: device != CDevice.Avr).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Counted[] results = new Counted[nets.Count];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = new(
                Convert.ToInt64(lines[i], 16),
                device == CDevice.CortexM4F ? Code(build, device, options, "n" + i.ToString(CultureInfo.InvariantCulture)) : 0,
                estimates[i]);
        }

        return results;
    }

    private static Network Make(string net, Arithmetic arithmetic, bool training) =>
        NetCompiler.Compile(
            net,
            training ? new SoftmaxCrossEntropy() : null,
            new NetworkOptions
            {
                Arithmetic = arithmetic,
                Initializer = new Glorot(),
                Seed = 1,
            });

    private static int Code(CBuild build, CDevice device, string options, string name)
    {
        Tools.RunChecked(
            build.Folder,
            device.Compiler[0],
            [
                .. CBuild.Strict,
                .. device.Compiler[1..].Where(word => word.StartsWith('-') && !word.StartsWith("-Wl", StringComparison.Ordinal)),
                .. options.Split(' '),
                "-c",
                name + ".c",
                "-o",
                name + ".o",
            ]);
        string[] words = Tools
            .RunChecked(build.Folder, device.Compiler[0].Replace("gcc", "size", StringComparison.Ordinal), name + ".o")
            .Split('\n')[1]
            .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return int.Parse(words[0], CultureInfo.InvariantCulture);
    }
}
