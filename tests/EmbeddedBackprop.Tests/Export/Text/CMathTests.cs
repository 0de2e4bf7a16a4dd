using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Tests.Kernels;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported C functions, compiled by real compilers, give the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CMathTests
{
    /// <summary>The line by which a file keeps gcc from contracting, whatever its dialect.</summary>
    public const string ContractionOff = "#pragma GCC optimize (\"-ffp-contract=off\")\n";

    private const int Count = 200_000;

    private static readonly string[] Strict =
        ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"];

    private string folder = string.Empty;

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("ebp-cmath-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("gcc", "-O0")]
    [TestCase("gcc", "-O3", Category = "Slow")]
    [TestCase("gcc", "-O0 -mfma", Category = "Slow")]
    [TestCase("gcc", "-O3 -mfma")]
    [TestCase("gcc", "-O3 -mfma -DEBP_PORTABLE", Category = "Slow")]
    [TestCase("gcc", "-std=gnu17 -O3 -march=native")]
    [TestCase("gcc", "-std=gnu99 -O2 -mfma -ffp-contract=fast")]
    [TestCase("clang", "-O2")]
    [TestCase("clang", "-O2 -mfma", Category = "Slow")]
    [TestCase("clang", "-O0 -DEBP_PORTABLE")]
    public void Compiled_functions_give_the_bits_of_the_engine(string compiler, string options)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            string? difference = Compare(compiler, [.. Strict, .. options.Split(' ')], arithmetic, withoutLibrary: true);
            Assert.That(difference, Is.Null, $"{compiler} {options} {arithmetic}");
        }
    }

    [TestCase("--target=aarch64-none-elf")]
    [TestCase("--target=thumbv7em-none-eabihf -mcpu=cortex-m4")]
    [TestCase("--target=thumbv7em-none-eabihf -mcpu=cortex-m7", Category = "Slow")]
    [TestCase("--target=thumbv7m-none-eabi -mcpu=cortex-m3")]
    [TestCase("--target=riscv32-unknown-elf -march=rv32imf -mabi=ilp32f", Category = "Slow")]
    [TestCase("--target=riscv32-unknown-elf -march=rv32im")]
    [TestCase("--target=wasm32")]
    public void Small_targets_never_call_fmaf_or_sqrtf(string target)
    {
        // A library's fmaf may round twice. The control: clang itself calls it on these targets when asked by __builtin_fmaf.
        string clang = Tools.Require("clang", "clang");
        File.WriteAllText(Path.Combine(folder, "string.h"), "#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n");
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            string text = CMath.Source(arithmetic, "net", CFunctions.All) + string.Concat(Single(CFunctions.All).Select(f => Wrapper(f, "net")));
            File.WriteAllText(Path.Combine(folder, "small.c"), text);
            foreach (string level in (string[])["-O0", "-O2"])
            {
                Assert.That(Assembly("small.c", level), Does.Not.Contain("fmaf").And.Not.Contain("sqrtf"), $"{arithmetic} {level}");
            }
        }

        File.WriteAllText(
            Path.Combine(folder, "control.c"),
            "float f(float a, float b, float c);\nfloat f(float a, float b, float c) { return __builtin_fmaf(a, b, c); }\n");
        Assert.That(Assembly("control.c", "-O0"), Does.Contain("fmaf"));

        string Assembly(string file, string level)
        {
            Tools.RunChecked(folder, clang, [.. target.Split(' '), .. Strict, level, "-ffreestanding", "-I.", "-S", file, "-o", "out.s"]);
            string[] lines = File.ReadAllLines(Path.Combine(folder, "out.s"));
            return string.Join('\n', lines.Where(line => !line.Contains(".file", StringComparison.Ordinal)));
        }
    }

    [Test]
    public void Control_a_compiler_that_contracts_products_gives_other_bits()
    {
        string? difference = Compare(
            "gcc", ["-std=gnu17", "-O3", "-mfma"], Arithmetic.Separate, withoutLibrary: false, without: ContractionOff);
        Assert.That(difference, Is.Not.Null);
    }

    [TestCase(@"([\w.]+) - ([\w.]+)\b(?![\w.(])", "$2 - $1")]
    [TestCase(@"\? ([\w.]+) : ([\w.]+)", "? $2 : $1")]
    [TestCase(@"if \((\S+) > (\S+)\)", "if ($2 > $1)")]
    [TestCase(@"<< (\d+)", "<< 22")]
    [TestCase("0x7FFFFFFFu", "0xFFFFFFFFu")]
    public void Control_an_error_of_the_printer_gives_other_bits(string pattern, string planted)
    {
        string? difference = Compare(
            "gcc",
            [.. Strict, "-O0"],
            Arithmetic.Fused,
            withoutLibrary: false,
            functions => System.Text.RegularExpressions.Regex.Replace(functions, pattern, planted));
        Assert.That(difference, Is.Not.Null.And.Not.StartsWith("Sin").And.Not.StartsWith("Cos"));
    }

    [Test]
    public void Fast_math_is_refused()
    {
        File.WriteAllText(Path.Combine(folder, "math.c"), CMath.Source(Arithmetic.Separate, "net", CFunctions.None));
        Tools.Result result = Tools.Run(folder, Tools.Require("gcc", "gcc"), "-std=c99", "-ffast-math", "-c", "math.c");
        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Errors, Does.Contain("fast-math changes results"));
    }

    [TestCase("-m32 -mfpmath=387 -march=i686", "x87")]
    [TestCase("-U__x86_64__ -D__s390x__ -U__FLT_EVAL_METHOD__ -D__FLT_EVAL_METHOD__=1", "-fexcess-precision=fast")]
    [TestCase("-U__x86_64__ -U__FLT_EVAL_METHOD__ -D__FLT_EVAL_METHOD__=-1", "rounded twice")]
    [TestCase("-D__CC_ARM", "--fpmode=ieee_no_fenv")]
    public void A_mode_that_changes_bits_is_refused_with_its_reason(string options, string reason)
    {
        // -E: the preprocessor reads the checks, and needs no C library of another processor.
        File.WriteAllText(Path.Combine(folder, "string.h"), "");
        File.WriteAllText(Path.Combine(folder, "stdint.h"), "");
        File.WriteAllText(Path.Combine(folder, "math.c"), CMath.Source(Arithmetic.Separate, "net", CFunctions.None));
        string gcc = Tools.Require("gcc", "gcc");
        Tools.Result result = Tools.Run(folder, gcc, ["-std=c99", "-I.", "-E", "math.c", "-o", "math.i", .. options.Split(' ')]);
        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Errors, Does.Contain(reason));
        Assert.That(Tools.Run(folder, gcc, "-std=c99", "-I.", "-E", "math.c", "-o", "math.i").ExitCode, Is.Zero);
    }

    [TestCase("hard", true)]
    [TestCase("softfp", true)]
    [TestCase("soft", false)]
    public void A_floating_point_unit_is_used_under_each_calling_convention(string convention, bool used)
    {
        const CFunctions Both = CFunctions.MultiplyAdd | CFunctions.SquareRoot;
        File.WriteAllText(
            Path.Combine(folder, "math.c"),
            CMath.Source(Arithmetic.Fused, "net", Both) + string.Concat(Single(Both).Select(function => Wrapper(function, "net"))));
        Tools.RunChecked(
            folder,
            Tools.Require("arm-none-eabi-gcc", "gcc-arm-none-eabi picolibc-arm-none-eabi"),
            "--specs=picolibc.specs", "-O2", "-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=" + convention, "-S", "math.c");
        string assembly = File.ReadAllText(Path.Combine(folder, "math.s"));
        Assert.That(assembly.Contains("vfma.f32", StringComparison.Ordinal), Is.EqualTo(used));
        Assert.That(assembly.Contains("vsqrt.f32", StringComparison.Ordinal), Is.EqualTo(used));
    }

    [Test]
    public void An_emulated_multiply_add_can_be_refused()
    {
        File.WriteAllText(Path.Combine(folder, "math.c"), CMath.Source(Arithmetic.Fused, "net", CFunctions.MultiplyAdd));
        string[] options = ["-std=c99", "-DEBP_REQUIRE_FMA", "-E", "math.c", "-o", "math.i"];
        string gcc = Tools.Require("gcc", "gcc");
        Assert.That(Tools.Run(folder, gcc, ["-mfma", .. options]).ExitCode, Is.Zero);
        Tools.Result result = Tools.Run(folder, gcc, ["-mno-fma", .. options]);
        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Errors, Does.Contain("no instruction for a fused multiply-add was found"));
    }

    [Test]
    public void Every_single_function_compiles_alone(
        [Values("gcc", "clang")] string compiler, [Values(Arithmetic.Fused, Arithmetic.Separate)] Arithmetic arithmetic)
    {
        // An unused static function or a missing dependency is an error here.
        string program = Tools.Require(compiler, compiler);
        foreach (CFunctions function in Single(CFunctions.All))
        {
            string text = CMath.Source(arithmetic, "alone", function) + Wrapper(function, "alone");
            Assert.That(text, Does.Not.Contain("ebp_"));
            File.WriteAllText(Path.Combine(folder, "alone.c"), text);
            Tools.RunChecked(folder, program, [.. Strict, "-O1", "-c", "alone.c"]);
        }
    }

    /// <summary>Compiles and runs all functions; null if every bit is the engine's, otherwise the first difference.</summary>
    private string? Compare(
        string compiler,
        string[] options,
        Arithmetic arithmetic,
        bool withoutLibrary,
        Func<string, string>? change = null,
        string without = "\r")
    {
        string program = Tools.Require(compiler, compiler);
        if ((options.Contains("-mfma") || options.Contains("-march=native")) && !Fma.IsSupported)
        {
            Assert.Ignore("this processor has no FMA for x86");
        }

        CFunctions[] functions = [.. Single(CFunctions.All)];
        string printed = CMath
            .Functions(CFunctions.All)
            .Replace("ebp_", "net_", StringComparison.Ordinal)
            .Replace("\r", "", StringComparison.Ordinal);
        string source = CMath.Source(arithmetic, "net", CFunctions.All);
        Assert.That(source, Does.Contain(printed).And.Contain(ContractionOff));
        StringBuilder math = new(
            source
                .Replace(printed, change is null ? printed : change(printed), StringComparison.Ordinal)
                .Replace(without, "", StringComparison.Ordinal));
        StringBuilder driver = new("#include <stdio.h>\nstatic float x[" + (Count + 2) + "], y[" + Count + "];\n");
        StringBuilder calls = new();
        foreach (CFunctions function in functions)
        {
            math.Append(Wrapper(function, "net"));
            driver.Append("void run_").Append(function).Append("(const float *x, float *y, long n);\n");
            calls.Append("    run_").Append(function).Append("(x, y, ").Append(Count).Append(");\n    if (fwrite(y, sizeof *y, ").Append(Count)
                .Append(", out) != ").Append(Count).Append(") return 1;\n");
        }

        driver.Append("int main(void)\n{\n    FILE *in = fopen(\"in.bin\", \"rb\"), *out = fopen(\"out.bin\", \"wb\");\n")
            .Append("    if (!in || !out || fread(x, sizeof *x, ").Append(Count + 2).Append(", in) != ").Append(Count + 2).Append(") return 1;\n")
            .Append(calls).Append("    return fclose(out);\n}\n");
        File.WriteAllText(Path.Combine(folder, "math.c"), math.ToString());
        File.WriteAllText(Path.Combine(folder, "driver.c"), driver.ToString());
        float[] x = Inputs();
        File.WriteAllBytes(Path.Combine(folder, "in.bin"), MemoryMarshal.AsBytes(x.AsSpan()).ToArray());
        Tools.RunChecked(folder, program, [.. options, "-c", "math.c", "-o", "math.o"]);
        if (withoutLibrary)
        {
            AssertNeedsNoLibrary();
        }

        Tools.RunChecked(folder, program, "-O1", "driver.c", "math.o", "-o", "driver");
        Tools.RunChecked(folder, Path.Combine(folder, "driver"));
        ReadOnlySpan<float> output = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, "out.bin")));
        float[] expected = new float[Count];
        for (int f = 0; f < functions.Length; f++)
        {
            Engine(functions[f], arithmetic, x, expected);
            int at = Bits.FirstDifference(output.Slice(f * Count, Count), expected);
            if (at >= 0)
            {
                return $"{functions[f]}({Bits.Show(x[at])}): C gives {Bits.Show(output[(f * Count) + at])}, the engine {Bits.Show(expected[at])}";
            }
        }

        return null;
    }

    private static IEnumerable<CFunctions> Single(CFunctions functions) =>
        Enum.GetValues<CFunctions>().Where(f => functions.HasFlag(f) && int.PopCount((int)f) == 1);

    private void AssertNeedsNoLibrary()
    {
        foreach (string line in Tools.RunChecked(folder, Tools.Require("nm", "binutils"), "-u", "math.o").Split('\n'))
        {
            string symbol = line.Trim();
            Assert.That(symbol is "" or "U memcpy" or "U _GLOBAL_OFFSET_TABLE_" or "U __stack_chk_fail", Is.True, symbol);
        }
    }

    private static string Wrapper(CFunctions function, string prefix)
    {
        string call = function switch
        {
            CFunctions.MultiplyAdd => "EBP_M(x[i], x[i + 1], x[i + 2])",
            CFunctions.SquareRoot => "EBP_SQRTF(x[i])",
            _ => $"{prefix}_{function.ToString().ToLowerInvariant()}(x[i])",
        };
        return $"\nvoid run_{function}(const float *x, float *y, long n);\nvoid run_{function}(const float *x, float *y, long n)\n"
            + $"{{\n    long i;\n    for (i = 0; i < n; i++) {{\n        y[i] = {call};\n    }}\n}}\n";
    }

    private static void Engine(CFunctions function, Arithmetic arithmetic, float[] x, float[] y)
    {
        if (function is CFunctions.MultiplyAdd or CFunctions.SquareRoot)
        {
            for (int i = 0; i < Count; i++)
            {
                y[i] = function == CFunctions.SquareRoot ? MathF.Sqrt(x[i])
                    : arithmetic == Arithmetic.Fused ? MathF.FusedMultiplyAdd(x[i], x[i + 1], x[i + 2])
                    : (x[i] * x[i + 1]) + x[i + 2];
            }

            return;
        }

        FunctionCase @case = Array.Find(FunctionCase.All, f => string.Equals(f.Name, function.ToString(), StringComparison.OrdinalIgnoreCase))!;
        @case.Run("1", arithmetic, x.AsSpan(0, Count), y);
    }

    private static float[] Inputs()
    {
        // Half spread over all bit patterns, half where the functions have their bends; then the contract's triple.
        float[] x = new float[Count + 2];
        Random random = new(11);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = (i & 1) == 0 ? BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))
                : (float)((random.NextDouble() - 0.5) * ((i & 2) == 0 ? 8.0 : 220.0));
        }

        float[] edges =
        [
            0f, -0f, 1f, -1f, 0.9f, 10f, 4f, 89f, -104.5f, 88.72284f, -103.97207f, -103.9721f, 12800f, 12801f,
            1e-45f,
            -1e-45f,
            1.1754942e-38f,
            1.17549435e-38f,
            0.70710677f,
            0.70710683f,
            float.MaxValue,
            float.MinValue,
            float.PositiveInfinity,
            float.NegativeInfinity,
            float.NaN,
            -0.99999994f,
            1.00000011920928955f,
            0.99999988079071045f,
            16777218f,
        ];
        edges.CopyTo(x, 0);
        return x;
    }
}
