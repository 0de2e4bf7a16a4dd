using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Graphs;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Many exported networks in one program, whose exit code is the index (from 1) of the first one that has other bits than the engine.
/// </summary>
/// <param name="build">Where the files go.</param>
internal sealed class CBundle(CBuild build)
{
    private readonly List<string> files = ["main.c"];
    private string includes = "", calls = "";
    private int arrays, floats;

    /// <summary>How many networks there are.</summary>
    public int Count { get; private set; }

    /// <summary>The files to compile.</summary>
    public string[] Files => [.. files];

    /// <summary>Exports one more network; its self-test checks it.</summary>
    public void Add(
        Plan plan,
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> state,
        CExportOptions? options = null,
        Func<string, string>? changeSelfTest = null)
    {
        string prefix = "n" + CText.Number(Count++);
        CExportOptions named = (options ?? new CExportOptions()) with { Name = prefix, SelfTestSamples = 5 };
        foreach ((string name, string text) in CExporter.Generate(plan, parameters, named, state))
        {
            build.Write(name, changeSelfTest is not null && name.EndsWith("_selftest.c", StringComparison.Ordinal) ? changeSelfTest(text) : text);
            if (name.EndsWith(".c", StringComparison.Ordinal))
            {
                files.Add(name);
            }
        }

        int count = build.Read(prefix + ".h").Split(prefix + "_selftest(")[^1].Split(')')[0].Split(',').Length;
        arrays = Math.Max(arrays, count);
        floats = Math.Max(floats, Math.Max(plan.WorkspaceLength, plan.StateLength));
        includes += $"#include \"{prefix}.h\"\n";
        calls += $"    if ({prefix}_selftest({string.Join(", ", Enumerable.Range(0, count).Select(i => $"memory[{i}]"))}) != 0u) return {Count};\n";
    }

    /// <summary>Exports random graphs of the engine's ops from a seed on, as many as are wanted, and no larger than so many multiply-adds.</summary>
    public void AddRandomGraphs(uint first, int wanted, CExportOptions? options = null, long multiplyAdds = long.MaxValue)
    {
        int last = Count + wanted;
        for (uint seed = first; Count < last; seed++)
        {
            RandomNetwork net = new(seed);
            if (net.Graph.Ops.Any(op => op is not Loss && op.GetType().Assembly != typeof(Op).Assembly))
            {
                continue; // an op of the tests' own
            }

            Plan plan = Plan.ForInference(net.Graph, new PlanOptions { Arithmetic = net.Arithmetic }, net.Watched);
            if (plan.MultiplyAdds <= multiplyAdds)
            {
                float[] state = new float[plan.StateLength];
                plan.InitializeState<float>(state);
                Add(plan, net.Parameters(plan), state, options);
            }
        }
    }

    /// <summary>Exports random graphs that mostly move elements: concats, slices, other shapes.</summary>
    public void AddRandomMoves(uint first, int wanted, CExportOptions? options = null)
    {
        for (uint seed = first; seed < first + wanted; seed++)
        {
            RandomMoves net = new(seed);
            Plan plan = net.Plan(new PlanOptions { Layout = Layout.Compact });
            Add(plan, net.Parameters(plan), [], options);
        }
    }

    /// <summary>Writes main.c.</summary>
    public void WriteMain() =>
        build.Write("main.c", $"{includes}\nstatic float memory[{arrays}][{Math.Max(floats, 1)}];\n\nint main(void)\n{{\n{calls}    return 0;\n}}\n");
}
