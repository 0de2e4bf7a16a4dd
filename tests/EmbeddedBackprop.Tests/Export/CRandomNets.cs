using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Graphs;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Random graphs as C, many to a program.</summary>
internal static class CRandomNets
{
    /// <summary>Exports so many graphs, compiles them into one program, and fails unless every self-test succeeds.</summary>
    public static void Check(CBuild build, string compiler, uint first, int wanted, CStorage storage)
    {
        List<string> files = ["main.c"];
        string includes = "", calls = "";
        int found = 0;
        for (uint seed = first; found < wanted; seed++)
        {
            RandomNetwork net = new(seed);
            if (net.Graph.Ops.Any(op => op is not Loss && op.GetType().Assembly != typeof(Op).Assembly))
            {
                continue; // an op of the tests' own
            }

            Plan plan = Plan.ForInference(net.Graph, new PlanOptions { Arithmetic = net.Arithmetic }, net.Watched);
            float[] state = new float[plan.StateLength];
            plan.InitializeState<float>(state);
            string prefix = "n" + CText.Number(found++);
            foreach ((string name, string text) in CExporter.Generate(plan, net.Parameters(plan), new CExportOptions { Name = prefix, SelfTestSamples = 5, Storage = storage }, state))
            {
                build.Write(name, text);
                if (name.EndsWith(".c", StringComparison.Ordinal))
                {
                    files.Add(name);
                }
            }

            string outputs = build.Read(prefix + ".h").Split(prefix + "_selftest(")[^1].Split(')')[0];
            includes += $"#include \"{prefix}.h\"\n";
            calls += $"    if ({prefix}_selftest({string.Join(", ", Enumerable.Range(0, outputs.Split(',').Length).Select(i => $"memory[{i}]"))}) != 0u) return {found};\n";
        }

        build.Write("main.c", $"{includes}\nstatic float memory[3][100000];\n\nint main(void)\n{{\n{calls}    return 0;\n}}\n");
        build.Compile(compiler, "program", files.ToArray());
        Assert.That(build.Run("program"), Is.Zero, "the number of the first net that differs, from 1");
    }
}
