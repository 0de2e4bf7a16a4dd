using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Weights under PyTorch's names: state dicts in safetensors files or archives of NumPy (.npz). A layer of the network is a module of PyTorch:
/// shapes and the order of gates (LSTM i, f, g, o; GRU r, z, n) are PyTorch's, so tensors are renamed and nothing is computed.
/// </summary>
/// <remarks>
/// A recurrent layer's weight_ih is written as weight_ih_l0, and the next layer of a stack, named as <c>lstm:1</c>, as weight_ih_l1.
/// num_batches_tracked of a batch normalisation is written as 0 and not read. A bias that a module does not have (bias=False) becomes 0, a missing
/// factor of a normalisation 1. Floats of 16 and 64 bits are read and rounded to binary32.
/// </remarks>
public static class StateDict
{
    /// <summary>Fills a network from a file.</summary>
    /// <param name="path">A safetensors file, or an archive of numpy.savez; the file's first bytes tell which.</param>
    /// <param name="network">Receives all its weights and running statistics; its optimiser's state stays as it is.</param>
    /// <param name="modules">
    /// The module of a layer by the layer's name: dense1 to features.0. Layers that are not named take, if all have one, the modules of their own
    /// names; else each takes the first module left whose shapes fit, in the order of the file, or of the numbers in names where the file is sorted.
    /// </param>
    /// <exception cref="DataFormatException">The file is damaged, or does not fit; the network is unchanged.</exception>
    /// <exception cref="ArgumentException">The network has no layer of a name in <paramref name="modules"/>, or is quantised.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static StateDictReport Load(string path, Network network, IReadOnlyDictionary<string, string>? modules = null) =>
        Load(WholeFile.Read(path), path, network, modules);

    /// <summary>Fills a network from a file's bytes.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="network">Receives all its weights and running statistics; its optimiser's state stays as it is.</param>
    /// <param name="modules">
    /// The module of a layer by the layer's name, as in <see cref="Load(string, Network, IReadOnlyDictionary{string, string})"/>.
    /// </param>
    /// <exception cref="DataFormatException">The file is damaged, or does not fit; the network is unchanged.</exception>
    /// <exception cref="ArgumentException">The network has no layer of a name in <paramref name="modules"/>, or is quantised.</exception>
    public static StateDictReport Load(
        ReadOnlyMemory<byte> bytes, string name, Network network, IReadOnlyDictionary<string, string>? modules = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        List<StateDictLayer> layers = StateDictLayer.Of(network);
        IReadOnlyList<INamedTensor> tensors = bytes.Span.StartsWith("PK"u8)
            ? NpzFile.Parse(bytes, name).Arrays
            : SafetensorsFile.Parse(bytes, name).Tensors;
        StateDictMatching matching = new(name, layers, StateDictModule.Of(tensors), modules ?? new Dictionary<string, string>());
        StateDictReport report = matching.Report();
        for (int i = 0; i < layers.Count; i++)
        {
            layers[i].Fill(network, matching.Modules[i]);
        }

        return report;
    }

    /// <summary>Writes a network's weights under PyTorch's names, or leaves the old file unchanged (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The target, which ends in .npz or .safetensors; its folder must exist.</param>
    /// <param name="network">The network.</param>
    /// <param name="modules">The module of a layer by the layer's name; a layer that is not named is a module of its own name.</param>
    /// <exception cref="ArgumentException">
    /// The path has another ending, the network has no layer of a name in <paramref name="modules"/>, two layers have one module, or the network is
    /// quantised.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public static StateDictReport Save(string path, Network network, IReadOnlyDictionary<string, string>? modules = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string ending = Path.GetExtension(path);
        if (ending is not (".npz" or ".safetensors"))
        {
            throw new ArgumentException($"'{path}': a state dict ends in .npz or .safetensors", nameof(path));
        }

        byte[] bytes = ToArray(network, ending == ".npz" ? StateDictFormat.Npz : StateDictFormat.Safetensors, out StateDictReport report, modules);
        AtomicFile.WriteAllBytes(path, bytes);
        return report;
    }

    /// <summary>The bytes that <see cref="Save"/> writes.</summary>
    /// <param name="network">The network.</param>
    /// <param name="format">The kind of file.</param>
    /// <param name="report">Which tensor is written under which name.</param>
    /// <param name="modules">The module of a layer by the layer's name; a layer that is not named is a module of its own name.</param>
    /// <exception cref="ArgumentException">As <see cref="Save"/>.</exception>
    public static byte[] ToArray(
        Network network, StateDictFormat format, out StateDictReport report, IReadOnlyDictionary<string, string>? modules = null)
    {
        List<StateDictLayer> layers = StateDictLayer.Of(network);
        modules ??= new Dictionary<string, string>();
        StateDictLayer.RequireAll(layers, modules);
        List<(string Name, int[] Shape, float[] Values)> tensors = [];
        List<string> counters = [];
        List<StateDictEntry> entries = [];
        foreach (StateDictLayer layer in layers)
        {
            string module = modules.GetValueOrDefault(layer.Name, layer.Name);
            if (layer.HasStatistics)
            {
                counters.Add(StateDictModule.NameOf(module, StateDictModule.Counter));
            }

            foreach (StateDictSlot slot in layer.Slots)
            {
                string name = StateDictModule.NameOf(module, slot.Tensor);
                tensors.Add((name, slot.Shape, slot.Values(network)));
                entries.Add(new StateDictEntry(slot.Name, name, slot.Shape));
            }
        }

        report = new StateDictReport(entries, [], []);
        return format == StateDictFormat.Npz ? Npz(tensors, counters) : Safetensors(tensors, counters);
    }

    private static byte[] Npz(List<(string Name, int[] Shape, float[] Values)> tensors, List<string> counters)
    {
        NpzWriter writer = new();
        foreach ((string name, int[] shape, float[] values) in tensors)
        {
            writer.Add(name, shape, values);
        }

        counters.ForEach(name => writer.AddInteger(name, 0));
        return writer.ToArray();
    }

    private static byte[] Safetensors(List<(string Name, int[] Shape, float[] Values)> tensors, List<string> counters)
    {
        SafetensorsWriter writer = new();
        writer.AddMetadata("format", "pt");

        // Wider elements first, so that every tensor begins at a multiple of its element's size.
        counters.ForEach(name => writer.Add(name, SafetensorsType.I64, [], new byte[sizeof(long)]));
        foreach ((string name, int[] shape, float[] values) in tensors)
        {
            writer.Add(name, shape, values);
        }

        return writer.ToArray();
    }
}
