using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>
/// A model in a safetensors file: weights [out, in] and biases [out] under their layers' names (dense1.weight, dense1.bias), unpadded, F32;
/// with a training also the optimiser's state (optimizer.0.dense1.weight ..., optimizer.scalars) the best weights of early stopping
/// (best.dense1.weight ...) and averaged ones (average.dense1.weight ...);
/// everything else as strings of the metadata. PyTorch and NumPy read it.
/// </summary>
/// <remarks>
/// A quantised network without its training is written as integers: weights I8, biases I32, and their scales. Reading makes floats of them, which are
/// rounded to the same integers.
/// Reading is strict: the two SHA-256 sums must be there and right, every tensor must be there in its shape, and no other. Writing is atomic.
/// Besides the network that it fills, reading allocates at most four times the file's size and 64 KiB.
/// The network itself is held to <see cref="MemoryLimit"/>.
/// </remarks>
public sealed partial class ModelFile
{
    private readonly SafetensorsFile file;
    private readonly int samples;
    private readonly int stateArrays;
    private readonly int stateScalars;

    private ModelFile(SafetensorsFile file)
    {
        this.file = file;
        MemoryLimit = (1L << 30) + (8L * file.Length);
        CheckVersion(file);
        Net = file.GetMetadata(ModelKeys.Net);
        Quantization = file.Metadata.GetValueOrDefault(ModelKeys.Quantization);
        HoldsIntegers = Quantization is not null && ModelRecipe.HoldsIntegers(file);
        Arithmetic = ModelRecipe.Arithmetic(file);
        Step = SettingsText.Integer(file, ModelKeys.Step, 0, long.MaxValue);
        Loss = file.Metadata.GetValueOrDefault(ModelKeys.Loss);
        if (Loss is not null)
        {
            SettingsText state = new(file, ModelKeys.OptimizerState);
            stateArrays = state.Integer("arrays", 0, MaximumStateArrays);
            stateScalars = state.Integer("scalars", 0);
            state.End();
        }

        if (file.Metadata.ContainsKey(ModelKeys.State))
        {
            samples = (int)SettingsText.Integer(file, ModelKeys.Samples, 1, int.MaxValue);
            Epochs = (int)SettingsText.Integer(file, ModelKeys.Epochs, 0, int.MaxValue);
            State = ModelRecipe.State(file, samples);
            SettingsText training = new(file, ModelKeys.Training);
            LearningRate = training.Float("learning-rate");
            Accumulation = training.Integer("accumulation", 1);
            Patience = training.Integer("patience", 0);
            Averaging = ModelBuilder.Averaging(file, training);
            training.End();
        }

        Dictionary<string, string> extra = new(StringComparer.Ordinal);
        foreach ((string key, string value) in file.Metadata)
        {
            if (key.StartsWith(ModelKeys.ExtraPrefix, StringComparison.Ordinal))
            {
                extra.Add(key[ModelKeys.ExtraPrefix.Length..], value);
            }
        }

        Extra = extra;
    }

    /// <summary>More state per parameter than any optimiser keeps.</summary>
    private const int MaximumStateArrays = 16;

    /// <summary>
    /// Bytes that <see cref="ToNetwork(int, Layout, bool, int)"/> may take for the network; at first 1 GiB, and eight times the file. A file of a few
    /// bytes may describe a network of any size: raise the limit only for files that you trust.
    /// </summary>
    public long MemoryLimit { get; set; }

    /// <summary>The file's path, or the caller's name for its bytes.</summary>
    public string Name => file.Name;

    /// <summary>The layers, as in <c>input 784; dense 30 sigmoid; dense 10 sigmoid</c> (<see cref="NetText"/>).</summary>
    public string Net { get; }

    /// <summary>
    /// How the float net of <see cref="Net"/> became integers, as in <c>activations=int8 output=int16</c>; null for a model that computes on floats.
    /// </summary>
    public string? Quantization { get; }

    /// <summary>Whether weights are stored as bytes, to be deployed; else they are the floats that training changes.</summary>
    public bool HoldsIntegers { get; }

    /// <summary>The loss's name; null if the network only predicts.</summary>
    public string? Loss { get; }

    /// <summary>The model's arithmetic.</summary>
    public Arithmetic Arithmetic { get; }

    /// <summary>Training steps so far.</summary>
    public long Step { get; }

    /// <summary>The progress of training; null if the network was saved without its training.</summary>
    public TrainerState? State { get; }

    /// <summary>The number of epochs that the training was to have; 0 without a training.</summary>
    public int Epochs { get; }

    /// <summary>The learning rate before the schedule; 0 without a training.</summary>
    public float LearningRate { get; }

    /// <summary>Batches of one update; 0 without a training.</summary>
    public int Accumulation { get; }

    /// <summary>Epochs without improvement after which training stops early; 0 for never.</summary>
    public int Patience { get; }

    /// <summary>How weights are averaged; <see cref="WeightAveraging.None"/> without a training.</summary>
    public WeightAveraging Averaging { get; } = WeightAveraging.None;

    /// <summary>Whether the file holds averaged weights besides the last ones.</summary>
    public bool HasAverage => State is { Averages: > 0 } && Averaging.IsOn;

    /// <summary>How many training samples an epoch had; 0 without a training.</summary>
    public int SampleCount => samples;

    /// <summary>Whether the file holds the best weights of early stopping besides the last ones.</summary>
    public bool HasBest => State is { BestEpoch: > 0 } && Patience > 0;

    /// <summary>The caller's own strings.</summary>
    public IReadOnlyDictionary<string, string> Extra { get; }

    /// <summary>
    /// Reads a model from where a stream is to its end: an embedded resource, a response, an archive's entry. The stream stays open.
    /// </summary>
    /// <param name="stream">A file's bytes. Of a stream that tells its length nothing is copied twice.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <param name="maximumBytes">More bytes than these are not read: a bound on memory for streams that nobody vouches for.</param>
    /// <exception cref="DataFormatException">The bytes are no model file of this version, are damaged, or too many.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static ModelFile Open(Stream stream, string name = "stream", int maximumBytes = int.MaxValue) =>
        new(SafetensorsFile.Read(stream, name, maximumBytes: maximumBytes));

    /// <summary>Reads a file that <see cref="Save(string, Network, Trainer, IReadOnlyDictionary{string, string})"/> wrote.</summary>
    /// <exception cref="DataFormatException">The file is no model file of this version, or it is damaged.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static ModelFile Open(string path) => new(SafetensorsFile.Read(path));

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <exception cref="DataFormatException">The bytes are no model file of this version, or they are damaged.</exception>
    public static ModelFile Parse(ReadOnlyMemory<byte> bytes, string name) => new(SafetensorsFile.Parse(bytes, name));

    /// <summary>
    /// Fills a network that the program built in code from any safetensors file, of whatever writer: names, shapes and F32 must fit,
    /// tensors that the network does not have are left alone. Roots no op, so that a trimmed program stays small.
    /// </summary>
    /// <exception cref="DataFormatException">
    /// A tensor is missing or has another shape, and the network is unchanged; or the file is damaged.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static void LoadWeights(string path, Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        LoadWeights(SafetensorsFile.Read(path), network);
    }

    /// <summary>The same from a stream, such as an embedded resource, from where it is to its end.</summary>
    /// <param name="stream">A file's bytes; the stream stays open.</param>
    /// <param name="network">Receives the weights.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <exception cref="DataFormatException">
    /// A tensor is missing or has another shape, and the network is unchanged; or the bytes are damaged.
    /// </exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static void LoadWeights(Stream stream, Network network, string name = "stream")
    {
        ArgumentNullException.ThrowIfNull(network);
        LoadWeights(SafetensorsFile.Read(stream, name), network);
    }

    /// <summary>The same from a file's bytes.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="network">Receives the weights.</param>
    /// <param name="name">The bytes' name in messages.</param>
    /// <exception cref="DataFormatException">
    /// A tensor is missing or has another shape, and the network is unchanged; or the bytes are damaged.
    /// </exception>
    public static void LoadWeights(byte[] bytes, Network network, string name = "bytes")
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(network);
        LoadWeights(SafetensorsFile.Parse(bytes, name), network);
    }

    private static void LoadWeights(SafetensorsFile file, Network network)
    {
        if (file.Metadata.ContainsKey(ModelKeys.Model))
        {
            new ModelFile(file).LoadWeights(network);
            return;
        }

        ModelTensors.Require(file, "", network.InferencePlan.Parameters);
        ModelTensors.Require(file, "", network.InferencePlan.State);
        using SharedParameters.Change change = network.BeginChange();
        ModelTensors.Copy(file, "", network.InferencePlan.Parameters, network.BorrowParameters());
        ModelTensors.Copy(file, "", network.InferencePlan.State, network.BorrowState());
    }

    /// <summary>
    /// Fills a network that the program built in code: its layers must have the names and shapes of the file's, no more and no fewer.
    /// </summary>
    /// <param name="network">Receives the weights; its arithmetic, layout and batch may be others than the file's.</param>
    /// <param name="best">Takes the weights that predict: the best ones of early stopping where the file has them, else the averaged ones where it
    /// has those.</param>
    /// <exception cref="DataFormatException">A tensor is missing, has another shape, or is one too many; the network is unchanged.</exception>
    public void LoadWeights(Network network, bool best = false)
    {
        ArgumentNullException.ThrowIfNull(network);
        Graph graph = network.InferencePlan.Graph;
        ModelRecipe.RequireQuantization(file, graph);
        RequireAll(graph, network.InferencePlan.Parameters, network.InferencePlan.State);
        string prefix = best && HasBest ? ModelTensors.BestPrefix : "";
        using SharedParameters.Change change = network.BeginChange();
        ModelTensors.Copy(
            file,
            best && !HasBest && HasAverage ? ModelTensors.AveragePrefix : prefix,
            network.InferencePlan.Parameters,
            network.BorrowParameters(),
            Integers(graph));
        ModelTensors.Copy(file, prefix, network.InferencePlan.State, network.BorrowState());
    }

    /// <summary>
    /// Fills those layers of a network that the file has in the same name and shape, to go on from there with another last layer or other data.
    /// </summary>
    /// <param name="network">Receives the weights that predict in the file; its other layers stay as they are.</param>
    /// <returns>The names of tensors that were left as they are, because the file has none of that name and shape.</returns>
    /// <exception cref="DataFormatException">The file's weights are integers.</exception>
    public IReadOnlyList<string> LoadMatching(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (HoldsIntegers)
        {
            throw SettingsText.Error(
                file, ModelKeys.Weights, "the model is deployed: its weights are integers; train from the float model that it was made of");
        }

        string prefix = HasBest ? ModelTensors.BestPrefix : "";
        List<string> left = [];
        using SharedParameters.Change change = network.BeginChange();
        ModelTensors.CopyMatching(
            file,
            !HasBest && HasAverage ? ModelTensors.AveragePrefix : prefix,
            network.InferencePlan.Parameters,
            network.BorrowParameters(),
            left);
        ModelTensors.CopyMatching(file, prefix, network.InferencePlan.State, network.BorrowState(), left);
        return left;
    }

    /// <summary>
    /// Restores a trainer and its network from the file's training: weights, optimiser, step, position in the epoch, best weights. It then
    /// continues with the bits of never having stopped.
    /// </summary>
    /// <param name="trainer">A trainer of a network that is built as the file's was; number of epochs and layout may differ.</param>
    /// <exception cref="ArgumentException">The trainer differs from the file's in something that changes bits; the message shows both.</exception>
    /// <exception cref="DataFormatException">A tensor is missing, has another shape, or is one too many; the trainer is unchanged.</exception>
    public void Restore(Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        RequireTraining();
        Network network = trainer.Network;
        List<(string Key, string Value)> described = ModelRecipe.Describe(network);
        if (!file.Metadata.ContainsKey(ModelKeys.Graph))
        {
            // Older files name several outputs and losses, but not their nodes.
            described.RemoveAll(entry => entry.Key.StartsWith(ModelKeys.Graph, StringComparison.Ordinal));
        }

        RequireEqual(described);
        foreach (string key in (ReadOnlySpan<string>)[ModelKeys.Outputs, ModelKeys.Losses, ModelKeys.Frozen, ModelKeys.Quantization])
        {
            // Only some networks have these entries.
            if (file.Metadata.ContainsKey(key) && !described.Exists(entry => entry.Key == key))
            {
                RequireEqual([(key, "nothing")]);
            }
        }

        RequireEqual(ModelRecipe.Describe(trainer));
        if (stateArrays != network.Options.Optimizer.StateArrays || stateScalars != network.Options.Optimizer.StateScalars)
        {
            throw SettingsText.Error(
                file,
                ModelKeys.OptimizerState,
                $"expected arrays={network.Options.Optimizer.StateArrays} scalars={network.Options.Optimizer.StateScalars}, got arrays={stateArrays} scalars={stateScalars}"
            );
        }

        ReadOnlySpan<ParameterRange> ranges = network.InferencePlan.Parameters;
        ReadOnlySpan<StateRange> state = network.InferencePlan.State;
        RequireAll(network.InferencePlan.Graph, ranges, state);
        using SharedParameters.Change change = network.BeginChange();
        ModelTensors.Copy(file, "", ranges, network.BorrowParameters());
        ModelTensors.Copy(file, "", state, network.BorrowState());
        network.ResetState();
        ModelTensors.CopyOptimizer(file, network);
        if (HasBest)
        {
            ModelTensors.Copy(file, ModelTensors.BestPrefix, ranges, trainer.BestParameters);
            ModelTensors.Copy(file, ModelTensors.BestPrefix, state, trainer.BestState);
        }

        if (HasAverage)
        {
            ModelTensors.Copy(file, ModelTensors.AveragePrefix, ranges, trainer.AveragedParameters);
        }

        network.StepNumber = Step;
        // Read anew: the trainer changes its state while the file may be restored a second time.
        trainer.State = ModelRecipe.State(file, samples);
    }

    /// <summary>
    /// Builds the file's network anew: layers, weights, loss, optimiser with its settings. Everything that <see cref="Registry"/> knows is then part
    /// of a trimmed program; one that knows its net builds it in code and calls <see cref="LoadWeights(Network, bool)"/>. Activations and ops of a
    /// program's own are registered before. Where loss or optimiser are unknown, the network only predicts (<see cref="Network.Loss"/> is null).
    /// </summary>
    /// <param name="batch">The most samples of one run; 0 for the file's.</param>
    /// <param name="layout">Padded for speed, compact for small memories.</param>
    /// <param name="best">Takes the weights that predict: the best ones of early stopping where the file has them, else the averaged ones where it
    /// has those.</param>
    /// <exception cref="DataFormatException">The file describes no network, a name is unknown, or a tensor does not fit; messages name
    /// them.</exception>
    public Network ToNetwork(int batch = 0, Layout layout = Layout.Padded, bool best = false) => ToNetwork(batch, layout, best, threads: 1);

    /// <summary>The same on several threads, which no file holds: the bits are the same.</summary>
    /// <param name="batch">The most samples of one run; 0 for the file's.</param>
    /// <param name="layout">Padded for speed, compact for small memories.</param>
    /// <param name="best">Takes the weights that predict.</param>
    /// <param name="threads">As in <see cref="NetworkOptions.Threads"/>; 0 leaves it to the plan.</param>
    /// <exception cref="DataFormatException">The file describes no network, a name is unknown, or a tensor does not fit; messages name
    /// them.</exception>
    public Network ToNetwork(int batch, Layout layout, bool best, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        return Filled(new ModelBuilder(file, RequireAll, MemoryLimit).Build(batch, layout, threads), best);
    }

    /// <summary>
    /// Builds the file's network for prediction alone: without loss, gradients and optimiser, however the file was saved. It takes the memory of the
    /// parameters and of a prediction's values, about a fifth of what a network takes that trains with Adam.
    /// </summary>
    /// <param name="batch">The most samples of one run: each takes memory.</param>
    /// <param name="layout">Padded for speed, compact for small memories.</param>
    /// <param name="best">Takes the weights that predict: the best ones of early stopping where the file has them, else the averaged ones where it
    /// has those.</param>
    /// <param name="threads">As in <see cref="NetworkOptions.Threads"/>; 0 leaves it to the plan.</param>
    /// <exception cref="DataFormatException">The file describes no network, a name is unknown, or a tensor does not fit; messages name
    /// them.</exception>
    public Network ToPredictionNetwork(int batch = 1, Layout layout = Layout.Padded, bool best = true, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        return Filled(new ModelBuilder(file, RequireAll, MemoryLimit).Build(batch, layout, threads, predicts: true), best);
    }

    /// <summary>
    /// The predictor of such a network, in its memory: <see cref="Predictor.Network"/> makes more of them (<see cref="Network.CreatePredictor"/>) for
    /// other threads.
    /// </summary>
    /// <param name="batch">The most samples that are computed at once.</param>
    /// <param name="best">Takes the weights that predict, as <see cref="ToPredictionNetwork"/> does.</param>
    /// <exception cref="DataFormatException">The file describes no network, a name is unknown, or a tensor does not fit; messages name
    /// them.</exception>
    public Predictor ToPredictor(int batch = 1, bool best = true) => ToPredictionNetwork(batch, best: best).OwnPredictor;

    /// <summary>The file's training: epochs, learning rate, schedule, accumulation, early stopping.</summary>
    /// <exception cref="DataFormatException">The schedule is unknown or its settings are wrong.</exception>
    /// <exception cref="ArgumentException">The file holds a network without a training.</exception>
    public TrainerOptions ToTrainerOptions()
    {
        RequireTraining();
        return new TrainerOptions
        {
            Epochs = Epochs,
            LearningRate = LearningRate,
            Schedule = ModelBuilder.Schedule(file),
            Accumulation = Accumulation,
            EarlyStopping = new EarlyStopping(Patience),
            Averaging = Averaging,
        };
    }

    private Network Filled(Network network, bool best)
    {
        LoadWeights(network, best);
        if (Quantization is not null)
        {
            ModelRecipe.RequireIntegers(file, network);
        }

        return network;
    }

    private static void CheckVersion(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(ModelKeys.Model, out string? format))
        {
            throw file.Error($"this is no model file: there is no metadata '{ModelKeys.Model}'");
        }

        if (format is not (ModelKeys.ModelFormat or ModelKeys.QuantizedFormat))
        {
            throw SettingsText.Error(
                file, ModelKeys.Model, $"expected the format '{ModelKeys.ModelFormat}' or '{ModelKeys.QuantizedFormat}', got '{format}'");
        }

        if (file.Metadata.ContainsKey(ModelKeys.Quantization) != (format == ModelKeys.QuantizedFormat))
        {
            throw SettingsText.Error(
                file, ModelKeys.Model, $"'{ModelKeys.QuantizedFormat}' and metadata '{ModelKeys.Quantization}' belong together, got '{format}'");
        }

        if (!file.HasChecksums)
        {
            throw file.Error("the sums sha256.data and sha256.header are missing");
        }
    }

    private void RequireAll(Graph graph, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<StateRange> state)
    {
        IntegerTensors? integers = Integers(graph);
        ModelTensors.RequireAll(file, ranges, state, stateArrays, stateScalars, HasBest, HasAverage, integers);
        integers?.Check(file, ranges);
    }

    /// <summary>The tensors that the file holds as integers; null for a file of floats.</summary>
    private IntegerTensors? Integers(Graph graph) => HoldsIntegers ? new IntegerTensors(graph) : null;

    private void RequireTraining()
    {
        if (State is null)
        {
            throw new ArgumentException($"{Name}: the file holds a network without a training: there is nothing to go on with");
        }
    }

    private void RequireEqual(List<(string Key, string Value)> expected)
    {
        foreach ((string key, string value) in expected)
        {
            string found = file.Metadata.TryGetValue(key, out string? text) ? text : value.Length == 0 ? "" : "nothing";
            if (found != value)
            {
                throw new ArgumentException($"{Name}: {key}: the file has '{found}', the trainer '{value}'");
            }
        }
    }
}
