using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Ops;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The formulas of recurrent cells as C, compiled and run: the bits of the engine, for ordinary and for extreme values.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CGatesTests
{
    private const int Units = 3000;
    private const int Blocks = 16;

    // Blocks of one value a unit: 0-3 p, the gates, the deltas; 4-7 q; 8 h before; 9 h after; 10 c before; 11 c after; 12 tanh c; 13 dL/dh; 14 dL/dc;
    // 15 upstream.
    private const string Variables = """
            const size_t next = units;
            float *p = m, *q = m + (4u * units), *delta = m, *before = m + (8u * units), *h = before, *after = before + units;
            float *cell = m + (10u * units), *cell_tanh = m + (12u * units), *dh = m + (13u * units), *dc = m + (14u * units), *up = gradient ? m + (15u * units) : NULL;
            size_t j;
            (void)next; (void)p; (void)q; (void)delta; (void)h; (void)after; (void)cell; (void)cell_tanh; (void)dh; (void)dc; (void)up;

        """;

    private static readonly Recurrent[] Cells = [new Lstm(1), new Gru(1), new Rnn(1), new Rnn(1, RecurrentFunction.Relu)];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCaseSource(typeof(CBuild), nameof(CBuild.CompilersWithArithmetic))]
    public void Compiled_steps_give_the_bits_of_the_engine(string compiler, Arithmetic arithmetic)
    {
        Compile(compiler, Source(arithmetic));
        foreach (Numbers numbers in Enum.GetValues<Numbers>())
        {
            Assert.That(Difference(arithmetic, numbers), Is.Null, $"{numbers}");
        }
    }

    [TestCase("(f * cell[j]) + (i * g)", "(i * g) - (f * cell[j])")]
    [TestCase("n + (z * (h[j] - n))", "((1.0f - z) * n) + (z * h[j])")]
    [TestCase("(d_c * g) * (i * (1.0f - i))", "((d_c * g) * i) * (1.0f - i)")]
    [TestCase("dh[j] = passed;", "dh[j] = d_h;")]
    public void Control_another_formula_is_caught(string formula, string planted)
    {
        string source = Source(Arithmetic.Separate);
        Assert.That(source, Does.Contain(formula));
        Compile("gcc -O1", source.Replace(formula, planted, StringComparison.Ordinal));
        Assert.That(Difference(Arithmetic.Separate, Numbers.Plain), Is.Not.Null);
    }

    private void Compile(string compiler, string source)
    {
        if (compiler.Contains("-mfma", StringComparison.Ordinal) && !Fma.IsSupported)
        {
            Assert.Ignore("this processor has no FMA for x86");
        }

        build.Write("cells.c", source);
        build.Compile(compiler, "cells", "cells.c");
    }

    /// <summary>Predicts, and steps forward and back with and without an upstream gradient; null if every float is the engine's.</summary>
    private string? Difference(Arithmetic arithmetic, Numbers numbers)
    {
        float[] memory = Samples.Array(Units * Blocks, 5, numbers);
        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes(memory.AsSpan()).ToArray());
        Assert.That(build.Run("cells"), Is.Zero);
        ReadOnlySpan<float> given = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin")));
        float[] expected = [
            .. Engine<LstmCell>(memory, arithmetic), .. Engine<GruCell>(memory, arithmetic),
            .. Engine<RnnCell<TanhCurve>>(memory, arithmetic), .. Engine<RnnCell<ReluCurve>>(memory, arithmetic)];
        int at = Bits.FirstDifference(given, expected);
        return at < 0 ? null
            : $"cell {at / (3 * memory.Length)}, run {at / memory.Length % 3}, block {at % memory.Length / Units}, unit {at % Units}: C gives {Bits.Show(given[at])}, the engine {Bits.Show(expected[at])}";
    }

    private static string Source(Arithmetic arithmetic)
    {
        StringBuilder steps = new(), calls = new();
        CFunctions functions = CFunctions.None;
        foreach (CGates cell in Cells.Select(CGates.Of))
        {
            foreach ((string name, CFormulaText body) in new[] { ("predict", cell.Predict(2)), ("keep", cell.Keep(2)), ("back", cell.Back(2)) })
            {
                functions |= body.Functions;
                steps
                    .Append(
                        $"static void {cell.Name}_{name}(float *m, size_t units, int gradient)\n{{\n{Variables}    for (j = 0u; j < units; j++) {{\n")
                    .Append(body.Text.Replace("ebp_", "net_", StringComparison.Ordinal))
                    .Append("    }\n}\n\n");
            }

            calls.Append($"    load(); {cell.Name}_predict(memory, {Units}u, 0); save();\n")
                .Append($"    load(); {cell.Name}_keep(memory, {Units}u, 0); {cell.Name}_back(memory, {Units}u, 0); save();\n")
                .Append($"    load(); {cell.Name}_keep(memory, {Units}u, 1); {cell.Name}_back(memory, {Units}u, 1); save();\n");
        }

        return CMath.Source(arithmetic, "net", functions) + $$"""

            #include <stdio.h>
            #include <stdlib.h>

            #define COUNT {{Units * Blocks}}u

            static float memory[COUNT];
            static FILE *out;

            {{steps}}
            static void load(void)
            {
                FILE *in = fopen("in.bin", "rb");
                if (in == NULL || fread(memory, sizeof *memory, COUNT, in) != COUNT || fclose(in) != 0) {
                    exit(1);
                }
            }

            static void save(void)
            {
                if (fwrite(memory, sizeof *memory, COUNT, out) != COUNT) {
                    exit(1);
                }
            }

            int main(void)
            {
                out = fopen("out.bin", "wb");
                if (out == NULL) {
                    return 1;
                }
            {{calls}}    return fclose(out);
            }

            """;
    }

    /// <summary>The memory after a prediction, then after a step forward and back without, then with an upstream gradient.</summary>
    private static float[] Engine<TCell>(float[] memory, Arithmetic arithmetic) where TCell : struct, IRecurrentCell
    {
        float[] kept = Forward<TCell>(memory, arithmetic), predicted = (float[])memory.Clone();

        // A prediction is in place: h and c before the step become those after it.
        kept.AsSpan(9 * Units, Units).CopyTo(predicted.AsSpan(8 * Units));
        if (TCell.HasCell)
        {
            kept.AsSpan(11 * Units, Units).CopyTo(predicted.AsSpan(10 * Units));
        }

        float[] alone = (float[])kept.Clone();
        Twin.RecurrentStep.Backward<TCell, float>(arithmetic, Step<TCell>(memory, alone, upstream: false));
        Twin.RecurrentStep.Backward<TCell, float>(arithmetic, Step<TCell>(memory, kept, upstream: true));
        return [.. predicted, .. alone, .. kept];
    }

    private static float[] Forward<TCell>(float[] memory, Arithmetic arithmetic) where TCell : struct, IRecurrentCell
    {
        float[] result = (float[])memory.Clone();
        Twin.RecurrentStep.Forward<TCell, float>(arithmetic, Step<TCell>(memory, result, upstream: false));
        return result;
    }

    /// <summary>The products are read first, because the gates overwrite them.</summary>
    private static StepBuffers<float> Step<TCell>(float[] products, float[] memory, bool upstream) where TCell : struct, IRecurrentCell
    {
        Span<float> Block(int index) => memory.AsSpan(index * Units, Units);
        return new()
        {
            Rows = 1,
            Hidden = Units,
            Input = products.AsSpan(0, 4 * Units),
            Recurrent = products.AsSpan(4 * Units, 4 * Units),
            Gates = memory.AsSpan(0, 4 * Units),
            Before = Block(8),
            After = Block(9),
            CellBefore = TCell.HasCell ? Block(10) : default,
            Cell = TCell.HasCell ? Block(11) : default,
            CellTanh = TCell.HasCell ? Block(12) : default,
            HiddenGradient = Block(13),
            CellGradient = TCell.HasCell ? Block(14) : default,
            Upstream = upstream ? Block(15) : default,
        };
    }
}
