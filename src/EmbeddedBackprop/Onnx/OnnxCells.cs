using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Recurrent layers. ONNX has the gates of a direction one after the other in W [directions, gates H, features], R [directions, gates H, H] and
/// B [directions, 2 gates H] (of W, then of R), an LSTM's as i, o, f, c and a GRU's as z, r, h; ours are i, f, g, o and r, z, n.
/// </summary>
internal static class OnnxCells
{
    private static readonly int[] OfLstm = [0, 2, 3, 1];
    private static readonly int[] OfGru = [1, 0, 2];
    private static readonly int[] OfRnn = [0];

    public static void Lstm(OnnxCall call)
    {
        RequireActivations(call, ["Sigmoid", "Tanh", "Tanh"]);
        RequireZeros(call, 5, 6);
        if (call.Has(7) || call.Int("input_forget", 0) != 0)
        {
            throw call.Refused(call.Has(7) ? "peepholes" : "input_forget");
        }

        if (call.Node.Outputs.Length > 2 && call.Scope.IsRead(call.Node.Outputs[2]))
        {
            throw call.Refused($"its cell state '{OnnxNames.Shown(call.Node.Outputs[2])}' is read: a layer gives its hidden state only");
        }

        Layer(call, OfLstm, (hidden, options) => new Lstm(hidden, options));
    }

    public static void Gru(OnnxCall call)
    {
        RequireActivations(call, ["Sigmoid", "Tanh"]);
        RequireZeros(call, 5);
        if (call.Int("linear_before_reset", 0) == 0)
        {
            throw call.Refused("linear_before_reset=0: here the reset gate comes after the product, as in PyTorch and cuDNN (1)");
        }

        Layer(call, OfGru, (hidden, options) => new Gru(hidden, options));
    }

    public static void Rnn(OnnxCall call)
    {
        string function = RequireActivations(call, ["Tanh"], ["Relu"]);
        RequireZeros(call, 5);
        Layer(call, OfRnn, (hidden, options) => new Rnn(hidden, function == "Relu" ? RecurrentFunction.Relu : RecurrentFunction.Tanh, options));
    }

    private static void Layer(OnnxCall call, int[] gates, Func<int, RecurrentOptions, Op> make)
    {
        string direction = call.Word("direction", "forward");
        int hidden = call.Int("hidden_size", 0);
        if (direction is not ("forward" or "bidirectional") || call.Any("clip") is not null || call.Int("layout", 0) != 0)
        {
            throw call.Refused(
                direction is "forward" or "bidirectional"
                    ? "clip, or a layout other than steps first"
                    : $"the direction '{OnnxNames.Shown(direction)}'");
        }

        if (call.Has(4))
        {
            throw call.Refused("sequence_lens: sequences of different lengths need a mask here, and ONNX has none");
        }

        int directions = direction == "forward" ? 1 : 2;
        OnnxData x = call.Data(0);
        if (x.Rank != 3 || x.BatchAxis != 1)
        {
            throw call.Refused($"a value with {x.Rank} sizes, the batch as number {x.BatchAxis}: steps, batch, features are expected");
        }

        int steps = x.Sizes[0], features = x.Sizes[1];
        if (hidden <= 0 || hidden > int.MaxValue / 8)
        {
            throw call.Refused($"hidden_size {hidden}");
        }

        OnnxConstant w = call.Weights(1, directions, gates.Length * hidden, features), r = call.Weights(2, directions, gates.Length * hidden, hidden);
        OnnxConstant? b = call.Has(3) ? call.Weights(3, directions, 2L * gates.Length * hidden) : null;
        Node input = call.Scope.Shaped(x, steps, features);
        bool readsAll = IsRead(0), readsLast = IsRead(1);
        OnnxSequence sequence = new(Apply, directions == 2) { IsShared = readsLast };
        call.Set(new OnnxData(null, [steps, directions, hidden], 2, Integers: false) { Sequence = sequence });
        if (readsLast)
        {
            // Y_h is [directions, batch, H]: where the first direction ends, and where the second does.
            Node last =
                !readsAll ? sequence.Last()
                : directions == 1 ? Step(steps - 1, 0)
                : call.Scope.Graph.Apply(new Concat(), Step(steps - 1, 0), Step(0, hidden));
            call.Set(new OnnxData(last, [directions, hidden], 1, Integers: false), 1);
        }

        bool IsRead(int output) => output < call.Node.Outputs.Length && call.Scope.IsRead(call.Node.Outputs[output]);

        Node Apply(bool all)
        {
            Node node = call.Scope.Graph.Apply(make(hidden, new RecurrentOptions { AllSteps = all, Bidirectional = directions == 2 }), input);
            for (int d = 0; d < directions; d++)
            {
                string suffix = d == 0 ? "" : "_reverse";
                Add($"{node.Name}.weight_ih{suffix}", w.Floats, d, features, parts: 1, part: 0);
                Add($"{node.Name}.weight_hh{suffix}", r.Floats, d, hidden, parts: 1, part: 0);
                Add($"{node.Name}.bias_ih{suffix}", b is null ? default : b.Floats, d, 1, parts: 2, part: 0);
                Add($"{node.Name}.bias_hh{suffix}", b is null ? default : b.Floats, d, 1, parts: 2, part: 1);
            }

            return node;
        }

        // The rows of our gates, of one direction and of one part of it.
        void Add(string name, ReadOnlySpan<float> from, int d, int columns, int parts, int part)
        {
            float[] tensor = new float[gates.Length * hidden * columns];
            for (int gate = 0; gate < gates.Length && !from.IsEmpty; gate++)
            {
                int row = (((d * parts) + part) * gates.Length) + gates[gate], length = hidden * columns;
                from.Slice(row * length, length).CopyTo(tensor.AsSpan(gate * length));
            }

            call.Scope.Weights.Add(name, tensor);
        }

        Node Step(int step, int first)
        {
            Node row = call.Scope.Graph.Apply(new Slice(step, 1), sequence.All);
            Node flat = call.Scope.Shaped(row, new Shape(directions * hidden));
            return directions == 1 ? flat : call.Scope.Graph.Apply(new Slice(first, hidden), flat);
        }
    }

    /// <summary>The activations must be those that the cell has; the first of them is returned.</summary>
    private static string RequireActivations(OnnxCall call, params string[][] known)
    {
        call.Ignore("activation_alpha");
        call.Ignore("activation_beta");
        if (call.Any("activations") is not { } given)
        {
            return known[0][0];
        }

        foreach (string[] cell in known)
        {
            // One after the other for each direction.
            if (
                given.Strings.Length % cell.Length == 0
                && given.Strings.Length > 0
                && given.Strings.Select((name, i) => string.Equals(name, cell[i % cell.Length], StringComparison.OrdinalIgnoreCase)).All(same => same)
            )
            {
                return cell[0];
            }
        }

        throw call.Refused($"the activations {string.Join(", ", given.Strings.Select(OnnxNames.Shown))}");
    }

    /// <summary>The first state must be zeros: ours has no input for it.</summary>
    private static void RequireZeros(OnnxCall call, params ReadOnlySpan<int> inputs)
    {
        foreach (int input in inputs)
        {
            if (call.Has(input) && call.Input(input) is not OnnxConstant { SingleValue: 0f })
            {
                throw call.Refused($"its first state '{OnnxNames.Shown(call.Node.Inputs[input])}' is not zero: a sequence begins with zeros here");
            }
        }
    }
}
