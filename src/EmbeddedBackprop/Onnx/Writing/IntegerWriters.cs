using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>
/// Ops on integers. A value of 8 bits is a QuantizeLinear and a DequantizeLinear (QDQ), and between these pairs every op computes on the real
/// values. A value of 16 bits, for which op set 17 has no such pair, is rounded by arithmetic: y = s min(max(floor(x / s + 1/2), lo), hi).
/// </summary>
internal static class IntegerWriters
{
    /// <summary>Floats become integers; R rounds a half up, and this op to even.</summary>
    public static void Quantize(StepWriter step)
    {
        IntegerType type = step.Type;
        if (type.Bits == 8)
        {
            Round(step, step.Input, step.Output);
            return;
        }

        string scaled = step.Apply("scaled", "Mul", [step.Input, step.Graph.Scalar(1f / type.Scale)]);
        Real(step, Clip(step, step.Apply("rounded", "Round", [scaled]), type), step.Output);
    }

    /// <summary>Integers become floats: their real values, which are what every op reads.</summary>
    public static void Dequantize(StepWriter step) => step.Write(step.Output, "Identity", step.Inputs);

    /// <summary>A layer with integer weights: the float layer, over the real values of weights and bias.</summary>
    public static void Layer(StepWriter step)
    {
        IntegerLayer op = (IntegerLayer)step.Op;
        string z = step.Between("sum");
        StepWriter layer = step.As(op.Layer, z, Weights(step, op));
        if (op.Layer is Dense)
        {
            LayerWriters.Product(layer, InputRow(step), z);
        }
        else
        {
            OnnxOpList.Row(layer);
        }

        End(step, op, z);
    }

    /// <summary>An op without weights: the float op and the end.</summary>
    public static void Mean(StepWriter step)
    {
        IntegerMean op = (IntegerMean)step.Op;
        string z = step.Between("mean");
        OnnxOpList.Row(step.As(op.Layer, z));
        End(step, op, z);
    }

    /// <summary>A sum or a difference. The engine rounds the factor of each value, which a result of 16 bits shows.</summary>
    public static void Sum(StepWriter step)
    {
        IntegerSum op = (IntegerSum)step.Op;
        string[] values = [.. step.Inputs];
        if (step.Type.Bits == 16)
        {
            IntegerType[] types = [.. values.Select((_, i) => step.InputType(i))];
            int[] factors = new int[types.Length];
            double scale = IntegerEnd.Of(op.Activation, step.Type, op.HasTable ? Entries(step, op) : default).Scale;
            int shift = op.Factors(types, scale, factors);
            for (int i = 0; i < values.Length; i++)
            {
                // What the rounded factor makes of the value.
                double factor = Math.Abs((double)factors[i]) / (1 << shift) * scale / types[i].Scale;
                values[i] = step.Apply("value", "Mul", [values[i], step.Graph.Scalar((float)factor)]);
            }
        }

        EndOf(step, op.Kind == "subtract" ? "Sub" : values.Length == 2 ? "Add" : "Sum", values);
    }

    /// <summary>A product of two values.</summary>
    public static void Product(StepWriter step) => EndOf(step, "Mul", step.Inputs);

    /// <summary>A factor.</summary>
    public static void Scale(StepWriter step)
    {
        IntegerScale op = (IntegerScale)step.Op;
        EndOf(step, "Mul", [step.Input, step.Graph.Floats(step.TensorName("factor"), [], [op.Alpha(step.Has(0) ? step.ParameterValues(0)[0] : 0f)])]);
    }

    /// <summary>A normalisation by running values: a factor and a bias for each channel, both of them integers.</summary>
    public static void BatchNorm(StepWriter step)
    {
        IntegerBatchNorm op = (IntegerBatchNorm)step.Op;
        int first = op.TableState - 2;
        float[] gamma = step.ParameterValues(0), beta = step.ParameterValues(1), factors = new float[op.Channels], biases = new float[op.Channels];
        for (int i = 0; i < factors.Length; i++)
        {
            (float factor, float bias) = op.RealChannel(gamma[i], beta[i], step.State(first)[i], step.State(first + 1)[i], step.InputType());
            (factors[i], biases[i]) = (factor, bias);
        }

        int[] sizes = step.Shape.Rank switch { 1 => [op.Channels], 2 => [op.Channels, 1], _ => [op.Channels, 1, 1] };
        string product = step.Apply("product", "Mul", [step.Input, step.Graph.Floats($"{step.Name}.factors", sizes, factors)]);
        EndOf(step, "Add", [product, step.Graph.Floats($"{step.Name}.biases", sizes, biases)]);
    }

    /// <summary>A softmax of every row of the last axis.</summary>
    public static void Softmax(StepWriter step)
    {
        string z = step.Between("softmax");
        step.Write(z, "Softmax", step.Inputs, OnnxAttribute.Of("axis", -1L));
        Round(step, z, step.Output);
    }

    /// <summary>Rows of a table of integers.</summary>
    public static void Embedding(StepWriter step)
    {
        IntegerEmbedding op = (IntegerEmbedding)step.Op;
        IntegerType type = step.Type;
        int[] rows = [.. step.CompactValues(0).Select(weight => type.Nearest(weight))];
        if (type.Bits == 16)
        {
            float[] real = [.. rows.Select(q => type.Scale * (q - type.ZeroPoint))];
            LayerWriters.Gather(step, step.Graph.Floats(step.TensorName("rows"), [op.Count, op.Size], real), step.Output);
            return;
        }

        string table = step.Graph.Bytes(step.TensorName("rows"), [op.Count, op.Size], [.. rows.Select(q => (sbyte)q)]);
        string taken = step.Between("taken");
        LayerWriters.Gather(step, table, taken);
        step.Write(step.Output, "DequantizeLinear", [taken, Scale(step, type), ZeroPoint(step, type)]);
    }

    /// <summary>An activation by itself.</summary>
    public static void Table(StepWriter step)
    {
        IntegerTable op = (IntegerTable)step.Op;
        IntegerType from = step.InputType();
        if (from.Bits == 16 && op.HasTable(from))
        {
            string index = step.Apply("index", "Round", [step.Apply("steps", "Div", [step.Input, step.Graph.Scalar(from.Scale)])]);
            Interpolate(step, op.Activation, IntegerTable.Entries(from), index);
            return;
        }

        string a = step.Between("f");
        if (op.Activation is Activation<Identity>)
        {
            a = step.Input;
        }
        else
        {
            ElementWriters.Activate(step, op.Activation, step.Input, a);
        }

        Round(step, a, step.Output);
    }

    /// <summary>Recurrent layers have tables at fixed steps, and states between them, that no op of ONNX has.</summary>
    public static void Recurrent(StepWriter step) => WritingErrors.NoIntegerForm(step.Name, step.Op.Kind);

    /// <summary>The real value of the nearest integer of the step's output: it rounds to the same integer once more.</summary>
    public static void Round(StepWriter step, string x, string result)
    {
        IntegerType type = step.Type;
        if (type.Bits == 8)
        {
            Pair(step, x, result, type, Scale(step, type));
            return;
        }

        string half = step.Apply("half_up", "Add", [step.Apply("steps", "Div", [x, step.Graph.Scalar(type.Scale)]), step.Graph.Scalar(0.5f)]);
        Real(step, Clip(step, step.Apply("rounded", "Floor", [half]), type), result);
    }

    private static void EndOf(StepWriter step, string kind, ReadOnlySpan<string> from) =>
        End(step, (IntegerActivated)step.Op, step.Apply("sum", kind, from));

    /// <summary>The activation of an op, and the rounding of its result. The index of a table is a value of its own, rounded before f.</summary>
    private static void End(StepWriter step, IntegerActivated op, string z)
    {
        Activation f = op.Activation;
        if (op.HasTable)
        {
            IntegerType entries = Entries(step, op);
            if (step.Type.Bits == 16)
            {
                IntegerType index = IntegerEnd.Of(f, step.Type, entries).Index;
                string steps = step.Apply("steps", "Div", [z, step.Graph.Scalar((float)(entries.Scale / 256.0))]);
                string rounded = step.Apply("half_up", "Floor", [step.Apply("raised", "Add", [steps, step.Graph.Scalar(0.5f)])]);
                Interpolate(step, f, entries, Clip(step, rounded, index));
                return;
            }

            string indices = step.Between("index");
            Pair(step, z, indices, entries, step.Graph.Floats($"{step.Name}.index_scale", [], [entries.Scale]));
            z = indices;
        }

        string a = z;
        if (f is not Activation<Identity>)
        {
            a = step.Between("f");
            ElementWriters.Activate(step, f, z, a);
        }

        Round(step, a, step.Output);
    }

    /// <summary>The point of the straight line between two entries of a table of f, all of it in whole numbers that floats hold.</summary>
    private static void Interpolate(StepWriter step, Activation f, IntegerType entries, string centred)
    {
        IntegerType type = step.Type;
        int[] table = new int[IntegerActivation.TableLength];
        IntegerActivation.Fill(f, step.Arithmetic, entries, type, table);
        string values = step.Graph.Floats($"{step.Name}.table", [table.Length], [.. table.Select(entry => (float)entry)]);
        string index = step.Apply("raw", "Add", [centred, step.Graph.Scalar(256f * entries.ZeroPoint)]);
        string k = step.Apply("entry", "Floor", [step.Apply("entries", "Div", [index, step.Graph.Scalar(256f)])]);
        string rest = step.Apply("rest", "Sub", [index, step.Apply("before", "Mul", [k, step.Graph.Scalar(256f)])]);
        string low = At(128f, "low"), high = At(129f, "high");
        string rise = step.Apply("rise", "Mul", [step.Apply("slope", "Sub", [high, low]), rest]);
        string half = step.Apply("rise_half_up", "Add", [rise, step.Graph.Scalar(128f)]);
        string added = step.Apply("added", "Floor", [step.Apply("rise_steps", "Div", [half, step.Graph.Scalar(256f)])]);
        Real(step, step.Apply("point", "Add", [low, added]), step.Output);

        string At(float offset, string name)
        {
            string entry = step.Apply(name + "_entry", "Add", [k, step.Graph.Scalar(offset)]);
            string place = step.Apply(name + "_index", "Cast", [entry], OnnxAttribute.Of("to", (long)OnnxType.Int64));
            return step.Apply(name, "Gather", [values, place], OnnxAttribute.Of("axis", 0L));
        }
    }

    private static IntegerType Entries(StepWriter step, IntegerActivated op) =>
        IntegerActivated.IndexType(step.State(op.TableState).ToArray());

    private static void Pair(StepWriter step, string x, string result, IntegerType type, string scale)
    {
        string zeroPoint = ZeroPoint(step, type);
        string q = step.Graph.Name(result + ".q");
        step.Write(q, "QuantizeLinear", [x, scale, zeroPoint]);
        step.Write(result, "DequantizeLinear", [q, scale, zeroPoint]);
    }

    private static string Clip(StepWriter step, string centred, IntegerType type) =>
        step.Apply("clipped", "Clip", [centred, step.Graph.Scalar(type.LowestCentred), step.Graph.Scalar(type.HighestCentred)]);

    private static void Real(StepWriter step, string centred, string result) =>
        step.Write(result, "Mul", [centred, step.Graph.Scalar(step.Type.Scale)]);

    private static string Scale(StepWriter step, IntegerType type) => step.Graph.Floats($"{step.RangeName}.scale", [], [type.Scale]);

    private static string ZeroPoint(StepWriter step, IntegerType type) =>
        step.Graph.Bytes(FormattableString.Invariant($"zero_point {type.ZeroPoint}"), [], [(sbyte)type.ZeroPoint]);

    /// <summary>The input as a row: what flattens an image of bytes gives bytes again, so that readers see them before the product.</summary>
    private static string InputRow(StepWriter step)
    {
        if (step.InputShape().Rank == 1)
        {
            return step.Input;
        }

        string flat = step.Apply("flat", "Flatten", [step.Input]);
        IntegerType type = step.InputType();
        if (type.Bits == 16)
        {
            return flat;
        }

        string row = step.Between("row");
        Pair(step, flat, row, type, step.Graph.Floats($"{step.InputRangeName}.scale", [], [type.Scale]));
        return row;
    }

    /// <summary>
    /// Weights and biases as the results of DequantizeLinear: weights of 8 bits with a scale for each output, biases of 32 bits with the product of
    /// this scale and the input's. An op that is used twice has all of it twice: its biases may have two scales, and ONNX Runtime 1.30 cannot load
    /// weights of bytes that two products read.
    /// </summary>
    private static string[] Weights(StepWriter step, IntegerLayer op)
    {
        WeightAxis axis = op.Axis(Layout.Compact);
        LayerIntegers integers = new(axis, new int[LayerIntegers.Length(axis)]);
        float[] scales = step.State(op.ScaleState).ToArray();
        integers.Make(
            step.Arithmetic, op.Activation, step.CompactValues(0), step.ParameterValues(1), scales, step.InputType(), step.Type,
            op.HasTable ? Entries(step, op) : default);
        int[] shape = step.ParameterShape(0), weights = integers.Weights.ToArray();
        if (op.Layer is Dense)
        {
            // The engine's rows are inputs, those of files outputs.
            int[] rows = weights;
            weights = [.. Enumerable.Range(0, rows.Length).Select(i => rows[(i % shape[1] * shape[0]) + (i / shape[1])])];
        }

        string weight;
        if (axis.Groups > 1)
        {
            // A transposed convolution's outputs repeat along an axis of its kernels, and so would their scales: its weights stay real.
            float[] real = [.. weights.Select((q, i) => scales[axis.OutputOf(i)] * q)];
            weight = step.Graph.Floats($"{step.Name}.weight", shape, real);
        }
        else
        {
            string q = step.Graph.Bytes($"{step.Name}.weight", shape, [.. weights.Select(x => (sbyte)x)]);
            string scale = step.Graph.Floats($"{step.Name}.weight_scale", [scales.Length], scales);
            // Zero points are all 0, and may be left out; ONNX Runtime then takes one for all outputs, and refuses it.
            string zero = step.Graph.Bytes($"{step.Name}.weight_zero_point", [scales.Length], new sbyte[scales.Length]);
            weight = step.Apply(
                "weights", "DequantizeLinear", [q, scale, zero], OnnxAttribute.Of("axis", op.Layer is ConvTranspose2D ? 1L : 0L));
        }

        float x = step.InputType().Scale;
        string sums = step.Graph.Words($"{step.Name}.bias", integers.Bias);
        string factors = step.Graph.Floats($"{step.Name}.bias_scale", [scales.Length], [.. scales.Select(scale => x * scale)]);
        return [weight, step.Apply("biases", "DequantizeLinear", [sums, factors], OnnxAttribute.Of("axis", 0L))];
    }
}
