using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
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
    /// <param name="device">A Cortex-M.</param>
    /// <param name="options">Of the compiler, as in -O2.</param>
    /// <param name="nets">Texts of nets.</param>
    /// <param name="storage">The storage of the weights.</param>
    public static Counted[] Of(CDevice device, string options, IReadOnlyList<string> nets, CStorage storage = CStorage.Float32)
    {
        using CBuild build = new();
        List<string> files = ["main.c"];
        StringBuilder includes = new(), calls = new();
        CCost[] estimates = new CCost[nets.Count];
        int floats = 1;
        for (int i = 0; i < nets.Count; i++)
        {
            string name = "n" + i.ToString(CultureInfo.InvariantCulture);
            using Network network = Make(nets[i], device.Arithmetic);
            CExporter.Write(network, build.Folder, new CExportOptions { Name = name, Storage = storage });
            estimates[i] = CCost.Of(network.InferencePlan, network.Parameters, null, network.State);
            files.Add(name + ".c");
            files.Add(name + "_weights.c");
            includes.Append(CultureInfo.InvariantCulture, $"#include \"{name}.h\"\n");
            calls.Append(
                CultureInfo.InvariantCulture,
                $"    device_start();\n    {name}_predict(in, out, arena);\n    device_word(device_instructions());\n    device_text(\"\\n\");\n");
            floats = Math.Max(
                floats,
                Math.Max(network.InferencePlan.WorkspaceLength, Math.Max(network.Input.Shape.Length, network.Output.Shape.Length)));
        }

        build.Write("main.c", $$"""
            #include "device.h"
            {{includes}}
            static float in[{{floats}}], out[{{floats}}], arena[{{floats}}];

            int main(void)
            {
                size_t i;
                for (i = 0u; i < {{floats}}u; i++) {
                    in[i] = (float)((i * 37u) % 64u) / 32.0f - 1.0f;
                }
            {{calls}}
                return 0;
            }

            """);
        device.Compile(build, options, "program", [.. files]);
        string[] lines = device.Run(build, "program", counted: true).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Counted[] results = new Counted[nets.Count];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = new(
                Convert.ToInt64(lines[i], 16),
                Code(build, device, options, "n" + i.ToString(CultureInfo.InvariantCulture)),
                estimates[i]);
        }

        return results;
    }

    private static Network Make(string net, Arithmetic arithmetic) =>
        NetCompiler.Compile(
            net,
            null,
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
