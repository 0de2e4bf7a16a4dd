namespace EmbeddedBackprop.IO;

/// <summary>A tensor of floats in a file of any of the formats that state dicts come in.</summary>
internal interface INamedTensor
{
    /// <summary>The name, unique within the file.</summary>
    string Name { get; }

    /// <summary>The dimensions, outermost first.</summary>
    ReadOnlySpan<int> Shape { get; }

    /// <summary>The number of elements.</summary>
    int Length { get; }

    /// <summary>The type of the elements.</summary>
    SafetensorsType Type { get; }

    /// <summary>Copies all elements, row-major; those of 16 and 64 bits become binary32.</summary>
    void CopyFloats(Span<float> destination);

    /// <summary>An error at this tensor.</summary>
    DataFormatException Error(string problem);
}
