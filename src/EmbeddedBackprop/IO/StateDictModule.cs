namespace EmbeddedBackprop.IO;

/// <summary>A module of a state dict: the tensors whose names differ in their last part only, and one layer of a recurrent stack.</summary>
/// <param name="Name">As in features.0; the second layer of a stack is lstm:1, its first one lstm.</param>
/// <param name="Tensors">The tensors by the names that the network's layers have for them.</param>
internal sealed record StateDictModule(string Name, Dictionary<string, INamedTensor> Tensors)
{
    /// <summary>What a batch normalisation of PyTorch counts besides its statistics.</summary>
    public const string Counter = "num_batches_tracked";

    private const string Reverse = "_reverse";

    /// <summary>The modules of a file, in the order of their first tensors.</summary>
    public static List<StateDictModule> Of(IReadOnlyList<INamedTensor> tensors)
    {
        List<StateDictModule> modules = [];
        Dictionary<string, StateDictModule> byName = new(StringComparer.Ordinal);
        foreach (INamedTensor tensor in tensors)
        {
            (string name, string last) = Split(tensor.Name);
            if (last == Counter)
            {
                continue;
            }

            if (TryRecurrent(last, out string own, out string layer))
            {
                (name, last) = (layer == "0" ? name : $"{name}:{layer}", own);
            }

            if (!byName.TryGetValue(name, out StateDictModule? module))
            {
                module = new StateDictModule(name, new Dictionary<string, INamedTensor>(StringComparer.Ordinal));
                byName.Add(name, module);
                modules.Add(module);
            }

            if (!module.Tensors.TryAdd(last, tensor))
            {
                throw tensor.Error($"a second '{last}' of '{name}'");
            }
        }

        return modules;
    }

    /// <summary>The parts of a name before and after its last dot.</summary>
    public static (string Module, string Tensor) Split(string name)
    {
        int dot = name.LastIndexOf('.');
        return dot < 0 ? ("", name) : (name[..dot], name[(dot + 1)..]);
    }

    /// <summary>PyTorch's name of a layer's tensor.</summary>
    public static string NameOf(string module, string tensor)
    {
        if (tensor is "weight_ih" or "weight_hh" or "bias_ih" or "bias_hh"
            or "weight_ih_reverse" or "weight_hh_reverse" or "bias_ih_reverse" or "bias_hh_reverse")
        {
            int colon = module.LastIndexOf(':');
            string layer = colon < 0 ? "0" : module[(colon + 1)..];
            module = colon < 0 ? module : module[..colon];
            bool backwards = tensor.EndsWith(Reverse, StringComparison.Ordinal);
            tensor = (backwards ? tensor[..^Reverse.Length] : tensor) + "_l" + layer + (backwards ? Reverse : "");
        }

        return module.Length == 0 ? tensor : $"{module}.{tensor}";
    }

    /// <summary>Whether this is a tensor of a recurrent module: weight_ih_l1_reverse is weight_ih_reverse of layer 1.</summary>
    private static bool TryRecurrent(string tensor, out string own, out string layer)
    {
        (own, layer) = (tensor, "");
        int at = tensor.IndexOf("_l", StringComparison.Ordinal);
        if (at < 0 || tensor[..at] is not ("weight_ih" or "weight_hh" or "bias_ih" or "bias_hh"))
        {
            return false;
        }

        string rest = tensor[(at + 2)..];
        bool backwards = rest.EndsWith(Reverse, StringComparison.Ordinal);
        layer = backwards ? rest[..^Reverse.Length] : rest;
        own = tensor[..at] + (backwards ? Reverse : "");
        return layer.Length > 0 && !layer.AsSpan().ContainsAnyExceptInRange('0', '9');
    }
}
