using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// How the C of a routine reads weights: the storage is known here, and the ops ask for parameters, elements and factors. A routine has a
/// variant for each storage in use, named after it; the one for float32 has the plain name.
/// </summary>
/// <param name="Storage">The storage of the table in flash.</param>
/// <param name="Suffix">The suffix of the routine's name.</param>
/// <param name="Type">The C type of an element.</param>
/// <param name="Functions">The functions of <see cref="CMath"/> that reading uses.</param>
internal sealed record CWeightLoad(CStorage Storage, string Suffix, string Type, CFunctions Functions)
{
    private static readonly CWeightLoad[] All =
    [
        new(CStorage.Float32, "", "float", CFunctions.None),
        new(CStorage.Float16, "_f16", "uint16_t", CFunctions.Half),
        new(CStorage.Int8, "_i8", "int8_t", CFunctions.None),
    ];

    /// <summary>The load for tables that are float.</summary>
    public static CWeightLoad Float => All[0];

    public static CWeightLoad Of(CStorage storage) => Array.Find(All, load => load.Storage == storage)!;

    /// <summary>Whether elements are multiplied by a factor, one for each output.</summary>
    public bool HasFactor => Storage == CStorage.Int8;

    /// <summary>The declaration of a parameter: the table, and its scales where it has any.</summary>
    public string Parameter(string name) => HasFactor ? $"const {Type} *{name}, const float *{name}_scale" : $"const {Type} *{name}";

    /// <summary>The parameter handed on to another routine.</summary>
    public string Pass(string name) => HasFactor ? $"{name}, {name}_scale" : name;

    /// <summary>A line that declares the factor of an output, or nothing; to be put before the first use.</summary>
    public string Factor(string indent, string factor, string name, string output) =>
        HasFactor ? $"{indent}const float {factor} = {name}_scale[{output}];\n" : "";

    /// <summary>
    /// The weight as a float, from an expression of the element and the name of its factor. float16 is exact; int8 is rounded once.
    /// </summary>
    public string Weight(string element, string factor) => Storage switch
    {
        CStorage.Float16 => $"ebp_half({element})",
        CStorage.Int8 => $"((float){element} * {factor})",
        _ => element,
    };

    /// <summary>
    /// Weights that are neighbours in the table: the statement that has to come before the use of each, most often none, and the weight. Two halves
    /// are one 32-bit load. A routine that uses it asks for <see cref="NeighbourFunctions"/>.
    /// </summary>
    /// <param name="count">The weights, at least two.</param>
    /// <param name="element">The C expression of element i.</param>
    /// <param name="factor">The name of its factor.</param>
    /// <param name="pair">What the names of the loaded words begin with.</param>
    public IEnumerable<(string Before, string Weight)> Neighbours(
        int count,
        Func<int, string> element,
        Func<int, string> factor,
        string pair = "pair")
    {
        for (int i = 0; i < count; i++)
        {
            bool paired = Storage == CStorage.Float16 && (i ^ 1) < count;
            yield return !paired ? ("", Weight(element(i), factor(i)))
                : i % 2 == 0 ? ($"const uint32_t {pair}{i} = ebp_two_halves(&{element(i)});", $"ebp_half({pair}{i})")
                : ("", $"ebp_upper_half({pair}{i - 1})");
        }
    }

    /// <summary>The functions that <see cref="Neighbours"/> uses.</summary>
    public CFunctions NeighbourFunctions => Storage == CStorage.Float16 ? CFunctions.Half | CFunctions.HalfPair : CFunctions.None;

    /// <summary>A sentence for the comment of a routine, or nothing.</summary>
    public string Remark => Storage switch
    {
        CStorage.Float16 => " The weights are IEEE binary16.",
        CStorage.Int8 => " The weights are bytes, each times the scale of its output.",
        _ => "",
    };
}
