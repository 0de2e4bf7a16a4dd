namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Exported training steps with sequences, moves, sums and dropout have the engine's bits: losses, every gradient, the weights after 100 updates.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CSequenceTrainingTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0", 1, 1)]
    [TestCase("gcc -O0", 3, 1)]
    [TestCase("gcc -O0", 2, 2, Category = "Slow")]
    [TestCase("gcc -O3", 1, 1, Category = "Slow")]
    [TestCase("gcc -O3", 2, 1, Category = "Slow")]
    [TestCase("gcc -O3 -mfma", 4, 1, Category = "Slow")]
    [TestCase("clang -O2", 1, 2, Category = "Slow")]
    [TestCase("clang -O2", 3, 1, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 2, 1, Category = "Slow")]
    public void Every_op_and_option_learns_with_the_bits_of_the_engine(string compiler, int batch, int accumulate) =>
        Assert.That(FirstDifference(compiler, [.. CSequenceCases.All(batch, accumulate)]), Is.Null);

    [TestCase("gcc -O0", 0, 20)]
    [TestCase("gcc -O3", 100, 40, Category = "Slow")]
    [TestCase("clang -O2", 200, 40, Category = "Slow")]
    [TestCase("gcc -O0", 300, 40, Category = "Slow")]
    [TestCase("gcc -O3 -mfma", 400, 40, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 500, 20, Category = "Slow")]
    public void Random_graphs_learn_with_the_bits_of_the_engine(string compiler, int seed, int count) =>
        Assert.That(FirstDifference(compiler, [.. Enumerable.Range(seed, count).Select(CSequenceGraphs.Random)]), Is.Null);

    // A part of the C, its replacement, a part of the names of networks that have it.
    [TestCase("s % layer->truncate == 0u", "s % layer->truncate == 1u", "gru 5")]
    [TestCase("words[1] = sample;", "words[1] = sample & 0u;", "dropout, read twice")]
    [TestCase("dh[j] = up[j] + dh[j];", "dh[j] = up[j];", "gru 1", Category = "Slow")]
    [TestCase("(void)memcpy(delta + (2u * units), delta + columns, units * sizeof *delta);", "", "gru 0", Category = "Slow")]
    [TestCase("(d_n * delta[(3u * units) + j]) * (r * (1.0f - r))", "((d_n * delta[(3u * units) + j]) * r) * (1.0f - r)", "gru 0", Category = "Slow")]
    [TestCase("dc[j] = d_c * f;", "dc[j] = d_c;", "lstm 0", Category = "Slow")]
    [TestCase("const size_t last = layer->backwards != 0 ? 0u : layer->steps - 1u;", "const size_t last = 0u;", "gru 3", Category = "Slow")]
    [TestCase("row[j] = row[j] + dy[j];", "row[j] = dy[j];", "words", Category = "Slow")]
    [TestCase("const float d = dy[j] / (float)n;", "const float d = dy[j] * (1.0f / (float)n);", "mean over time", Category = "Slow")]
    [TestCase("> x[(winner * features) + j])", "< x[(winner * features) + j])", "largest over time", Category = "Slow")]
    [TestCase("z[i] = EBP_M(x[i], y[i], z[i]);", "z[i] = z[i] - (x[i] * y[i]);", "multiply, read twice", Category = "Slow")]
    public void Control_another_formula_gives_other_bits(string text, string planted, string net)
    {
        CTrainingCase[] cases = [.. CSequenceCases.All(3, 1).Where(train => train.Name.Contains(net, StringComparison.Ordinal)).Take(1)];
        string? difference = FirstDifference("gcc -O0", cases, source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(difference, Is.Not.Null);
    }

    private string? FirstDifference(string compiler, CTrainingCase[] cases, Func<string, string>? change = null)
    {
        CTrainingParity parity = new(build, cases);
        parity.Export(change);
        return parity.FirstDifference(compiler);
    }
}
