using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Update;

/// <summary>
/// The first weights of a training: copied from tables, or drawn by the engine's initialiser from its seed (Kernels/Random/CounterRandom.cs in C).
/// </summary>
internal static class CFirstWeights
{
    private const string FillText = """
        static void ebp_start_constant(size_t n, float value, float *w)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                w[i] = value;
            }
        }

        """;

    private const string WordsText = """
        /* Four random words, number 4 block and those after it of a stream. */
        static void ebp_start_words(uint32_t k0, uint32_t k1, uint32_t stream, uint32_t block, uint32_t *words)
        {
            words[0] = block;
            words[1] = 0u;
            words[2] = stream;
            words[3] = PURPOSEu;
            ebp_philox(k0, k1, words);
        }

        """;

    private static readonly string UniformText = Draw(
        "uniform",
        "/* w = scale * (2 u - 1), u from [0, 1). Element number column * rows + row of the stream belongs to w[row][column]. */",
        ["float u;"],
        ["u = (float)(words[e % 4u] >> 8) * 5.9604645e-8f;"],
        "(2.0f * u) - 1.0f");

    private static readonly string NormalText = Draw(
        "normal",
        """
        /*
         * w = scale * N(0, 1): sqrt(-2 log u) times cos or sin of 2 pi v for two words u, v (Box and Muller 1958), in separate arithmetic. Element number
         * column * rows + row of the stream belongs to w[row][column].
         */
        """,
        ["float radius;", "uint32_t turns;"],
        [
            "radius = EBP_SQRTF(-2.0f * ebp_separate_log((float)((words[e & 2u] >> 8) + 1u) * 5.9604645e-8f));",
            "/* sin is cos three quarters of a turn on */",
            "turns = (words[(e & 2u) + 1u] >> 8) + (((e & 1u) != 0u) ? 0xC00000u : 0u);",
        ],
        "radius * ebp_cosine_of_turns(turns)");

    /// <summary>The network's parameters and state with the first weights of everything that is trained.</summary>
    /// <exception cref="NotSupportedException">The initialiser has no C.</exception>
    public static (float[] Parameters, float[] State) Values(
        Plan source, Plan training, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, CTrainingOptions options)
    {
        float[] drawn = parameters.ToArray(), kept = state.ToArray();
        for (int i = 0; i < source.Parameters.Length; i++)
        {
            ParameterRange range = source.Parameters[i];
            if (CTraining.IsTrained(training, range.Name))
            {
                if (options.Initializer!.DrawOf(in range) is null)
                {
                    ExportErrors.NoInitializer(options.Initializer.Name);
                }

                options.Initializer.Fill(in range, i, drawn, options.InitializerSeed);
            }
        }

        HashSet<string> learns = new(StringComparer.Ordinal);
        foreach (Step step in training.Steps)
        {
            learns.UnionWith(step.Frozen ? [] : step.StateRanges.Select(range => range.Name));
        }

        foreach (StateRange range in source.State)
        {
            if (!range.PerSample && learns.Contains(range.Name))
            {
                kept.AsSpan(range.Offset, range.Length).Fill(range.InitialValue);
            }
        }

        return (drawn, kept);
    }

    /// <summary>Writes the statements of NAME_start.</summary>
    public static void Write(CTraining training, CProgram program)
    {
        foreach (CTensor tensor in training.Tensors)
        {
            if (training.Options.Initializer is { } initializer)
            {
                WriteDraw(training, program, tensor, initializer.DrawOf(tensor.Range)!.Value);
            }
            else
            {
                program.Statement($"(void)memcpy({tensor.Place}, {tensor.Table.Name}, {CText.Size(tensor.Length)} * sizeof(float));");
            }
        }
    }

    private static void WriteDraw(CTraining training, CProgram program, CTensor tensor, InitialDraw draw)
    {
        program.Comment(CText.Comment(tensor.Range.Name));
        if (draw.Distribution == InitialDistribution.Constant)
        {
            string fill = program.Routine("start_constant", CFunctions.None, FillText);
            program.Statement($"{fill}({CText.Size(tensor.Length)}, {CText.Hex(draw.Scale)}, {tensor.Place});");
            return;
        }

        CRandom.Ask(program);
        program.Routine(
            "start_words", CFunctions.None, WordsText.Replace("PURPOSE", CText.Number((int)RandomPurpose.Weights), StringComparison.Ordinal));
        bool normal = draw.Distribution == InitialDistribution.Normal;
        if (normal)
        {
            CSchedule.AskCosine(program);
            CSchedule.AskLog(program);
        }

        string name = normal
            ? program.Routine("start_normal", CFunctions.SquareRoot, NormalText)
            : program.Routine("start_uniform", CFunctions.None, UniformText);
        ulong seed = training.Options.InitializerSeed;
        int stream = training.Plan.Parameters.IndexOf(tensor.Range);
        program.Statement(
            $"{name}({CText.Number((long)(seed & 0xFFFFFFFFu))}u, {CText.Number((long)(seed >> 32))}u, {CText.Number(stream)}u, "
            + $"{CText.Size(tensor.Range.Rows)}, {CText.Size(tensor.Range.Columns)}, {CText.Hex(draw.Scale)}, {tensor.Place});");
    }

    /// <summary>A function that draws a matrix column by column, four words of the stream at a time.</summary>
    /// <param name="name">The distribution.</param>
    /// <param name="comment">What is drawn.</param>
    /// <param name="variables">Variables of an element.</param>
    /// <param name="statements">What they are made of.</param>
    /// <param name="value">The element over its scale.</param>
    private static string Draw(string name, string comment, string[] variables, string[] statements, string value) => $$"""
        {{comment}}
        static void ebp_start_{{name}}(uint32_t k0, uint32_t k1, uint32_t stream, size_t rows, size_t columns, float scale, float *w)
        {
            uint32_t words[4] = { 0u, 0u, 0u, 0u };
            uint32_t e = 0u;
            size_t row;
            size_t column;
            for (column = 0u; column < columns; column++) {
                for (row = 0u; row < rows; row++) {
                    {{string.Join("\n            ", variables)}}
                    if ((e % 4u) == 0u) {
                        ebp_start_words(k0, k1, stream, e / 4u, words);
                    }
                    {{string.Join("\n            ", statements)}}
                    w[(row * columns) + column] = scale * ({{value}});
                    e++;
                }
            }
        }

        """;
}
