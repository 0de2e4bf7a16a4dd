using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>A layer of a network with its tensors: parameters, then the state that files hold.</summary>
internal sealed record StateDictLayer(string Name, List<StateDictSlot> Slots)
{
    public bool HasStatistics => Slots.Exists(slot => slot.Tensor == "running_mean");

    /// <summary>The layers in the order of the network.</summary>
    public static List<StateDictLayer> Of(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network.InferencePlan.Graph.QuantizedFrom is not null)
        {
            throw new ArgumentException("the network is quantised: a state dict holds the weights of a float network", nameof(network));
        }

        List<StateDictLayer> layers = [];
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            Add(layers, new StateDictSlot(in range));
        }

        foreach (ref readonly StateRange range in network.InferencePlan.State)
        {
            if (!range.PerSample)
            {
                Add(layers, new StateDictSlot(in range));
            }
        }

        return layers;
    }

    /// <summary>Every name must be that of a layer.</summary>
    public static void RequireAll(List<StateDictLayer> layers, IReadOnlyDictionary<string, string> modules)
    {
        foreach (string name in modules.Keys)
        {
            if (!layers.Exists(layer => layer.Name == name))
            {
                throw new ArgumentException(
                    $"the network has no layer '{name}' with weights; there are {string.Join(", ", layers.Select(layer => layer.Name))}", nameof(modules));
            }
        }
    }

    /// <summary>Why a module's tensors are not this layer's; null where they are.</summary>
    public string? Misfit(StateDictModule module)
    {
        int found = Slots.Count(slot => module.Tensors.ContainsKey(slot.Tensor));
        foreach (StateDictSlot slot in Slots)
        {
            if (!module.Tensors.TryGetValue(slot.Tensor, out INamedTensor? tensor))
            {
                if (slot.Default is null)
                {
                    return $"it has no '{slot.Tensor}'";
                }
            }
            else if (!FloatElements.Are(tensor.Type))
            {
                return $"the elements of '{tensor.Name}' are {SafetensorsFormat.NameOf(tensor.Type)}, expected floats";
            }
            else if (!SameElements(slot, tensor, found == Slots.Count))
            {
                return $"'{tensor.Name}' has the shape {Text(tensor.Shape)}, expected {Text(slot.Shape)}";
            }
        }

        return found == module.Tensors.Count ? null
            : $"it has a further tensor '{module.Tensors.Keys.First(key => !Slots.Exists(slot => slot.Tensor == key))}'";
    }

    public void Fill(Network network, StateDictModule module)
    {
        foreach (StateDictSlot slot in Slots)
        {
            slot.Fill(network, module.Tensors.GetValueOrDefault(slot.Tensor));
        }
    }

    /// <summary>The shapes of all tensors, as in "weight [30, 784], bias [30]".</summary>
    public override string ToString() => string.Join(", ", Slots.Select(slot => $"{slot.Tensor} {Text(slot.Shape)}"));

    // A row of factors stands for a scalar, or for a layer normalisation of several axes; a module without some tensors must have the others' shapes.
    private static bool SameElements(StateDictSlot slot, INamedTensor tensor, bool all) =>
        tensor.Shape.SequenceEqual(slot.Shape) || (all && slot.Shape.Length == 1 && tensor.Length == slot.Shape[0]);

    private static string Text(ReadOnlySpan<int> shape) => $"[{string.Join(", ", shape.ToArray())}]";

    private static void Add(List<StateDictLayer> layers, StateDictSlot slot)
    {
        string name = StateDictModule.Split(slot.Name).Module;
        StateDictLayer? layer = layers.Find(known => known.Name == name);
        if (layer is null)
        {
            layer = new StateDictLayer(name, []);
            layers.Add(layer);
        }

        layer.Slots.Add(slot);
    }
}
