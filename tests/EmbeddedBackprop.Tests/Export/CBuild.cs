using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A folder with exported networks, and the programs that compilers make of them.</summary>
internal sealed class CBuild : IDisposable
{
    /// <summary>
    /// Every warning that the exported C promises to be free of, as an error. Nothing here concerns floats: the files themselves switch contraction
    /// off, which a dialect of gcc's own (-std=gnu17, its default) would allow.
    /// </summary>
    public static readonly string[] Strict =
        ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"];

    /// <summary>The compilers and options of the default run: compiler first, then options.</summary>
    public static IEnumerable<string> Compilers =>
        ["gcc -O0", "gcc -O3", "clang -O2", .. Fma.IsSupported ? new[] { "gcc -std=gnu17 -O3 -mfma", "clang -O2 -mfma" } : []];

    /// <summary>These compilers with EBP_SLOW=1; else one of them, so that the cases of a test take turns.</summary>
    /// <param name="turn">The number of the case.</param>
    /// <param name="compilers">Each with its options.</param>
    public static string[] InTurn(int turn, params string[] compilers) => Effort.IsSlow ? compilers : [compilers[turn % compilers.Length]];

    /// <summary>All of <see cref="Compilers"/> with both arithmetics; in the quick suite each with one of them, in turn.</summary>
    public static IEnumerable<TestCaseData> CompilersWithArithmetic
    {
        get
        {
            foreach ((int i, string compiler) in Compilers.Index())
            {
                foreach (Arithmetic arithmetic in Widths.Arithmetics)
                {
                    TestCaseData both = new(compiler, arithmetic);
                    yield return (int)arithmetic == i % 2 ? both : both.SetCategory("Slow");
                }
            }
        }
    }

    public CBuild() => Folder = Directory.CreateTempSubdirectory("ebp-export-").FullName;

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));

    public void Write(string file, string text) => File.WriteAllText(Path.Combine(Folder, file), text);

    public void Export(Network network, string name = "net", EmbeddedBackprop.Kernels.Arithmetic? arithmetic = null) =>
        CExporter.Write(network, Folder, new CExportOptions { Name = name, Arithmetic = arithmetic });

    /// <summary>Compiles files of the folder into a program.</summary>
    public void Compile(string compiler, string program, params ReadOnlySpan<string> files)
    {
        string[] words = compiler.Split(' ');
        Tools.RunChecked(Folder, Tools.Require(words[0], words[0]), [.. Strict, .. words[1..], .. files, "-o", program]);
    }

    /// <summary>
    /// Writes a file that includes these files, and returns its name: one run of the compiler instead of one for each small file, which costs half as
    /// much. Exported files have names and macros that no other one has; the first file, with main, comes last: its variables have any name.
    /// </summary>
    public string Together(params ReadOnlySpan<string> files)
    {
        string[] order = [.. files[1..], files[0]];
        Write("together.c", string.Concat(order.Select(file => $"#include \"{file}\"\n")));
        return "together.c";
    }

    public int Run(string program) => Tools.Run(Folder, Path.Combine(Folder, program)).ExitCode;

    /// <summary>Fails if an exported network needs a library or has a variable that can be written.</summary>
    public void CheckSymbols(string compiler, string name) => CheckSymbols(compiler, name, name, name + "_weights", name + "_selftest");

    /// <summary>The same of single files, which may also call functions of each other.</summary>
    public void CheckSymbols(string compiler, string name, params ReadOnlySpan<string> files)
    {
        string[] prefixes = [name + "_", .. files.ToArray().Select(file => file + "_")];
        foreach (string file in files)
        {
            Compile(compiler + " -c", file + ".o", file + ".c");
            foreach (
                string line in Tools
                    .RunChecked(Folder, Tools.Require("nm", "binutils"), file + ".o")
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                (string kind, string symbol) = (words[^2], words[^1]);
                Assert.That(kind, Is.Not.AnyOf("B", "b", "D", "d", "C", "S", "s"), $"{file}: {symbol} can be written");
                bool allowed =
                    kind != "U"
                    || symbol is "memcpy" or "memset" or "_GLOBAL_OFFSET_TABLE_" or "__stack_chk_fail"
                    || Array.Exists(prefixes, prefix => symbol.StartsWith(prefix, StringComparison.Ordinal));
                Assert.That(allowed, Is.True, $"{file} needs {symbol}");
            }
        }
    }

    /// <summary>Writes main, which predicts every sample of in.bin into out.bin and returns the count of the self-test.</summary>
    public void WriteDriver(string name = "net")
    {
        string macro = name.ToUpperInvariant();
        Write("driver.c", $$"""
            #include <stdio.h>
            #include "{{name}}.h"

            static float input[{{macro}}_INPUTS], output[{{macro}}_OUTPUTS], arena[{{macro}}_ARENA_FLOATS];

            int main(void)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                if (in == NULL || out == NULL) {
                    return 100;
                }
                while (fread(input, sizeof *input, {{macro}}_INPUTS, in) == {{macro}}_INPUTS) {
                    {{name}}_predict(input, output, arena);
                    if (fwrite(output, sizeof *output, {{macro}}_OUTPUTS, out) != {{macro}}_OUTPUTS) {
                        return 101;
                    }
                }
                if (fclose(out) != 0 || fclose(in) != 0) {
                    return 102;
                }
                return {{name}}_selftest(output, arena) == 0u ? 0 : 1;
            }

            """);
    }

    /// <summary>Compiles one exported network, runs it on samples, and fails unless every bit is the engine's.</summary>
    public void CheckBits(Network engine, string compiler, float[] samples, string name = "net")
    {
        WriteDriver(name);
        Compile(compiler, "program", "driver.c", name + ".c", name + "_weights.c", name + "_selftest.c");
        float[] results = RunOn(samples);
        int inputs = engine.Input.Shape.Length, outputs = engine.Output.Shape.Length;
        for (int i = 0; i < samples.Length / inputs; i++)
        {
            ReadOnlySpan<float> expected = engine.Predict(samples.AsSpan(i * inputs, inputs));
            Bits.AssertEqual(results.AsSpan(i * outputs, outputs), expected, $"{compiler}, sample {i}");
        }
    }

    /// <summary>Runs the driver on samples; its self-test has to succeed.</summary>
    public float[] RunOn(float[] samples)
    {
        File.WriteAllBytes(Path.Combine(Folder, "in.bin"), MemoryMarshal.AsBytes(samples.AsSpan()).ToArray());
        Assert.That(Run("program"), Is.Zero, "self-test");
        return MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(Folder, "out.bin"))).ToArray();
    }
}
