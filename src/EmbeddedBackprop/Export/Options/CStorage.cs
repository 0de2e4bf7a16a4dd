namespace EmbeddedBackprop.Export;

/// <summary>
/// The storage of an exported network's weights in flash. The arithmetic is float with every one of them, and biases are always float32.
/// </summary>
public enum CStorage
{
    /// <summary>As they are: 4 bytes a weight.</summary>
    Float32,

    /// <summary>IEEE binary16, rounded to nearest even: 2 bytes a weight, 11 bits of precision, nothing above 65504.</summary>
    Float16,

    /// <summary>
    /// A byte q from -127 to 127 and a float32 scale for each output, the largest weight of the output over 127: w = q * scale, rounded once to
    /// float.
    /// A layer's outputs differ in size, so a scale for each is far more exact than one for all, and costs the routines nothing: the scale stays in a
    /// register.
    /// </summary>
    Int8,
}
