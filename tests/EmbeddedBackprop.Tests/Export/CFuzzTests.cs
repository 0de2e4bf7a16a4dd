using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Inputs that a fuzzer invents: NaN, infinities, denormals, indices of rows that no table has, in every op at once, under the sanitizers of clang.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CFuzzTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase(CStorage.Float32, 60, Category = "Slow")]
    public void A_minute_of_any_inputs_finds_no_error_and_no_result_that_depends_on_old_memory(CStorage storage, int seconds) =>
        Assert.That(Fuzz(storage, seconds, source => source), Is.Null);

    [TestCase("x[t] < (float)rows", "x[t] < 1e6f + (float)rows", Category = "Slow")]
    [TestCase("(void)memset(y + (t * columns), 0, columns * sizeof *y);", "(void)0;", Category = "Slow")]
    public void Control_the_fuzzer_finds_what_is_planted(string text, string planted) =>
        Assert.That(Fuzz(CStorage.Int8, 60, source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        }), Is.Not.Null);

    /// <summary>Fuzzes the zoo; the fuzzer's report of the first error, null if it finds none.</summary>
    private string? Fuzz(CStorage storage, int seconds, Func<string, string> change)
    {
        string clang = Tools.Require("clang", "clang");
        string runtime = Path.Combine(
            Tools.RunChecked(build.Folder, clang, "-print-resource-dir").Trim(),
            "lib",
            "linux",
            "libclang_rt.fuzzer-x86_64.a");
        if (!File.Exists(runtime))
        {
            throw Tools.Missing("clang's fuzzer", "libclang-rt-14-dev");
        }

        foreach ((string name, string text) in new CZoo(2).Export(CZoo.Options(Arithmetic.Separate, storage)))
        {
            build.Write(name, name == "zoo.c" ? change(text) : text);
        }

        build.Write("fuzz.c", Harness(build.Read("zoo.h")));
        build.Compile(
            "clang -O1 -g -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all",
            "fuzz",
            "fuzz.c",
            "zoo.c",
            "zoo_weights.c");
        Tools.Result result = Tools.Run(
            build.Folder,
            Path.Combine(build.Folder, "fuzz"),
            $"-max_total_time={seconds}",
            "-max_len=4096",
            "-len_control=0",
            "-seed=1",
            "-artifact_prefix=found-");
        return result.ExitCode == 0 ? null : result.Errors;
    }

    /// <summary>
    /// The bytes of the fuzzer become the inputs, over and over until all are full. Each is predicted twice with other values in arena and outputs: a
    /// result that differs read memory that was never written.
    /// </summary>
    private static string Harness(string header)
    {
        string[] parameters = [.. header.Split("zoo_predict(")[^1].Split(')')[0].Split(", ").Select(parameter => parameter.Split('*')[1])];
        string Size(string pointer) =>
            pointer switch
            {
                "arena" => "ZOO_ARENA_FLOATS",
                "state" => "ZOO_STATE_FLOATS",
                _ => (pointer.StartsWith("in", StringComparison.Ordinal) ? "ZOO_INPUTS_" : "ZOO_OUTPUTS_")
                    + pointer.Split('_', 2)[1].ToUpperInvariant(),
            };
        string Each(Func<string, bool> which, Func<string, string> line) =>
            string.Concat(parameters.Where(which).Select(name => "    " + line(name) + "\n"));
        bool IsInput(string name) => name.StartsWith("in_", StringComparison.Ordinal);
        bool IsOutput(string name) => name.StartsWith("out_", StringComparison.Ordinal);
        return $$"""
            #include <stdlib.h>
            #include <string.h>
            #include "zoo.h"

            static float {{string.Join(", ", parameters.Select(name => $"{name}[{Size(name)}]"))}};

            int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

            static void fill(float *x, size_t n, const uint8_t *data, size_t size, size_t *at)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    (void)memcpy(&x[i], data + *at, sizeof *x);
                    *at = *at + (2u * sizeof *x) > size ? 0u : *at + sizeof *x;
                }
            }

            /* NaN equals NaN. */
            static uint32_t sum_of(uint32_t sum, const float *x, size_t n)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    uint32_t word = 0u;
                    if (x[i] >= 0.0f || x[i] < 0.0f) {
                        (void)memcpy(&word, &x[i], sizeof word);
                    }
                    sum = (sum ^ word) * 16777619u;
                }
                return sum;
            }

            static uint32_t run(int filling)
            {
                uint32_t sum = 1u;
            {{Each(name => IsOutput(name) || name == "arena", name => $"(void)memset({name}, filling, sizeof {name});")}}    zoo_reset(state);
                zoo_predict({{string.Join(", ", parameters)}});
            {{Each(name => IsOutput(name) || name == "state", name => $"sum = sum_of(sum, {name}, {Size(name)});")}}    return sum;
            }

            int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
            {
                size_t at = 0u;
                if (size < sizeof(float)) {
                    return 0;
                }
            {{Each(IsInput, name => $"fill({name}, {Size(name)}, data, size, &at);")}}    if (run(0x00) != run(0x41)) {
                    abort();
                }
                return 0;
            }

            """;
    }
}
