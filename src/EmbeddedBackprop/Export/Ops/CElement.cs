using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The C type of an element of a value or a table.</summary>
/// <param name="Type">The type.</param>
/// <param name="Suffix">The suffix of routines for it; those for floats have none.</param>
/// <param name="Member">The member of the arena's union that holds such elements.</param>
/// <param name="Bytes">Its bytes.</param>
internal sealed record CElement(string Type, string Suffix, string Member, int Bytes)
{
    public static readonly CElement Float = new("float", "", "f32", 4);

    public static readonly CElement Int8 = new("int8_t", "_i8", "i8", 1);

    public static readonly CElement UInt8 = new("uint8_t", "_u8", "u8", 1);

    public static readonly CElement Int16 = new("int16_t", "_i16", "i16", 2);

    public static readonly CElement UInt16 = new("uint16_t", "_u16", "u16", 2);

    public static readonly CElement Int32 = new("int32_t", "_i32", "i32", 4);

    /// <summary>The element of a node's value.</summary>
    public static CElement Of(Node node) => node.Integers switch { null => CSelector.Element(node) ?? Float, { Bits: 8 } => Int8, _ => Int16 };

    /// <summary>The text of a routine for floats that moves or compares elements, for elements of this type.</summary>
    /// <param name="routine">The routine's name.</param>
    /// <param name="text">Its text.</param>
    public string Typed(string routine, string text) => this == Float
        ? text
        : text.Replace("float ", Type + " ", StringComparison.Ordinal).Replace("0.0f", "0", StringComparison.Ordinal)
            .Replace($"ebp_{routine}(", $"ebp_{routine}{Suffix}(", StringComparison.Ordinal);

    /// <summary>The C expression (uint32_t) of an element's bits for a check sum.</summary>
    public string Word(string element) => Bytes == sizeof(int) ? $"(uint32_t){element}" : $"(uint32_t)(u{Type.TrimStart('u')}){element}";
}
