using EmbeddedBackprop.Export;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Random graphs as C, many to a program.</summary>
internal static class CRandomNets
{
    /// <summary>Exports so many graphs, compiles them into one program, and fails unless every self-test succeeds.</summary>
    public static void Check(CBuild build, string compiler, uint first, int wanted, CStorage storage)
    {
        CBundle bundle = new(build);
        bundle.AddRandomGraphs(first, wanted, new CExportOptions { Storage = storage });
        bundle.WriteMain();
        build.Compile(compiler, "program", build.Together(bundle.Files));
        Assert.That(build.Run("program"), Is.Zero, "the number of the first net that differs, from 1");
    }
}
