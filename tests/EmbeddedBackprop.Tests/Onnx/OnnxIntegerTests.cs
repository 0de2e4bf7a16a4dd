using System.Globalization;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>
/// Quantised networks as QDQ: where the integers that an op reads are the engine's, those that it rounds in ONNX Runtime are the engine's, or next to
/// them. What a table has at a neighbouring index may be more than one step away: as many as the function is steep.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OnnxIntegerTests
{
    private static readonly string[] Names = [.. CIntegerNets.Names.Except(["gru", "lstm", "rnn", "carried", "masked"])];

    [TestCase(true)]
    [TestCase(false)]
    public void Every_op_gives_the_integers_of_the_engine_or_their_neighbours(bool optimised)
    {
        int seeds = Effort.Of(1, 3, 3);
        Compared compared = Compare([.. Names.SelectMany(name => Enumerable.Range(1, seeds).Select(seed => Drawn(name, seed)))], optimised);
        Assert.That(compared.Beyond, Is.Empty, compared.ToString());
        Assert.That(compared.Share, Is.GreaterThan(0.999), compared.ToString());
    }

    [TestCase(0u, 16, 40)]
    [TestCase(1000u, 200, 200, Category = "Slow")]
    public void Random_quantised_networks_give_the_integers_of_the_engine_or_their_neighbours(uint first, int quick, int slow)
    {
        Compared compared = Compare([.. RandomNets(first).Take(Effort.Of(quick, slow, slow))], optimised: true);
        Assert.That(compared.Beyond, Is.Empty, compared.ToString());
        Assert.That(compared.Share, Is.GreaterThan(0.999), compared.ToString());
    }

    /// <summary>A scale, or a table's entry, that is wrong by a tenth: found.</summary>
    [TestCase("dense", ".weight_scale")]
    [TestCase("tables", ".table")]
    [TestCase("operations", ".factors")]
    public void Control_a_wrong_scale_is_found(string net, string tensor)
    {
        QuantisedCase wrong = Drawn(net, 1);
        OnnxModel model = OnnxReader.Read(wrong.Case.Model, "net");
        int index = Array.FindIndex(model.Graph.Initializers, entry => entry.Name.EndsWith(tensor, StringComparison.Ordinal));
        OnnxTensor found = model.Graph.Initializers[index];
        float[] values = [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(found.Raw!.Value.Span)];
        model.Graph.Initializers[index] = OnnxTensor.Of(found.Name, found.Dims, [.. values.Select(value => value * 1.1f)]);
        wrong.Case.Model = OnnxWriter.ToArray(model);
        Compared compared = Compare([wrong], optimised: false);
        Assert.That(compared.Beyond.Length > 0 || compared.Share < 0.999, Is.True, compared.ToString());
    }

    [TestCase("gru", "gru1: the op 'gru' on integers has no form in ONNX; leave it in floats when the network is quantised (--float gru1)")]
    [TestCase("masked", "gru1: the op 'gru' on integers has no form in ONNX; leave it in floats when the network is quantised (--float gru1)")]
    public void What_has_no_form_is_refused_by_name(string net, string message)
    {
        using Network network = CIntegerNets.Make(net);
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => OnnxExporter.ToArray(network))!;
        Assert.That(error.Message, Is.EqualTo(message));
    }

    /// <summary>The file of a quantised network names each weight as files do, in bytes.</summary>
    [Test]
    public void Weights_are_bytes_and_biases_words()
    {
        using Network network = CIntegerNets.Make("dense");
        OnnxGraph graph = OnnxReader.Read(OnnxExporter.ToArray(network), "net").Graph;
        Dictionary<string, OnnxTensor> tensors = graph.Initializers.ToDictionary(tensor => tensor.Name);
        Assert.That((tensors["dense1.weight"].Type, tensors["dense1.bias"].Type), Is.EqualTo((OnnxType.Int8, OnnxType.Int32)));
        Assert.That(tensors["dense1.weight"].Dims, Is.EqualTo(new long[] { 13, 37 }));
        Assert.That(graph.Nodes.Count(node => node.OpType == "QuantizeLinear"), Is.EqualTo(3), "the input, the index of the table, the sigmoid");
    }

    private static QuantisedCase Drawn(string name, int seed)
    {
        using Network network = CIntegerNets.Make(name, seed);
        return new QuantisedCase(
            $"{name} {seed}", network,
            (input, i) =>
            [
                .. Samples.Array(input.Shape.Length, (seed * 10_000) + i)
                    .Select(x => name == "tokens" ? MathF.Floor(MathF.Abs(x) * (CIntegerNets.Tokens - 0.01f)) : x),
            ]);
    }

    private static IEnumerable<QuantisedCase> RandomNets(uint first)
    {
        for (uint seed = first; ; seed++)
        {
            RandomNetwork net = new(seed);
            if (net.Graph.Ops.Any(op => op is not Loss && op.GetType().Assembly != typeof(Op).Assembly))
            {
                continue; // an op of the tests' own
            }

            using QuantizedModel? model = CRandomIntegerTests.Quantize(net, seed);
            if (model is null || model.Network.InferencePlan.Graph.Ops.Any(op => op is IntegerRecurrent))
            {
                continue;
            }

            QuantisedCase? made = null;
            try
            {
                made = new QuantisedCase(
                    net.ToString(), model.Network, (input, i) => Samples.Array(input.Shape.Length, ((int)seed * 1000) + i));
            }
            catch (NotSupportedException)
            {
                // A float layer with a mask.
            }

            if (made is not null)
            {
                yield return made;
            }
        }
    }

    /// <summary>
    /// Compares all values. ONNX Runtime joins ops to ops on bytes only where nobody sees the values between them: then each value has a file that
    /// ends in it.
    /// </summary>
    private static Compared Compare(QuantisedCase[] cases, bool optimised)
    {
        OnnxCase[] files = [.. cases.SelectMany(c => optimised ? c.Ends : [c.Case])];
        OnnxRuntime.Check(files);
        float[][][] results = OnnxRuntime.Run(files, optimised);
        Compared compared = new();
        int file = 0;
        foreach (QuantisedCase c in cases)
        {
            c.Count(optimised ? [.. results.Skip(file).Take(c.Ends.Length).Select(result => result[0])] : results[file], compared);
            file += optimised ? c.Ends.Length : 1;
        }

        TestContext.Out.WriteLine(compared);
        return compared;
    }

    /// <summary>Figures of many integers, for each kind of op.</summary>
    private sealed class Compared
    {
        private readonly SortedDictionary<string, (long All, long Differ, long Worst)> kinds = new(StringComparer.Ordinal);

        /// <summary>The first integer that is farther from the engine's than it may be; empty where none is.</summary>
        public string Beyond { get; private set; } = "";

        public double Share => 1 - ((double)kinds.Values.Sum(kind => kind.Differ) / kinds.Values.Sum(kind => kind.All));

        /// <summary>The networks' last integers, whatever happened before them.</summary>
        public (long All, long Differ, long Worst) Ends { get; set; }

        public void Add(string kind, string name, long difference, long allowed)
        {
            (long all, long differ, long worst) = kinds.GetValueOrDefault(kind);
            kinds[kind] = (all + 1, differ + (difference > 0 ? 1 : 0), Math.Max(worst, difference));
            if (difference > allowed && Beyond.Length == 0)
            {
                Beyond = $"{name}, {kind}: {difference} steps, at most {allowed} expected";
            }
        }

        public override string ToString() => string.Join('\n', kinds.Append(new("last integers of networks", Ends)).Select(Line).Append(Beyond));

        private static string Line(KeyValuePair<string, (long All, long Differ, long Worst)> kind) => string.Create(
            CultureInfo.InvariantCulture,
            $"{kind.Key}: {kind.Value.All} integers, {100 - (100.0 * kind.Value.Differ / kind.Value.All):F4} % equal, difference at most {kind.Value.Worst}");
    }

    /// <summary>A quantised network with every integer value as an output.</summary>
    private sealed class QuantisedCase
    {
        private readonly Node[] nodes;
        private readonly IntegerType[] types;
        private readonly long[] steps;

        public QuantisedCase(string name, Network network, Func<Node, int, float[]> values)
        {
            Plan source = network.InferencePlan;
            nodes = [.. source.Steps.ToArray().Select(step => step.Node).Where(node => node.Integers is not null)];
            Plan plan = Plan.ForInference(source.Graph, source.Options, nodes);
            float[] state = network.State.ToArray();
            types = [.. nodes.Select(node => plan.Steps.ToArray().Single(step => step.Node == node).OutputType.Read<float>(state))];
            steps = [.. nodes.Select((node, n) => Steps(plan, node, types[n], state))];
            Case = new OnnxCase(name, plan, network.Parameters.ToArray(), state, 1000, values);
            Ends = [.. nodes.Select((node, n) => Case.EndingIn(
                Case.OutputNames[n],
                OnnxExporter.ToArray(Plan.ForInference(source.Graph, source.Options, node), network.Parameters, state)))];
        }

        /// <summary>All integer values in one file.</summary>
        public OnnxCase Case { get; }

        /// <summary>A file for each of them.</summary>
        public OnnxCase[] Ends { get; }

        /// <summary>Compares values whose inputs are the engine's: integers, or inputs of the network.</summary>
        public void Count(float[][] results, Compared compared)
        {
            HashSet<(Node Node, int Sample)> differs = [];
            for (int n = 0; n < nodes.Length; n++)
            {
                Node node = nodes[n];
                int length = node.Shape.Length;
                bool table = node.Op is IntegerActivated { HasTable: true };
                string kind = $"{node.Op!.GetType().Name}{(table ? " with a table" : "")} to {types[n].Bits} bits";
                for (int sample = 0; sample < Case.Samples; sample++)
                {
                    bool comparable = !node.Inputs.Any(
                        input => differs.Contains((input, sample)) || (input.Op is not null && input.Integers is null));
                    for (int i = sample * length; i < (sample + 1) * length; i++)
                    {
                        long difference = Math.Abs((long)Math.Round((double)results[n][i] / types[n].Scale) - (long)Case.Results[n][i]);
                        if (difference > 0)
                        {
                            _ = differs.Add((node, sample));
                        }

                        if (comparable)
                        {
                            compared.Add(kind, $"{node.Name} of {Case.Name}", difference, 1 + (table ? steps[n] : 0));
                        }

                        if (n == nodes.Length - 1)
                        {
                            (long all, long differ, long worst) = compared.Ends;
                            compared.Ends = (all + 1, differ + (difference > 0 ? 1 : 0), Math.Max(worst, difference));
                        }
                    }
                }
            }
        }

        /// <summary>The steps of the output that a step of the table's index may be: no activation is steeper than selu, 1.76.</summary>
        private static long Steps(Plan plan, Node node, IntegerType type, Span<float> state)
        {
            if (node.Op is not IntegerActivated { HasTable: true } op)
            {
                return 0;
            }

            Step step = plan.Steps.ToArray().Single(step => step.Node == node);
            StateRange range = step.StateRanges[op.TableState];
            float index = IntegerActivated.IndexType(state.Slice(range.Offset, range.Count)).Scale;
            return (long)Math.Ceiling(1.76 * (type.Bits == 8 ? index : index / 256) / type.Scale);
        }
    }
}
