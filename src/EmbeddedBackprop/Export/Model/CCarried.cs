using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The elements that layers carry from call to call: one array of the caller's; where a stream carries integers, a structure NAME_state with an array
/// for each type, and with the samples of a hop.
/// </summary>
/// <param name="isStructure">Whether it is the structure.</param>
internal sealed class CCarried(bool isStructure)
{
    private readonly Dictionary<string, string> addresses = new(StringComparer.Ordinal);
    private readonly List<(CElement Element, int Length)> arrays = [];
    private readonly List<(CElement Element, int First, int Length, int Zero)> zeros = [];

    /// <summary>Whether it is the structure NAME_state.</summary>
    public bool IsStructure => isStructure;

    /// <summary>The arrays in the order in which they were asked for; one at most where it is no structure.</summary>
    public IReadOnlyList<(CElement Element, int Length)> Arrays => arrays;

    /// <summary>Elements that begin with another value than 0, of which array, and that value: kept integers whose zero point is another.</summary>
    public IReadOnlyList<(CElement Element, int First, int Length, int Zero)> Zeros => zeros;

    /// <summary>All elements.</summary>
    public int Length => arrays.Sum(array => array.Length);

    /// <summary>Their bytes.</summary>
    public long Bytes => arrays.Sum(array => array.Element.Bytes * (long)array.Length);

    /// <summary>The type of the one array.</summary>
    public CElement Element => arrays.Count == 0 ? CElement.Float : arrays[0].Element;

    /// <summary>The type that a pointer to it points to.</summary>
    public string Type(string prefix) => isStructure ? prefix + "_state" : Element.Type;

    /// <summary>
    /// The C expression of a range's address; only ranges that steps use have memory, so a layer that is applied twice carries one state.
    /// </summary>
    /// <param name="step">The step's name, for the error.</param>
    /// <param name="range">The range's name.</param>
    /// <param name="element">The type of its elements.</param>
    /// <param name="length">How many they are.</param>
    /// <param name="zero">The value that they begin with.</param>
    public string Address(string step, string range, CElement element, int length, int zero = 0)
    {
        if (!addresses.TryGetValue(range, out string? address))
        {
            int index = arrays.FindIndex(array => array.Element == element), first = index < 0 ? 0 : arrays[index].Length;
            if (!isStructure && index < 0 && arrays.Count > 0)
            {
                ExportErrors.MixedState(step);
            }

            if (index < 0)
            {
                arrays.Add((element, length));
            }
            else
            {
                arrays[index] = (element, first + length);
            }

            if (zero != 0)
            {
                zeros.Add((element, first, length, zero));
            }

            address = CText.At(isStructure ? "state->" + element.Member : "state", first);
            addresses.Add(range, address);
        }

        return address;
    }
}
