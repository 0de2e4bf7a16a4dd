using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <summary>Builds a network from a file's strings, by the names that <see cref="Registry"/> knows.</summary>
/// <param name="file">The file.</param>
/// <param name="requireTensors">Checks the file's tensors against the parameters of the graph, before memory is made for them.</param>
/// <param name="memoryLimit">Bytes that the network may take.</param>
internal sealed class ModelBuilder(SafetensorsFile file, ModelBuilder.TensorCheck requireTensors, long memoryLimit)
{
    public delegate void TensorCheck(Graph graph, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<StateRange> state);

    private bool IsQuantized => file.Metadata.ContainsKey(ModelKeys.Quantization);

    /// <param name="batch">Samples of a step; 0 for the file's.</param>
    /// <param name="layout">Padded or compact rows.</param>
    /// <param name="threads">As in <see cref="NetworkOptions.Threads"/>.</param>
    /// <param name="predicts">Leaves out losses and optimiser: the network cannot train, and takes no memory for it.</param>
    public Network Build(int batch, Layout layout, int threads, bool predicts = false)
    {
        if (file.Metadata.ContainsKey(ModelKeys.Graph) && IsQuantized)
        {
            throw SettingsText.Error(file, ModelKeys.Graph, "a quantised model has one output and one loss");
        }

        if (file.Metadata.ContainsKey(ModelKeys.Graph))
        {
            return BuildWhole(batch, layout, threads, predicts);
        }

        foreach (string key in (ReadOnlySpan<string>)[ModelKeys.Outputs, ModelKeys.Losses])
        {
            // Files of earlier versions hold the nodes of the first output, and nothing of the others.
            if (file.Metadata.TryGetValue(key, out string? several))
            {
                throw SettingsText.Error(
                    file,
                    key,
                    $"a network with several outputs or losses ({several}), but no '{ModelKeys.Graph}': it is built in code, and filled by LoadWeights or Restore"
                );
            }
        }

        Loss? loss = file.Metadata.ContainsKey(ModelKeys.Loss) && CanTrain
            ? Named(ModelKeys.Loss, name => Registry.Loss(name, LossSettings()))
            : null;
        Loss? lossOnLogits = null;
        Graph graph;
        try
        {
            graph = NetText.Build(file.GetMetadata(ModelKeys.Net), Registry.Activation, f => (lossOnLogits = loss?.OnLogits(f)) is not null);
        }
        catch (FormatException exception)
        {
            throw SettingsText.Error(file, ModelKeys.Net, exception.Message + OwnHint(exception), exception);
        }

        batch = Check(graph, batch);
        loss = predicts ? null : loss;
        try
        {
            return Compile(graph, loss, lossOnLogits, Options(loss is not null, batch, layout, threads));
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw SettingsText.Error(file, ModelKeys.Net, exception.Message, exception);
        }
    }

    /// <summary>A network of several outputs or losses: every node of its graph, its inputs, its predictions, its losses.</summary>
    private Network BuildWhole(int batch, Layout layout, int threads, bool predicts)
    {
        List<Loss> made = [];
        while (file.Metadata.ContainsKey(LossKey(made.Count + 1)))
        {
            string key = LossKey(made.Count + 1);
            SettingsText text = new(file, key, head: true);
            LossSettings settings = ModelSettings.Read(text, ModelSettings.Loss);

            // Where nothing can be trained, any loss keeps the number of one that is unknown.
            made.Add(Registry.KnowsLoss(text.Head) ? Made(file, key, () => Registry.Loss(text.Head, settings)) : new Loss<Quadratic>());
        }

        Graph graph;
        try
        {
            graph = NetText.BuildAll(file.GetMetadata(ModelKeys.Graph), Registry.Activation, [.. made]);
        }
        catch (FormatException exception)
        {
            throw SettingsText.Error(
                file,
                ModelKeys.Graph,
                exception.Message + OwnHint(exception),
                exception);
        }

        batch = Check(graph, batch);
        bool trains = file.Metadata.ContainsKey(ModelKeys.Minimised) && CanTrain && !predicts;
        Node[] losses = trains ? Nodes(graph, ModelKeys.Minimised) : [];
        try
        {
            NetworkOptions options = Options(losses.Length > 0, batch, layout, threads);
            return new Network(Nodes(graph, ModelKeys.Inputs), Nodes(graph, ModelKeys.Predicted), losses, options);
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw SettingsText.Error(file, ModelKeys.Graph, exception.Message, exception);
        }

        static string LossKey(int number) => ModelKeys.GraphLoss + SettingsText.Text(number);
    }

    /// <summary>
    /// Whether the losses and the optimiser are known: if not, the program that wrote the file has some of its own, and the network still predicts.
    /// </summary>
    private bool CanTrain
    {
        get
        {
            if (file.Metadata.TryGetValue(ModelKeys.Loss, out string? loss) && !Registry.KnowsLoss(loss))
            {
                return false;
            }

            for (int i = 1; file.Metadata.ContainsKey(ModelKeys.GraphLoss + SettingsText.Text(i)); i++)
            {
                if (!Registry.KnowsLoss(new SettingsText(file, ModelKeys.GraphLoss + SettingsText.Text(i), head: true).Head))
                {
                    return false;
                }
            }

            return !file.Metadata.ContainsKey(ModelKeys.Optimizer)
                || Registry.KnowsOptimizer(new SettingsText(file, ModelKeys.Optimizer, head: true).Head);
        }
    }

    /// <summary>What helps where a net's text has an unknown name.</summary>
    private static string OwnHint(FormatException exception) =>
        exception.InnerException is null && !exception.Message.Contains("unknown kind", StringComparison.Ordinal)
            ? ""
            : "; an activation or op of a program's own is registered first (Registry), or the net is built in code and filled by LoadWeights or Restore";

    private Node[] Nodes(Graph graph, string key)
    {
        try
        {
            // Names are words after a kind in a net's text.
            Node[] nodes = [.. NetParser.Parse("nodes " + file.GetMetadata(key))[0].Words.Select(word => Find(graph, key, word.Text))];
            Node? twice = nodes.FirstOrDefault(node => nodes.Count(other => other == node) > 1);
            return twice is null ? nodes : throw SettingsText.Error(file, key, $"'{twice.Name}' stands there twice");
        }
        catch (FormatException exception)
        {
            throw SettingsText.Error(file, key, exception.Message, exception);
        }
    }

    /// <summary>The weights of the graph must be in the file before memory is made for them.</summary>
    /// <returns>The batch; the file's if none was asked for.</returns>
    private int Check(Graph graph, int batch)
    {
        ParameterLayout ranges = new(Layout.Compact);
        StateLayout state;
        try
        {
            foreach (Op op in graph.Ops)
            {
                op.DescribeParameters(ranges);
            }

            state = StateLayout.Of(graph, Layout.Compact, batch: 1);
        }
        catch (ArgumentException exception)
        {
            // More than one span holds.
            throw SettingsText.Error(file, ModelKeys.Net, exception.Message, exception);
        }

        if (ranges.Ranges.Count == 0)
        {
            throw SettingsText.Error(file, ModelKeys.Net, "the net has no weights");
        }

        if (IsQuantized && graph.QuantizedFrom is null)
        {
            RequireShapes(ranges);
        }
        else
        {
            requireTensors(graph, [.. ranges.Ranges], state.Ranges);
        }

        int fileBatch = (int)SettingsText.Integer(file, ModelKeys.Batch, 1, int.MaxValue);
        batch = batch == 0 ? fileBatch : batch;
        LimitActivations(graph, batch);
        return batch;
    }

    /// <summary>The float net that was quantised has the tensors of the quantised one, in whatever type.</summary>
    private void RequireShapes(ParameterLayout ranges)
    {
        foreach (ParameterRange range in ranges.Ranges)
        {
            SafetensorsTensor tensor = file.GetTensor(range.Name);
            tensor.Require(tensor.Type, range.FileShape);
        }
    }

    public static Schedule Schedule(SafetensorsFile file)
    {
        SettingsText text = new(file, ModelKeys.Schedule, head: true);
        ScheduleSettings settings = ModelSettings.Read(text, ModelSettings.Schedule);
        return Made(file, ModelKeys.Schedule, () => Registry.Schedule(text.Head, settings));
    }

    public static WeightAveraging Averaging(SafetensorsFile file, SettingsText training) => Made(file, ModelKeys.Training, () => new WeightAveraging
    {
        Decay = training.TryFloat("average-decay") ?? 0f,
        FromEpoch = training.TryInteger("average-from", 0) ?? 0,
        EveryEpoch = training.TryBoolean("average-epochs") ?? false,
    });

    private Network Compile(Graph graph, Loss? loss, Loss? lossOnLogits, NetworkOptions options)
    {
        Node output = graph.Nodes[^1];
        Node[] inputs = [.. graph.Nodes.Where(node => node.Op is null)];
        Node[] losses = [];
        if (loss is not null)
        {
            Node judged = lossOnLogits is not null ? output.Inputs[0] : Judged(graph) ?? output;
            Node target = graph.Input(TargetShape(judged.Shape), NetCompiler.FreeName(graph, "target"));
            losses = [graph.Apply(lossOnLogits ?? loss, judged, target, NetCompiler.FreeName(graph, "loss"))];
        }

        return IsQuantized ? Quantized(inputs, output, losses, options) : new Network(inputs, [output], losses, options);
    }

    /// <summary>The integers of a float net, judged by its loss where that reads the output or the logits before it.</summary>
    private Network Quantized(Node[] inputs, Node output, Node[] losses, NetworkOptions options)
    {
        NetworkOptions predicting = options with { Frozen = [] };
        using Network prepared = new(inputs, [output], [], predicting);
        using Network integers = Rebuilt(prepared);
        Graph graph = integers.Output.Graph;

        // A training in which ranges follow the values goes on with what it has seen of them.
        graph.FollowsRanges = file.Tensors.Any(tensor => IntegerTensors.IsObserved(tensor.Name));
        _ = Check(graph, options.Batch);
        Node[] minimised = [];
        if (losses is [{ Op: { } op, Inputs: [Node judged, Node target] }])
        {
            Node read = judged == output ? integers.Output
                : output.Inputs is [Node logits] && judged == logits && integers.Output.Op!.Kind == output.Op!.Kind ? integers.Output.Inputs[0]
                : throw SettingsText.Error(file, ModelKeys.Judged, $"a quantised model is judged by its output, got '{judged.Name}'");
            Node goal = graph.Input(target.Shape, NetCompiler.FreeName(graph, target.Name));
            minimised = [graph.Apply(op.Unbound(), read, goal, NetCompiler.FreeName(graph, "loss"))];
        }

        return new Network([.. integers.Inputs], [integers.Output], minimised, options);
    }

    private Network Rebuilt(Network prepared)
    {
        try
        {
            return Quantizer.Build(prepared, ModelRecipe.Quantization(file));
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            throw SettingsText.Error(file, ModelKeys.Quantization, exception.Message, exception);
        }
    }

    private NetworkOptions Options(bool training, int batch, Layout layout, int threads)
    {
        if (!ulong.TryParse(file.GetMetadata(ModelKeys.Seed), NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed))
        {
            throw SettingsText.Error(
                file,
                ModelKeys.Seed,
                $"expected a whole number from 0 to {ulong.MaxValue}, got '{file.GetMetadata(ModelKeys.Seed)}'");
        }

        NetworkOptions options = new()
        {
            Batch = batch,
            Arithmetic = ModelRecipe.Arithmetic(file),
            Layout = layout,
            Threads = threads,
            MemoryLimit = memoryLimit,
            Seed = seed,
            Initializer = Initializer(),
        };
        return training
            ? options with { Optimizer = Optimizer(), Regularization = Regularization(), Clipping = Clipping(), Frozen = Frozen() }
            : options;
    }

    private LossSettings? LossSettings()
    {
        if (!file.Metadata.ContainsKey(ModelKeys.LossSettings))
        {
            return null;
        }

        return ModelSettings.Read(new SettingsText(file, ModelKeys.LossSettings), ModelSettings.Loss);
    }

    private Initializer Initializer()
    {
        SettingsText text = new(file, ModelKeys.Initializer, head: true);
        if (!Registry.KnowsInitializer(text.Head))
        {
            // It has done its work: the weights are in the file.
            return new ByActivation();
        }

        InitializerSettings settings = ModelSettings.Read(text, ModelSettings.Initializer);
        return Made(file, ModelKeys.Initializer, () => Registry.Initializer(text.Head, settings));
    }

    private Optimizer Optimizer()
    {
        SettingsText text = new(file, ModelKeys.Optimizer, head: true);
        OptimizerSettings settings = ModelSettings.Read(text, ModelSettings.Optimizer);
        return Made(file, ModelKeys.Optimizer, () => Registry.Optimizer(text.Head, settings));
    }

    private Regularization Regularization()
    {
        SettingsText text = new(file, ModelKeys.Regularization);
        Regularization penalties = Made(file, ModelKeys.Regularization, () => new Regularization
        {
            L1 = text.Float("l1"),
            L2 = text.Float("l2"),
            WeightDecay = text.Float("weight-decay"),
            AllParameters = text.Boolean("all-parameters"),
            MaxNorm = text.TryFloat("max-norm") ?? 0f,
        });
        text.End();
        return penalties;
    }

    private string[] Frozen() => file.Metadata.TryGetValue(ModelKeys.Frozen, out string? names) ? names.Split('\n') : [];

    private Clipping Clipping()
    {
        SettingsText text = new(file, ModelKeys.Clipping);
        Clipping clipping = Made(file, ModelKeys.Clipping, () => new Clipping { Value = text.Float("value"), Norm = text.Float("norm") });
        text.End();
        return clipping;
    }

    private Node? Judged(Graph graph)
    {
        if (!file.Metadata.TryGetValue(ModelKeys.Judged, out string? name))
        {
            return null;
        }

        return Find(graph, ModelKeys.Judged, name);
    }

    private Node Find(Graph graph, string key, string name)
    {
        foreach (Node node in graph.Nodes)
        {
            if (node.Name == name)
            {
                return node;
            }
        }

        throw SettingsText.Error(file, key, $"the net has no node '{name}'");
    }

    /// <summary>The judged node's shape, or one element: the index of a class.</summary>
    private Shape TargetShape(Shape judged)
    {
        string text = file.GetMetadata(ModelKeys.Target);
        return text == judged.ToString() ? judged
            : text == "1" ? new Shape(1)
            : throw SettingsText.Error(file, ModelKeys.Target, $"expected the shape {judged} or 1, got '{text}'");
    }

    private void LimitActivations(Graph graph, int batch)
    {
        long floats = 0;
        foreach (Node node in graph.Nodes)
        {
            floats += node.Shape.Length;
        }

        if (floats > memoryLimit / sizeof(float) / batch)
        {
            throw SettingsText.Error(
                file,
                ModelKeys.Batch,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a batch of {batch} samples of {floats} activations is beyond the limit of {memoryLimit} bytes"));
        }
    }

    private T Named<T>(string key, Func<string, T> make)
    {
        string name = file.GetMetadata(key);
        return Made(file, key, () => make(name));
    }

    /// <summary>An unknown name or a value out of its range is the file's fault.</summary>
    private static T Made<T>(SafetensorsFile file, string key, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (ArgumentException exception)
        {
            throw SettingsText.Error(file, key, exception.Message, exception);
        }
    }
}
