namespace EmbeddedBackprop.Onnx;

/// <summary>
/// The bytes of a model: the fields that <see cref="OnnxReader"/> reads, and what is for people and other programs, in the order of their numbers.
/// </summary>
internal static class OnnxWriter
{
    /// <summary>The bytes of a file.</summary>
    public static byte[] ToArray(OnnxModel model)
    {
        ProtoWriter writer = new();
        writer.Integer(1, model.IrVersion);
        WriteText(writer, 2, model.Producer);
        WriteText(writer, 3, model.ProducerVersion);
        WriteText(writer, 6, model.Documentation);
        writer.Message(7, Graph(model.Graph));
        foreach (OnnxOpset opset in model.Opsets)
        {
            ProtoWriter inner = new();
            WriteText(inner, 1, opset.Domain);
            inner.Integer(2, opset.Version);
            writer.Message(8, inner);
        }

        foreach ((string key, string value) in model.Metadata)
        {
            ProtoWriter inner = new();
            inner.String(1, key);
            inner.String(2, value);
            writer.Message(14, inner);
        }

        return writer.ToArray();
    }

    private static ProtoWriter Graph(OnnxGraph graph)
    {
        ProtoWriter writer = new();
        foreach (OnnxNode node in graph.Nodes)
        {
            writer.Message(1, Node(node));
        }

        writer.String(2, graph.Name);
        foreach (OnnxTensor tensor in graph.Initializers)
        {
            writer.Message(5, Tensor(tensor));
        }

        foreach (OnnxValue input in graph.Inputs)
        {
            writer.Message(11, Value(input));
        }

        foreach (OnnxValue output in graph.Outputs)
        {
            writer.Message(12, Value(output));
        }

        return writer;
    }

    private static ProtoWriter Node(OnnxNode node)
    {
        ProtoWriter writer = new();
        foreach (string input in node.Inputs)
        {
            writer.String(1, input);
        }

        foreach (string output in node.Outputs)
        {
            writer.String(2, output);
        }

        WriteText(writer, 3, node.Name);
        writer.String(4, node.OpType);
        foreach (OnnxAttribute attribute in node.Attributes)
        {
            writer.Message(5, Attribute(attribute));
        }

        WriteText(writer, 7, node.Domain);
        return writer;
    }

    private static ProtoWriter Attribute(OnnxAttribute attribute)
    {
        ProtoWriter writer = new();
        writer.String(1, attribute.Name);
        switch (attribute.Type)
        {
            case OnnxAttributeType.Float:
                writer.Float(2, attribute.Float);
                break;
            case OnnxAttributeType.Int:
                writer.Integer(3, attribute.Int);
                break;
            case OnnxAttributeType.String:
                writer.String(4, attribute.String);
                break;
            case OnnxAttributeType.Tensor:
                writer.Message(5, Tensor(attribute.Tensor!));
                break;
            case OnnxAttributeType.Floats:
                foreach (float value in attribute.Floats)
                {
                    writer.Float(7, value);
                }

                break;
            case OnnxAttributeType.Ints:
                foreach (long value in attribute.Ints)
                {
                    writer.Integer(8, value);
                }

                break;
            case OnnxAttributeType.Strings:
                foreach (string value in attribute.Strings)
                {
                    writer.String(9, value);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(attribute), attribute.Type, "an attribute that is not written here");
        }

        writer.Integer(20, (long)attribute.Type);
        return writer;
    }

    private static ProtoWriter Tensor(OnnxTensor tensor)
    {
        ProtoWriter writer = new();
        foreach (long size in tensor.Dims)
        {
            writer.Integer(1, size);
        }

        writer.Integer(2, (long)tensor.Type);
        foreach (float value in tensor.Floats)
        {
            writer.Float(4, value);
        }

        if (tensor.Integers.Length > 0)
        {
            writer.PackedIntegers(tensor.Type == OnnxType.Int64 ? 7 : 5, tensor.Integers);
        }

        WriteText(writer, 8, tensor.Name);
        if (tensor.Raw is { } raw)
        {
            writer.Bytes(9, raw.Span);
        }

        return writer;
    }

    private static ProtoWriter Value(OnnxValue value)
    {
        ProtoWriter writer = new(), type = new(), tensor = new();
        tensor.Integer(1, (long)value.Type);
        if (value.Dims is { } dims)
        {
            ProtoWriter shape = new();
            foreach (OnnxDim dim in dims)
            {
                ProtoWriter size = new();
                if (dim.Value is { } number)
                {
                    size.Integer(1, number);
                }
                else if (dim.Name is { } name)
                {
                    size.String(2, name);
                }

                shape.Message(1, size);
            }

            tensor.Message(2, shape);
        }

        type.Message(1, tensor);
        writer.String(1, value.Name);
        writer.Message(2, type);
        return writer;
    }

    private static void WriteText(ProtoWriter writer, int field, string text)
    {
        if (text.Length > 0)
        {
            writer.String(field, text);
        }
    }
}
