using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp export weights, and back by ebp import weights.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class WeightsTests
{
    private const string Net = "input 6x5; lstm 4 all; lstm 4; batchnorm; dense 3";
    private const string Modules = "lstm1=r lstm2=r:1 batchnorm1=features.0 dense1=features.1";

    [TestCase("w.npz")]
    [TestCase("w.safetensors")]
    public void Weights_go_out_under_PyTorchs_names_and_come_back(string file)
    {
        using EbpProcess ebp = new();
        Check(ebp.Run("new", "--net", Net, "--out", "m.safetensors", "--seed", "7", "--loss", "quadratic"));
        EbpProcess.Result written = Check(ebp.Run("export", "weights", "m.safetensors", "--out", file, "--modules", Modules));
        Assert.That(written.Output, Does.Contain("lstm2.weight_ih          r.weight_ih_l1  [16, 4]"));
        Assert.That(written.Output, Does.Contain("batchnorm1.running_mean  features.0.running_mean  [4]"));

        // With the modules' names, by their order, and into a net of these layers.
        JsonElement named = ebp.RunJson("import", "weights", file, "--into", "m.safetensors", "--out", "a.safetensors", "--modules", Modules);
        JsonElement ordered = ebp.RunJson("import", "weights", file, "--net", Net, "--out", "b.safetensors");
        string hash = Hash(ebp, "m.safetensors");
        Assert.That(named.GetProperty("weights_hash").GetString(), Is.EqualTo(hash));
        Assert.That(ordered.GetProperty("weights_hash").GetString(), Is.EqualTo(hash));
        Assert.That(ordered.GetProperty("tensors").GetProperty("lstm2.bias_hh").GetString(), Is.EqualTo("r.bias_hh_l1"));
        Assert.That((Hash(ebp, "a.safetensors"), Hash(ebp, "b.safetensors")), Is.EqualTo((hash, hash)));
        Assert.That(ModelFile.Open(Path.Combine(ebp.Folder, "a.safetensors")).Loss, Is.EqualTo("quadratic"));

        // The control: other weights have another hash.
        Check(ebp.Run("new", "--net", Net, "--out", "other.safetensors", "--seed", "8", "--loss", "quadratic"));
        Assert.That(Hash(ebp, "other.safetensors"), Is.Not.EqualTo(hash));
    }

    [Test]
    public void Layers_that_only_their_order_tells_apart_are_named()
    {
        using EbpProcess ebp = new();
        Check(ebp.Run("new", "--net", "input 4; dense 4; dense 4", "--out", "m.safetensors", "--loss", "quadratic"));
        Check(ebp.Run("export", "weights", "m.safetensors", "--out", "w.npz", "--modules", "dense1=a dense2=b"));
        Assert.That(
            Check(ebp.Run("import", "weights", "w.npz", "--into", "m.safetensors", "--out", "n.safetensors")).Errors,
            Does.Contain("matched by their order: dense1, dense2"));
    }

    [Test]
    public void What_is_wrong_is_named_and_nothing_is_written()
    {
        using EbpProcess ebp = new();
        Check(ebp.Run("new", "--net", "input 4; dense 3", "--out", "m.safetensors", "--loss", "quadratic"));
        Check(ebp.Run("export", "weights", "m.safetensors", "--out", "w.npz"));
        Fails(ebp, 4, "--force replaces it", "export", "weights", "m.safetensors", "--out", "w.npz");
        Check(ebp.Run("export", "weights", "m.safetensors", "--out", "w.npz", "--force"));
        Fails(ebp, 2, ".npz or .safetensors", "export", "weights", "m.safetensors", "--out", "w.pt");
        Fails(ebp, 2, "LAYER=MODULE", "export", "weights", "m.safetensors", "--out", "v.npz", "--modules", "dense1");
        Fails(ebp, 2, "no layer 'x'", "export", "weights", "m.safetensors", "--out", "v.npz", "--modules", "x=0");
        Fails(ebp, 2, "one of --net TEXT and --into MODEL", "import", "weights", "w.npz", "--out", "n.safetensors");
        Fails(ebp, 2, "--net", "import", "weights", "w.npz", "--net", "input 4; dens 3", "--out", "n.safetensors");
        Fails(ebp, 3, "there is no such file", "import", "weights", "x.npz", "--net", "input 4; dense 3", "--out", "n.safetensors");
        Fails(ebp, 3, "does not fit module", "import", "weights", "w.npz", "--net", "input 5; dense 3", "--out", "n.safetensors");
        Fails(ebp, 3, "header", "import", "weights", ebp.File("bad.npz", "no weights"), "--net", "input 4; dense 3", "--out", "n.safetensors");
        ebp.File("mine.safetensors", "mine");
        Fails(ebp, 4, "--force replaces it", "import", "weights", "w.npz", "--into", "m.safetensors", "--out", "mine.safetensors");
        Assert.That(
            Directory.GetFiles(ebp.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            Is.EqualTo(new[] { "bad.npz", "m.safetensors", "mine.safetensors", "w.npz" }));
    }

    private static EbpProcess.Result Check(EbpProcess.Result result)
    {
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        return result;
    }

    private static void Fails(EbpProcess ebp, int exitCode, string named, params string[] arguments)
    {
        EbpProcess.Result result = ebp.Run(arguments);
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
        Assert.That(result.Errors, Does.Contain(named));
    }

    private static string Hash(EbpProcess ebp, string model)
    {
        using Network network = ModelFile.Open(Path.Combine(ebp.Folder, model)).ToNetwork();
        return WeightsHash.Of(network);
    }
}
