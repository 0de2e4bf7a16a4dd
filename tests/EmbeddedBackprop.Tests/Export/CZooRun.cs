using System.Runtime.InteropServices;
using EmbeddedBackprop.Export;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Compiles the zoo, runs it, and compares it with the engine.</summary>
internal static class CZooRun
{
    private const int Count = 8;

    /// <summary>Exports the zoo, runs it on all kinds of numbers, and tells the first output that has other bits than the engine's.</summary>
    public static string? FirstDifference(CBuild build, string compiler, CZoo zoo, CExportOptions options, Func<string, string>? change = null)
    {
        foreach ((string name, string text) in zoo.Export(options))
        {
            build.Write(name, name == "zoo.c" ? change?.Invoke(text) ?? text : text);
        }

        float[][] samples =
        [
            .. Enumerable
                .Range(0, Count)
                .Select(i =>
                    zoo.Sample(
                        i + 1,
                        i < Count - 3 ? Numbers.Plain
                            : i < Count - 1 ? Numbers.Edges
                            : Numbers.NonFinite)),
        ];
        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<float>([.. samples.SelectMany(sample => sample)]).ToArray());
        build.Write("driver.c", Driver(build.Read("zoo.h")));
        build.Compile(compiler, "program", "driver.c", "zoo.c", "zoo_weights.c", "zoo_selftest.c");
        int code = build.Run("program");
        float[][] expected = zoo.Run(options, samples);
        float[] results = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        int from = 0;
        for (int sample = 0; sample < Count; sample++)
        {
            int at = 0;
            foreach (Node output in zoo.Outputs)
            {
                int length = output.Shape.Length, bad = Bits.FirstDifference(results.AsSpan(from + at, length), expected[sample].AsSpan(at, length));
                if (bad >= 0)
                {
                    return
                        $"sample {sample}, {output.Name}[{bad}]: {Bits.Show(results[from + at + bad])}, expected {Bits.Show(expected[sample][at + bad])}";
                }

                at += length;
            }

            from += at;
        }

        return code == 0 ? null : $"self-test: {code}";
    }

    /// <summary>
    /// A main that predicts sample after sample from in.bin into out.bin with one state; the parameters are those that the header declares.
    /// </summary>
    private static string Driver(string header)
    {
        string[] parameters = [.. header.Split("zoo_predict(")[^1].Split(')')[0].Split(", ").Select(parameter => parameter.Split('*')[1])];
        string Size(string pointer) => pointer switch
        {
            "arena" => "ZOO_ARENA_FLOATS",
            "state" => "ZOO_STATE_FLOATS",
            _ => (pointer.StartsWith("in", StringComparison.Ordinal) ? "ZOO_INPUTS_" : "ZOO_OUTPUTS_") + pointer.Split('_', 2)[1].ToUpperInvariant(),
        };
        string Each(string prefix, Func<string, string> line) =>
            string.Concat(parameters.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => "        " + line(name) + "\n"));
        return $$"""
            #include <stdio.h>
            #include "zoo.h"

            static float {{string.Join(", ", parameters.Select(name => $"{name}[{Size(name)}]"))}};

            int main(void)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                int sample;
                if (in == NULL || out == NULL) return 100;
                zoo_reset(state);
                for (sample = 0; sample < {{Count}}; sample++) {
            {{Each("in_", name => $"if (fread({name}, sizeof(float), {Size(name)}, in) != {Size(name)}) return 101;")}}
                    zoo_predict({{string.Join(", ", parameters)}});
            {{Each("out_", name => $"if (fwrite({name}, sizeof(float), {Size(name)}, out) != {Size(name)}) return 102;")}}    }
                if (fclose(out) != 0 || fclose(in) != 0) return 103;
                return (int)zoo_selftest({{string.Join(", ", parameters.Where(name => !name.StartsWith("in_", StringComparison.Ordinal)))}});
            }

            """;
    }
}
