using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>One node of the file while it is imported: its settings and operands, read as what they must be.</summary>
internal sealed class OnnxCall
{
    private readonly OnnxScope scope;
    private readonly Dictionary<string, OnnxAttribute> left = new(StringComparer.Ordinal);

    public OnnxCall(OnnxScope scope, OnnxNode node)
    {
        (this.scope, Node) = (scope, node);
        foreach (OnnxAttribute attribute in node.Attributes)
        {
            if (!left.TryAdd(attribute.Name, attribute))
            {
                throw Refused($"a second attribute '{OnnxNames.Shown(attribute.Name)}'");
            }
        }
    }

    public OnnxNode Node { get; }

    public OnnxScope Scope => scope;

    /// <summary>The error that names node, output and reason.</summary>
    public DataFormatException Refused(string reason) => scope.Refused(Node, reason);

    /// <summary>Whether the input is given: it may be left out at the end, or by an empty name.</summary>
    public bool Has(int input) => input < Node.Inputs.Length && Node.Inputs[input].Length > 0;

    /// <summary>An input, whatever it is.</summary>
    public object Input(int input) => Has(input) ? scope.Value(this, Node.Inputs[input]) : throw Refused($"input {input} is missing");

    /// <summary>An input that depends on the net's input, without padding that waits for its reader.</summary>
    public OnnxData Data(int input)
    {
        OnnxData data = Padded(input);
        return data.Padding is null
            ? data
            : throw Refused($"it reads '{OnnxNames.Shown(Node.Inputs[input])}', which a Pad made: only a convolution or average pooling may do that");
    }

    /// <summary>An input that depends on the net's input, with padding perhaps.</summary>
    public OnnxData Padded(int input) => Input(input) as OnnxData
        ?? throw Refused($"input {input} ('{OnnxNames.Shown(Node.Inputs[input])}') is a constant, a value that the net computes is expected");

    /// <summary>An input that is known.</summary>
    public OnnxConstant Constant(int input) => Input(input) as OnnxConstant
        ?? throw Refused($"input {input} ('{OnnxNames.Shown(Node.Inputs[input])}') is computed by the net, a stored tensor is expected");

    /// <summary>An input of floats that are all stored, of these sizes.</summary>
    public OnnxConstant Weights(int input, params ReadOnlySpan<long> dims)
    {
        OnnxConstant weights = Constant(input);
        if (weights.IsInteger || weights.IsUniform)
        {
            throw Refused($"input {input} ('{OnnxNames.Shown(Node.Inputs[input])}') holds no stored floats");
        }

        if (!dims.IsEmpty && !dims.SequenceEqual(weights.Dims))
        {
            throw Refused(
                $"input {input} ('{OnnxNames.Shown(Node.Inputs[input])}'): expected the sizes [{string.Join(", ", dims.ToArray())}], "
                + $"got [{string.Join(", ", weights.Dims)}]");
        }

        return weights;
    }

    /// <summary>A setting that is a whole number.</summary>
    public int Int(string name, int usual)
    {
        if (!left.Remove(name, out OnnxAttribute? attribute))
        {
            return usual;
        }

        return attribute is { Type: OnnxAttributeType.Int, Int: >= int.MinValue and <= int.MaxValue }
            ? (int)attribute.Int
            : throw Refused($"the attribute {name} is no whole number of 32 bits");
    }

    /// <summary>A setting that is a number.</summary>
    public float Float(string name, float usual)
    {
        if (!left.Remove(name, out OnnxAttribute? attribute))
        {
            return usual;
        }

        return attribute.Type == OnnxAttributeType.Float ? attribute.Float : throw Refused($"the attribute {name} is no float");
    }

    /// <summary>A setting that is a word.</summary>
    public string Word(string name, string usual)
    {
        if (!left.Remove(name, out OnnxAttribute? attribute))
        {
            return usual;
        }

        return attribute.Type == OnnxAttributeType.String ? attribute.String : throw Refused($"the attribute {name} is no string");
    }

    /// <summary>A setting of whole numbers; null where it is not given.</summary>
    public int[]? Ints(string name)
    {
        if (!left.Remove(name, out OnnxAttribute? attribute))
        {
            return null;
        }

        return attribute.Type == OnnxAttributeType.Ints && Array.TrueForAll(attribute.Ints, value => value is >= int.MinValue and <= int.MaxValue)
            ? Array.ConvertAll(attribute.Ints, value => (int)value)
            : throw Refused($"the attribute {name} holds no whole numbers of 32 bits");
    }

    /// <summary>As many whole numbers as there are axes.</summary>
    public int[] Ints(string name, int count, int usual, int least)
    {
        int[]? values = Ints(name);
        if (values is null)
        {
            values = new int[count];
            Array.Fill(values, usual);
        }

        if (values.Length != count || Array.Exists(values, value => value < least))
        {
            throw Refused($"{name}: expected {count} numbers of at least {least}, got [{string.Join(", ", values)}]");
        }

        return values;
    }

    /// <summary>A setting as it is in the file; null where it is not given.</summary>
    public OnnxAttribute? Any(string name) => left.Remove(name, out OnnxAttribute? attribute) ? attribute : null;

    /// <summary>A setting that means nothing here.</summary>
    public void Ignore(string name) => _ = left.Remove(name);

    /// <summary>Whole numbers that are an input of the node, each within an int or at its bounds; null where it is not given.</summary>
    public long[]? Indices(int input)
    {
        if (!Has(input))
        {
            return null;
        }

        OnnxConstant constant = Constant(input);
        if (!constant.IsInteger || constant.IsUniform || constant.Dims.Length > 1)
        {
            throw Refused($"input {input} ('{OnnxNames.Shown(Node.Inputs[input])}') is no list of whole numbers");
        }

        return constant.Integers.ToArray();
    }

    /// <summary>An axis, counted from the end where it is negative.</summary>
    public int Axis(long axis, int rank)
    {
        long counted = axis < 0 ? axis + rank : axis;
        return counted >= 0 && counted < rank ? (int)counted : throw Refused($"the axis {axis} of a value with {rank} sizes");
    }

    /// <summary>The index among the sizes of a sample of an axis that must not be the batch.</summary>
    public int SampleAxis(OnnxData data, long axis, string what)
    {
        int counted = Axis(axis, data.Rank);
        return counted == data.BatchAxis ? throw Refused($"{what} over the samples of a batch") : data.SampleAxis(counted);
    }

    /// <summary>Gives an output its value.</summary>
    public void Set(object value, int output = 0)
    {
        if (output < Node.Outputs.Length && Node.Outputs[output].Length > 0)
        {
            scope.Set(Node.Outputs[output], value);
        }
    }

    /// <summary>Gives the first output the value of a node of ours that has the batch first.</summary>
    public void Set(Node node, params ReadOnlySpan<int> sizes) => Set(new OnnxData(node, sizes.ToArray(), 0, Integers: false));

    /// <summary>Refuses outputs after so many that somebody reads.</summary>
    public void LimitOutputs(int count)
    {
        for (int i = count; i < Node.Outputs.Length; i++)
        {
            if (scope.IsRead(Node.Outputs[i]))
            {
                throw Refused($"its output {i} ('{OnnxNames.Shown(Node.Outputs[i])}') is read, and there is none of this kind here");
            }
        }
    }

    /// <summary>Refuses settings that were not read: they would change what the op does.</summary>
    public void End()
    {
        foreach (string name in left.Keys)
        {
            throw Refused($"the attribute '{OnnxNames.Shown(name)}' is not known");
        }
    }
}
