using System.Runtime.InteropServices;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported learning-rate schedules give the engine's bits at every step.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CScheduleTests
{
    private static readonly (Schedule Schedule, int StepsPerEpoch, int Epochs)[] Cases =
    [
        (new Constant(), 0, 0),
        (new StepDecay { Every = 3, Factor = 0.7f }, 13, 40),
        (new StepDecay { Every = 1, Factor = 0.1f }, 1, 1),
        (new StepDecay { Every = 2, Factor = 1.5f }, 3, 9),
        (new Exponential(), 1875, 10),
        (new Exponential { Factor = 0.3f }, 3, 10),
        (new Exponential { Factor = 1.7f }, 268435456, 10),
        (new Exponential { Factor = 0.999f }, 201326611, 10),
        (new Cosine(), 100, 30),
        (new Cosine { Floor = 0.01f }, 7, 3),
        (new Cosine { Floor = 0.2f }, 268435456, 200),
        (new WarmUp { Steps = 50 }, 0, 0),
        (new WarmUp { Steps = 1 }, 0, 0),
        (new WarmUp { Steps = 20, Then = new Cosine() }, 11, 13),
        (new WarmUp { Steps = 1000, Then = new StepDecay { Every = 2 } }, 17, 20),
        (new WarmUp { Steps = 2, Then = new Exponential() }, 5, 20),
    ];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0", Arithmetic.Fused)]
    [TestCase("clang -O2", Arithmetic.Separate)]
    [TestCase("gcc -O3", Arithmetic.Fused, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Arithmetic.Fused, Category = "Slow")]
    public void Every_schedule_gives_the_rates_of_the_engine(string compiler, Arithmetic arithmetic) =>
        Assert.That(FirstDifference(compiler, arithmetic, text => text), Is.Null);

    [TestCase("q |= 1u;\n    }\n    y", "}\n    y")]
    [TestCase("((done << 23) / steps)", "(((done << 23) + (steps / 2u)) / steps)")]
    [TestCase("(step + 1u)", "(step)")]
    [TestCase("(quadrant + 1u) & 2u", "quadrant & 2u")]
    [TestCase("const float product = a * b;\n    return product + c;", "return EBP_M(a, b, c);")]
    public void Control_another_formula_gives_other_rates(string text, string planted)
    {
        string? difference = FirstDifference("gcc -O0", Arithmetic.Fused, source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(difference, Is.Not.Null);
    }

    [Test]
    public void What_a_device_cannot_follow_is_refused()
    {
        Assert.That(() => CSchedule.Check(new Plateau(), 10, 10), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("validation"));
        Assert.That(() => CSchedule.Check(new WarmUp { Then = new Plateau() }, 10, 10), Throws.InstanceOf<NotSupportedException>());
        Assert.That(() => CSchedule.Check(new Mine(), 10, 10), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("'mine'"));
        Assert.That(() => CSchedule.Check(new Cosine(), 0, 10), Throws.ArgumentException.With.Message.Contains("got 0 and 10"));
        Assert.That(() => CSchedule.Check(new StepDecay(), 10, 0), Throws.ArgumentException);
        Assert.That(() => CSchedule.Check(new Constant(), 0, 0), Throws.Nothing);
    }

    private string? FirstDifference(string compiler, Arithmetic arithmetic, Func<string, string> change)
    {
        const float Rate = 0.3f;
        StringBuilder routines = new(), declarations = new(), calls = new();
        CFunctions functions = CFunctions.MultiplyAdd; // one of the controls uses it
        List<float> expected = [];
        uint[][] steps = new uint[Cases.Length][];
        for (int i = 0; i < Cases.Length; i++)
        {
            (Schedule schedule, int stepsPerEpoch, int epochs) = Cases[i];
            CSchedule.Check(schedule, stepsPerEpoch, epochs);
            CProgram program = new("c" + CText.Number(i));
            string rate = CSchedule.Rate(program, $"C{i}", schedule, "rate", "step");
            functions |= program.Functions;
            routines.Append($"\n#define C{i}_STEPS_PER_EPOCH {stepsPerEpoch}\n#define C{i}_EPOCHS {epochs}\n").Append(program.Routines)
                .Append($"\nfloat c{i}(float rate, uint32_t step)\n{{\n    (void)step;\n    return {rate};\n}}\n");
            declarations.Append($"extern float c{i}(float rate, uint32_t step);\n");
            calls.Append($"    if (run(c{i}) != 0) return 1;\n");
            long total = (long)stepsPerEpoch * epochs;
            steps[i] =
            [
                .. Enumerable.Range(0, 600).Select(step => (uint)step),
                .. Enumerable.Range(0, 600).Select(k => (uint)Math.Min((total * k / 600) + k, uint.MaxValue)),
            ];
            expected.AddRange(steps[i].Select(step => schedule.Rate(Rate, new ScheduleTime(step, stepsPerEpoch, epochs))));
        }

        string head =
            "#include <stddef.h>\n"
            + CMath.Source(arithmetic, "ebp", functions | CFunctions.PowerOfTwo)
            + "\nstatic float unused(float x)\n{\n    return EBP_M(x, x, x);\n}\nfloat use(float x);\nfloat use(float x)\n{\n    return unused(x);\n}\n";
        string shared = string.Concat(Enumerable.Range(0, Cases.Length).Select(i => $"#define c{i}_power_of_two ebp_power_of_two\n"));
        build.Write("schedule.c", change((head + shared + declarations + routines).Replace("\r", "")));
        build.Write("driver.c", $$"""
            #include <stdint.h>
            #include <stdio.h>
            {{declarations}}
            static uint32_t steps[1200];
            static FILE *in, *out;

            static int run(float (*rate)(float, uint32_t))
            {
                size_t i;
                if (fread(steps, sizeof *steps, 1200, in) != 1200) return 1;
                for (i = 0; i < 1200; i++) {
                    const float y = rate({{CText.Hex(Rate)}}, steps[i]);
                    if (fwrite(&y, sizeof y, 1, out) != 1) return 1;
                }
                return 0;
            }

            int main(void)
            {
                in = fopen("in.bin", "rb");
                out = fopen("out.bin", "wb");
            {{calls}}    return fclose(out);
            }

            """);
        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<uint>(steps.SelectMany(list => list).ToArray()).ToArray());
        build.Compile(compiler, "program", "driver.c", "schedule.c");
        Assert.That(build.Run("program"), Is.Zero);
        float[] results = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        int bad = Bits.FirstDifference(results, expected.ToArray());
        return bad < 0
            ? null
            : $"case {bad / 1200} ({Cases[bad / 1200].Schedule.Name}), step {steps[bad / 1200][bad % 1200]}: {Bits.Show(results[bad])}, expected {Bits.Show(expected[bad])}";
    }

    private sealed class Mine : Schedule
    {
        public override string Name => "mine";

        public override float Rate(float rate, ScheduleTime time) => rate;
    }
}
