namespace EmbeddedBackprop.IO;

/// <summary>The element types of a safetensors file, by the names that the format uses.</summary>
public enum SafetensorsType
{
    /// <summary>IEEE 754 binary32: the type of every weight that this library writes.</summary>
    F32,

    /// <summary>IEEE 754 binary64.</summary>
    F64,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,

    /// <summary>Signed integer of 64 bits.</summary>
    I64,

    /// <summary>Signed integer of 32 bits.</summary>
    I32,

    /// <summary>Signed integer of 16 bits.</summary>
    I16,

    /// <summary>Signed integer of 8 bits.</summary>
    I8,

    /// <summary>Unsigned integer of 64 bits.</summary>
    U64,

    /// <summary>Unsigned integer of 32 bits.</summary>
    U32,

    /// <summary>Unsigned integer of 16 bits.</summary>
    U16,

    /// <summary>Unsigned integer of 8 bits.</summary>
    U8,

    /// <summary>A byte that is 0 or 1.</summary>
    BOOL,
}
