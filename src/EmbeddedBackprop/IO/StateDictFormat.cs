namespace EmbeddedBackprop.IO;

/// <summary>The kinds of files that state dicts are written as.</summary>
public enum StateDictFormat
{
    /// <summary>A safetensors file, which safetensors.torch.load_file reads.</summary>
    Safetensors,

    /// <summary>An archive of arrays, which numpy.load reads.</summary>
    Npz,
}
