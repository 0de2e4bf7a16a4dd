using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>How a network's parameters are spread over a file's tensors: dense1.weight [out, in], dense1.bias [out], and the same again for
/// the rest.</summary>
internal static class ModelTensors
{
    public const string Scalars = "optimizer.scalars";

    public const string BestPrefix = "best.";

    public const string AveragePrefix = "average.";

    /// <summary>The i-th state array of the optimiser, tensor by tensor.</summary>
    public static string OptimizerPrefix(int array) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"optimizer.{array}.");

    public static void Add(SafetensorsWriter writer, string prefix, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> parameters)
    {
        float[] compact = new float[Longest(ranges)];
        foreach (ref readonly ParameterRange range in ranges)
        {
            range.CopyTo(parameters, compact.AsSpan(0, range.Count));
            writer.Add(prefix + range.Name, range.FileShape, compact.AsSpan(0, range.Count));
        }
    }

    /// <summary>The ranges of state that files hold: those without a row per sample.</summary>
    public static void AddState(SafetensorsWriter writer, string prefix, ReadOnlySpan<StateRange> ranges, ReadOnlySpan<float> state)
    {
        foreach (ref readonly StateRange range in ranges)
        {
            if (!range.PerSample)
            {
                writer.Add(prefix + range.Name, [range.Length], state.Slice(range.Offset, range.Length));
            }
        }
    }

    public static void AddOptimizer(SafetensorsWriter writer, Network network)
    {
        int arrays = network.Options.Optimizer.StateArrays, length = network.InferencePlan.ParameterLength;
        for (int i = 0; i < arrays; i++)
        {
            Add(writer, OptimizerPrefix(i), network.InferencePlan.Parameters, network.OptimizerState.Slice(i * length, length));
        }

        ReadOnlySpan<float> scalars = network.OptimizerState[(arrays * length)..];
        if (scalars.Length > 0)
        {
            writer.Add(Scalars, [scalars.Length], scalars);
        }
    }

    /// <summary>Every tensor must be there in its type (F32 where there are no integers) and shape, before any is copied.</summary>
    public static void Require(SafetensorsFile file, string prefix, ReadOnlySpan<ParameterRange> ranges, IntegerTensors? integers = null)
    {
        foreach (ref readonly ParameterRange range in ranges)
        {
            if (!file.TryGetTensor(prefix + range.Name, out SafetensorsTensor? tensor))
            {
                throw file.Error($"there is no tensor '{prefix}{range.Name}' of the shape [{string.Join(", ", range.FileShape)}]");
            }

            tensor.Require(integers?.TypeOf(range.Name) ?? SafetensorsType.F32, range.FileShape);
        }
    }

    /// <summary>Copies tensors that <see cref="Require(SafetensorsFile, string, ReadOnlySpan{ParameterRange}, IntegerTensors)"/> has seen; the floats
    /// between the rows are not changed.</summary>
    public static void Copy(
        SafetensorsFile file, string prefix, ReadOnlySpan<ParameterRange> ranges, Span<float> parameters, IntegerTensors? integers = null)
    {
        // One row of a file's tensor at a time: no copy of a whole one is made on the way.
        float[] column = [];
        foreach (ref readonly ParameterRange range in ranges)
        {
            if (integers is not null && integers.TryCopy(file, in range, parameters))
            {
                continue;
            }

            SafetensorsTensor tensor = file.GetTensor(prefix + range.Name);
            if (range.Rows == 1)
            {
                tensor.CopyTo(parameters.Slice(range.Offset, range.Columns));
                continue;
            }

            column = column.Length < range.Rows ? new float[range.Rows] : column;
            for (int output = 0; output < range.Columns; output++)
            {
                tensor.CopyTo(output * range.Rows, column.AsSpan(0, range.Rows));
                for (int row = 0; row < range.Rows; row++)
                {
                    parameters[range.Offset + (row * range.Stride) + output] = column[row];
                }
            }
        }
    }

    /// <summary>The same of the state that files hold.</summary>
    public static void Require(SafetensorsFile file, string prefix, ReadOnlySpan<StateRange> ranges)
    {
        foreach (ref readonly StateRange range in ranges)
        {
            if (range.PerSample)
            {
                continue;
            }

            if (!file.TryGetTensor(prefix + range.Name, out SafetensorsTensor? tensor))
            {
                throw file.Error($"there is no tensor '{prefix}{range.Name}' of the shape [{range.Length}]");
            }

            tensor.Require(range.Length);
        }
    }

    /// <summary>Copies state that was required; per-sample state is not changed.</summary>
    public static void Copy(SafetensorsFile file, string prefix, ReadOnlySpan<StateRange> ranges, Span<float> state)
    {
        foreach (ref readonly StateRange range in ranges)
        {
            if (!range.PerSample)
            {
                file.GetTensor(prefix + range.Name).CopyTo(state.Slice(range.Offset, range.Length));
            }
        }
    }

    /// <summary>Copies those tensors that the file has in the same name and shape, and notes the others.</summary>
    public static void CopyMatching(
        SafetensorsFile file,
        string prefix,
        ReadOnlySpan<ParameterRange> ranges,
        Span<float> parameters,
        List<string> left)
    {
        for (int i = 0; i < ranges.Length; i++)
        {
            if (Has(file, prefix + ranges[i].Name, ranges[i].FileShape))
            {
                Copy(file, prefix, ranges.Slice(i, 1), parameters);
            }
            else
            {
                left.Add(ranges[i].Name);
            }
        }
    }

    /// <summary>The same of the state that files hold.</summary>
    public static void CopyMatching(SafetensorsFile file, string prefix, ReadOnlySpan<StateRange> ranges, Span<float> state, List<string> left)
    {
        for (int i = 0; i < ranges.Length; i++)
        {
            if (Has(file, prefix + ranges[i].Name, [ranges[i].Length]))
            {
                Copy(file, prefix, ranges.Slice(i, 1), state);
            }
            else if (!ranges[i].PerSample)
            {
                left.Add(ranges[i].Name);
            }
        }
    }

    private static bool Has(SafetensorsFile file, string name, ReadOnlySpan<int> shape) =>
        file.TryGetTensor(name, out SafetensorsTensor? tensor) && tensor.Shape.SequenceEqual(shape);

    public static void CopyOptimizer(SafetensorsFile file, Network network)
    {
        int arrays = network.Options.Optimizer.StateArrays, length = network.InferencePlan.ParameterLength;
        network.OptimizerState.Clear();
        for (int i = 0; i < arrays; i++)
        {
            Copy(file, OptimizerPrefix(i), network.InferencePlan.Parameters, network.OptimizerState.Slice(i * length, length));
        }

        Span<float> scalars = network.OptimizerState[(arrays * length)..];
        if (scalars.Length > 0)
        {
            file.GetTensor(Scalars).CopyTo(scalars);
        }
    }

    /// <summary>A file of ours holds these tensors and no others.</summary>
    public static void RequireAll(
        SafetensorsFile file, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<StateRange> state, int arrays, int scalars, bool best, bool average,
        IntegerTensors? integers)
    {
        Require(file, "", ranges, integers);
        Require(file, "", state);
        HashSet<string> known = new(StringComparer.Ordinal);
        AddNames(known, "", ranges);
        AddNames(known, "", state);
        for (int i = 0; i < arrays; i++)
        {
            Require(file, OptimizerPrefix(i), ranges);
            AddNames(known, OptimizerPrefix(i), ranges);
        }

        if (scalars > 0)
        {
            file.GetTensor(Scalars).Require(scalars);
            _ = known.Add(Scalars);
        }

        if (best)
        {
            Require(file, BestPrefix, ranges);
            Require(file, BestPrefix, state);
            AddNames(known, BestPrefix, ranges);
            AddNames(known, BestPrefix, state);
        }

        if (average)
        {
            Require(file, AveragePrefix, ranges);
            AddNames(known, AveragePrefix, ranges);
        }

        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            if (!known.Contains(tensor.Name))
            {
                throw tensor.Error("the model has no such tensor");
            }
        }
    }

    private static void AddNames(HashSet<string> names, string prefix, ReadOnlySpan<ParameterRange> ranges)
    {
        foreach (ref readonly ParameterRange range in ranges)
        {
            _ = names.Add(prefix + range.Name);
        }
    }

    private static void AddNames(HashSet<string> names, string prefix, ReadOnlySpan<StateRange> ranges)
    {
        foreach (ref readonly StateRange range in ranges)
        {
            if (!range.PerSample)
            {
                _ = names.Add(prefix + range.Name);
            }
        }
    }

    private static int Longest(ReadOnlySpan<ParameterRange> ranges)
    {
        int longest = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            longest = Math.Max(longest, range.Count);
        }

        return longest;
    }
}
