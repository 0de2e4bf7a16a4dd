using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Reads the messages of an ONNX file as they are; what they mean is not looked at. Fields that no reader needs (texts of documentation, types of
/// values in between) are passed over; a field that may occur once and occurs twice is an error. No message contains one of its own kind, because
/// subgraphs are not read: so nothing here is recursive.
/// </summary>
internal static class OnnxReader
{
    /// <summary>Nodes and stored tensors of a graph; a net's text has at most 1,024 statements.</summary>
    public const int MostNodes = 1 << 14;

    public const int MostTensors = 1 << 14;

    public const int MostAttributes = 64;

    /// <summary>Inputs or outputs of one node, or of the graph.</summary>
    public const int MostOperands = 1 << 10;

    public const int MostSizes = 8;

    private const int MostOpsets = 64;

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <exception cref="DataFormatException">The bytes do not follow the format.</exception>
    public static OnnxModel Read(ReadOnlyMemory<byte> bytes, string name)
    {
        ProtoFile file = new(name, bytes);
        ProtoReader reader = new(file, 0, bytes.Length);
        long version = 0;
        string producer = "", producerVersion = "";
        OnnxOpset[] opsets = [];
        OnnxGraph? graph = null;
        bool functions = false;
        int count = 0, seen = 0;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    Once(in reader, ref seen, field);
                    version = reader.Integer();
                    break;
                case 2:
                    Once(in reader, ref seen, field);
                    producer = reader.String();
                    break;
                case 3:
                    Once(in reader, ref seen, field);
                    producerVersion = reader.String();
                    break;
                case 7:
                    Once(in reader, ref seen, field);
                    graph = Graph(reader.Message());
                    break;
                case 8:
                    Limit(in reader, count, MostOpsets, "sets of ops");
                    reader.Add(ref opsets, ref count, Opset(reader.Message()));
                    break;
                case 20 or 25:
                    functions = true;
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (graph is null || count == 0)
        {
            throw new DataFormatException(
                name, bytes.Length, graph is null ? "no graph: this is no ONNX model" : "no opset_import: this is no ONNX model");
        }

        return new OnnxModel
        {
            IrVersion = version, Producer = producer, ProducerVersion = producerVersion, Opsets = opsets[..count], Graph = graph,
            HasFunctions = functions,
        };
    }

    private static OnnxOpset Opset(ProtoReader reader)
    {
        string domain = "";
        long version = 0;
        int seen = 0;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    Once(in reader, ref seen, field);
                    domain = reader.String();
                    break;
                case 2:
                    Once(in reader, ref seen, field);
                    version = reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxOpset(domain, version);
    }

    private static OnnxGraph Graph(ProtoReader reader)
    {
        reader.Charge(64);
        string name = "";
        OnnxNode[] nodes = [];
        OnnxTensor[] tensors = [];
        OnnxValue[] inputs = [], outputs = [];
        int nodeCount = 0, tensorCount = 0, inputCount = 0, outputCount = 0, seen = 0;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    Limit(in reader, nodeCount, MostNodes, "nodes");
                    reader.Add(ref nodes, ref nodeCount, Node(reader.Message()));
                    break;
                case 2:
                    Once(in reader, ref seen, field);
                    name = reader.String();
                    break;
                case 5:
                    Limit(in reader, tensorCount, MostTensors, "stored tensors");
                    reader.Add(ref tensors, ref tensorCount, Tensor(reader.Message()));
                    break;
                case 11:
                    // Older files name every stored tensor among the inputs.
                    Limit(in reader, inputCount, MostTensors, "inputs");
                    reader.Add(ref inputs, ref inputCount, Value(reader.Message()));
                    break;
                case 12:
                    Limit(in reader, outputCount, MostOperands, "outputs");
                    reader.Add(ref outputs, ref outputCount, Value(reader.Message()));
                    break;
                case 15:
                    throw reader.Error("sparse tensors are not read");
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxGraph
        {
            Name = name, Nodes = Trimmed(in reader, nodes, nodeCount), Initializers = Trimmed(in reader, tensors, tensorCount),
            Inputs = Trimmed(in reader, inputs, inputCount), Outputs = Trimmed(in reader, outputs, outputCount),
        };
    }

    private static OnnxNode Node(ProtoReader reader)
    {
        reader.Charge(72);
        int offset = reader.Position, inputCount = 0, outputCount = 0, attributeCount = 0, seen = 0;
        string name = "", type = "", domain = "";
        string[] inputs = [], outputs = [];
        OnnxAttribute[] attributes = [];
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    Limit(in reader, inputCount, MostOperands, "inputs of a node");
                    reader.Add(ref inputs, ref inputCount, reader.String());
                    break;
                case 2:
                    Limit(in reader, outputCount, MostOperands, "outputs of a node");
                    reader.Add(ref outputs, ref outputCount, reader.String());
                    break;
                case 3:
                    Once(in reader, ref seen, field);
                    name = reader.String();
                    break;
                case 4:
                    Once(in reader, ref seen, field);
                    type = reader.String();
                    break;
                case 5:
                    Limit(in reader, attributeCount, MostAttributes, "attributes of a node");
                    reader.Add(ref attributes, ref attributeCount, Attribute(reader.Message()));
                    break;
                case 7:
                    Once(in reader, ref seen, field);
                    domain = reader.String();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxNode
        {
            Name = name, OpType = type, Domain = domain, Offset = offset, Inputs = Trimmed(in reader, inputs, inputCount),
            Outputs = Trimmed(in reader, outputs, outputCount), Attributes = Trimmed(in reader, attributes, attributeCount),
        };
    }

    private static OnnxAttribute Attribute(ProtoReader reader)
    {
        reader.Charge(88);
        string name = "", text = "";
        long type = 0, number = 0;
        float real = 0;
        OnnxTensor? tensor = null;
        long[] integers = [];
        float[] floats = [];
        string[] texts = [];
        int integerCount = 0, floatCount = 0, textCount = 0, seen = 0;
        while (reader.Next(out int field))
        {
            if (field is not (7 or 8 or 9))
            {
                Once(in reader, ref seen, field);
            }

            switch (field)
            {
                case 1:
                    name = reader.String();
                    break;
                case 2:
                    real = reader.Float();
                    break;
                case 3:
                    number = reader.Integer();
                    break;
                case 4:
                    text = reader.String();
                    break;
                case 5:
                    tensor = Tensor(reader.Message());
                    break;
                case 7:
                    reader.AddFloats(ref floats, ref floatCount);
                    break;
                case 8:
                    reader.AddIntegers(ref integers, ref integerCount);
                    break;
                case 9:
                    Limit(in reader, textCount, MostOperands, "strings of an attribute");
                    reader.Add(ref texts, ref textCount, reader.String());
                    break;
                case 20:
                    type = reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxAttribute
        {
            Name = name, Type = (OnnxAttributeType)(type is > 0 and < 100 ? type : 0), Float = real, Int = number, String = text, Tensor = tensor,
            Ints = Trimmed(in reader, integers, integerCount), Floats = Trimmed(in reader, floats, floatCount),
            Strings = Trimmed(in reader, texts, textCount),
        };
    }

    private static OnnxTensor Tensor(ProtoReader reader)
    {
        reader.Charge(104);
        int offset = reader.Position, dimCount = 0, floatCount = 0, integerCount = 0, seen = 0;
        string name = "";
        string? refused = null;
        long type = 0;
        long[] dims = [], integers = [];
        float[] floats = [];
        ReadOnlyMemory<byte>? raw = null;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    reader.AddIntegers(ref dims, ref dimCount);
                    Limit(in reader, dimCount - 1, MostSizes, "sizes of a tensor");
                    break;
                case 2:
                    Once(in reader, ref seen, field);
                    type = reader.Integer();
                    break;
                case 4:
                    reader.AddFloats(ref floats, ref floatCount);
                    break;
                case 5 or 7:
                    reader.AddIntegers(ref integers, ref integerCount);
                    break;
                case 8:
                    Once(in reader, ref seen, field);
                    name = reader.String();
                    break;
                case 9:
                    Once(in reader, ref seen, field);
                    raw = reader.Bytes();
                    break;
                case 13:
                    refused = "external data: elements in another file are never read";
                    reader.Skip();
                    break;
                case 14:
                    Once(in reader, ref seen, field);
                    refused = reader.Integer() == 0 ? refused : "external data: elements in another file are never read";
                    break;
                case 3:
                    refused ??= "a segment of a tensor";
                    reader.Skip();
                    break;
                case 6:
                    refused ??= "strings";
                    reader.Skip();
                    break;
                case 10 or 11:
                    refused ??= field == 10 ? "double_data" : "uint64_data";
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxTensor
        {
            Name = name, Type = (OnnxType)(type is > 0 and < 100 ? type : 0), Offset = offset, Raw = raw, Refused = refused,
            Dims = Trimmed(in reader, dims, dimCount), Floats = Trimmed(in reader, floats, floatCount),
            Integers = Trimmed(in reader, integers, integerCount),
        };
    }

    private static OnnxValue Value(ProtoReader reader)
    {
        reader.Charge(48);
        int offset = reader.Position, seen = 0;
        string name = "";
        (OnnxType Type, OnnxDim[]? Dims) type = default;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    Once(in reader, ref seen, field);
                    name = reader.String();
                    break;
                case 2:
                    Once(in reader, ref seen, field);
                    type = ValueType(reader.Message());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxValue { Name = name, Type = type.Type, Dims = type.Dims, Offset = offset };
    }

    /// <summary>TypeProto: only a tensor has a type that means something here.</summary>
    private static (OnnxType Type, OnnxDim[]? Dims) ValueType(ProtoReader reader)
    {
        (OnnxType Type, OnnxDim[]? Dims) type = default;
        int seen = 0;
        while (reader.Next(out int field))
        {
            if (field != 1)
            {
                reader.Skip();
                continue;
            }

            Once(in reader, ref seen, field);
            ProtoReader tensor = reader.Message();
            int inner = 0;
            while (tensor.Next(out int part))
            {
                switch (part)
                {
                    case 1:
                        Once(in tensor, ref inner, part);
                        type.Type = tensor.Integer() is > 0 and < 100 and long number ? (OnnxType)number : OnnxType.Undefined;
                        break;
                    case 2:
                        Once(in tensor, ref inner, part);
                        type.Dims = Sizes(tensor.Message());
                        break;
                    default:
                        tensor.Skip();
                        break;
                }
            }
        }

        return type;
    }

    private static OnnxDim[] Sizes(ProtoReader reader)
    {
        OnnxDim[] dims = [];
        int count = 0;
        while (reader.Next(out int field))
        {
            if (field != 1)
            {
                reader.Skip();
                continue;
            }

            Limit(in reader, count, MostSizes, "sizes of a value");
            long? value = null;
            string? name = null;
            ProtoReader dim = reader.Message();
            int seen = 0;
            while (dim.Next(out int part))
            {
                switch (part)
                {
                    case 1:
                        Once(in dim, ref seen, part);
                        value = dim.Integer();
                        break;
                    case 2:
                        Once(in dim, ref seen, part);
                        name = dim.String();
                        break;
                    default:
                        dim.Skip();
                        break;
                }
            }

            reader.Add(ref dims, ref count, new OnnxDim(value, name));
        }

        return Trimmed(in reader, dims, count);
    }

    /// <summary>Of two values of one field other readers take the last, or the first: so none is taken.</summary>
    private static void Once(in ProtoReader reader, ref int seen, int field)
    {
        if (field < 32 && (seen & (1 << field)) != 0)
        {
            throw reader.Error($"field {field} a second time");
        }

        seen |= field < 32 ? 1 << field : 0;
    }

    private static void Limit(in ProtoReader reader, int count, int most, string what)
    {
        if (count >= most)
        {
            throw reader.Error($"more than {most} {what}");
        }
    }

    private static T[] Trimmed<T>(in ProtoReader reader, T[] values, int count)
    {
        if (values.Length == count)
        {
            return values;
        }

        reader.Charge(24 + ((long)count * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
        return values[..count];
    }
}
