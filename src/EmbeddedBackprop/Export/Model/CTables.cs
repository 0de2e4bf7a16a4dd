using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The constant tables of one export, each with a name of its own: parameters, values that ops keep without training them, and the preparation of the
/// inputs.
/// </summary>
internal sealed class CTables
{
    private readonly HashSet<string> identifiers = new(StringComparer.Ordinal);
    private readonly HashSet<string> read = new(StringComparer.Ordinal); // names of the parameters that a step reads
    private readonly Dictionary<string, CTable> kept = new(StringComparer.Ordinal);
    private readonly HashSet<CTable> drawn = new(ReferenceEqualityComparer.Instance); // drawn on the device: no flash
    private readonly Plan plan;
    private readonly string prefix;
    private readonly bool isBinary;
    private readonly HashSet<string> integers = new(StringComparer.Ordinal); // names of parameters of which tables of integers are made
    private readonly Dictionary<Op, CTable[]> integerTables = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, CTable> sameTables = new(StringComparer.Ordinal); // by type and elements
    private readonly float[] parameterValues; // in the layout of the plan
    private readonly float[] stateValues;

    /// <summary>Makes the tables of parameters and of the preparation.</summary>
    /// <param name="prefix">The prefix of their names.</param>
    /// <param name="source">The plan whose layout the values have.</param>
    /// <param name="plan">The plan of the exported prediction.</param>
    /// <param name="trainingPlan">The plan of the exported training; null without training.</param>
    /// <param name="parameters">The parameters.</param>
    /// <param name="state">The state that ops keep without training it.</param>
    /// <param name="options">Storage and preparation.</param>
    public CTables(
        string prefix,
        Plan source,
        Plan plan,
        Plan? trainingPlan,
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> state,
        CExportOptions options)
    {
        (this.prefix, this.plan, isBinary) = (prefix, plan, options.BinaryWeights);
        identifiers.UnionWith(isBinary ? CBlob.Taken.Select(name => $"{prefix}_{name}") : []);
        foreach (Step step in (IEnumerable<Step>)[.. plan.Steps, .. trainingPlan is null ? [] : trainingPlan.Steps])
        {
            read.UnionWith(step.Ranges.Select(range => range.Name));
        }

        foreach (Step step in plan.Steps.ToArray().Where(HoldsIntegers))
        {
            integers.UnionWith(step.Ranges.Select(range => range.Name));
        }

        read.ExceptWith(integers);

        Parameters = MakeParameters(source, parameters, options, trainingPlan);
        if (options.Training?.Initializer is not null)
        {
            drawn.UnionWith(Parameters.Where((_, i) => CTraining.IsTrained(trainingPlan, plan.Parameters[i].Name)));
        }

        KeptValues = ReadState(source, state);
        Preparation = MakePreparation(options);
        (parameterValues, stateValues) = (new float[plan.ParameterLength], new float[plan.StateLength]);
        CopyTo(plan, parameterValues, stateValues);
    }

    /// <summary>A table for each parameter tensor of the plan, in its order.</summary>
    public CTable[] Parameters { get; }

    /// <summary>The tables of parameters that steps read.</summary>
    public IEnumerable<CTable> ReadParameters => Parameters.Where((_, i) => read.Contains(plan.Parameters[i].Name));

    /// <summary>
    /// The values that ops keep without training them, one array for each range of the plan; empty ones for state carried from call to call.
    /// </summary>
    public float[][] KeptValues { get; }

    /// <summary>
    /// Means and scales of the inputs, one of each for a feature that repeats (in every step, in every pixel); empty where inputs are taken as they
    /// are.
    /// </summary>
    public CTable[] Preparation { get; }

    /// <summary>All tables of the flash, those of scales included.</summary>
    public IEnumerable<CTable> All => Whole.SelectMany(table => table.WithScales);

    /// <summary>The tables as one binary; null where they are C.</summary>
    public CBlob? Blob => isBinary ? new CBlob(prefix, All, plan) : null;

    /// <summary>Bytes of flash.</summary>
    public long Bytes => Blob?.Bytes ?? Whole.Sum(table => table.Bytes);

    private IEnumerable<CTable> Whole =>
        ReadParameters.Where(table => !drawn.Contains(table)).Concat(sameTables.Values).Concat(kept.Values)
            .Concat(plan.Options.Given.Count > 0 ? [] : Preparation); // where integers come in, the preparation is in the file with floats

    /// <summary>Whether a step reads or gives integers.</summary>
    public static bool HoldsIntegers(Step step) => step.Node.Integers is not null || Array.Exists(step.InputNodes, node => node.Integers is not null);

    /// <summary>What a step's tables of integers are made of; null for a step of floats.</summary>
    public CTableSource? SourceOf(Step step) =>
        HoldsIntegers(step) ? new CTableSource(step, plan.Options.Arithmetic, parameterValues, stateValues, IntegerTable) : null;

    /// <summary>What the integers of a node mean.</summary>
    public IntegerType TypeOf(Node node)
    {
        IntegerValue value = node.Integers!;
        return TypeRange.Read<float>(KeptValues[StateIndex(value.Owner.Name + ".range")], value.Bits);
    }

    /// <summary>Copies the values of parameters and kept state into a plan's memory.</summary>
    public void CopyTo(Plan to, Span<float> parameters, Span<float> state)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            Parameters[i].Values.CopyTo(parameters[to.Parameters[i].Offset..]);
        }

        for (int i = 0; i < KeptValues.Length; i++)
        {
            KeptValues[i].CopyTo(state[to.State[i].Offset..]);
        }
    }

    /// <summary>The table of a range of kept values; null where no step reads it.</summary>
    public CTable? Kept(string name) => kept.GetValueOrDefault(name);

    /// <summary>The tables that a step reads: its parameters, then the state its op keeps. Trained tensors are read from memory.</summary>
    public CTable[] Of(Step step, COp op, CTraining? training)
    {
        if (SourceOf(step) is { } source)
        {
            if (!integerTables.TryGetValue(step.Owner, out CTable[]? made))
            {
                integerTables.Add(step.Owner, made = op.MakeTables(source) ?? []);
            }

            return made;
        }

        return
        [
            .. step.Ranges.Select(range =>
                training?.TensorOf(in range) is { } tensor ? tensor.Table.InMemory(tensor.Place) : ParameterTable(range.Name)),
            .. KeptTables(step, op, training),
            .. op.Constants(step.Op).Select(constant => ConstantTable(step, constant)),
        ];
    }

    /// <summary>The parameters that are not stored as float32, by storage: their bytes, and their distance from the network's own.</summary>
    public IEnumerable<(string Name, long Weights, long Bytes, long Scales, float Largest, double Mean)> Rounded() =>
        ReadParameters.Where(table => table.Storage != CStorage.Float32).GroupBy(table => table.Storage).Select(group => (
            group.Key == CStorage.Float16 ? "float16" : "int8",
            group.Sum(table => (long)table.Values.Length),
            group.Sum(table => table.Bytes),
            group.Sum(table => table.Scales?.Bytes ?? 0),
            group.Max(table => table.Error.Largest),
            group.Sum(table => table.Error.Mean * table.Values.Length) / group.Sum(table => (long)table.Values.Length)));

    private CTable[] MakeParameters(Plan source, ReadOnlySpan<float> parameters, CExportOptions options, Plan? trainingPlan)
    {
        ReadOnlySpan<ParameterRange> ranges = source.Parameters;
        Dictionary<string, (CScaleAxis Axis, CStorage Storage)> stored = CStorageChoice.Of(plan, options);
        CTable[] made = new CTable[ranges.Length];
        for (int i = 0; i < made.Length; i++)
        {
            ParameterRange range = ranges[i];
            float[] values = CNumbers.Compact(range, parameters);
            string name = $"{prefix}_{CText.Identifier(range.Name)}";
            made[i] = new CTable(integers.Contains(range.Name) ? name : Unique(name), $"{CText.Comment(range.Name)} {Sizes(range)}", values);
            // Training begins with the network's own values.
            if (!CTraining.IsTrained(trainingPlan, range.Name) && stored.TryGetValue(range.Name, out (CScaleAxis Axis, CStorage Storage) choice))
            {
                made[i] = made[i].StoredAs(choice.Storage, choice.Axis, range.Name, Unique);
            }
        }

        return made;
    }

    private static string Sizes(ParameterRange range) =>
        range.Dimensions is { } sizes ? $"[{string.Join("][", sizes.Select(size => CText.Number(size)))}]"
        : range.Kind == ParameterKind.Weight ? $"[{range.Rows} inputs][{range.Columns} outputs]"
        : $"[{range.Columns} outputs]";

    private static float[][] ReadState(Plan source, ReadOnlySpan<float> state)
    {
        ReadOnlySpan<StateRange> ranges = source.State;
        float[][] values = new float[ranges.Length][];
        for (int i = 0; i < ranges.Length; i++)
        {
            StateRange range = ranges[i];
            if (!range.PerSample && state.Length < range.Offset + range.Length)
            {
                GraphErrors.MemoryTooSmall("state", source.StateLength, state.Length);
            }

            values[i] = range.PerSample ? [] : state.Slice(range.Offset, range.Length).ToArray();
            CNumbers.RequireFinite(range.Name, values[i]);
        }

        return values;
    }

    private CTable[] MakePreparation(CExportOptions options)
    {
        IReadOnlyList<float> means = options.InputMeans, scales = options.InputScales;
        if (means.Count == 0 && scales.Count == 0)
        {
            return [];
        }

        CNumbers.RequireFinite("input mean", [.. means]);
        CNumbers.RequireFinite("input scale", [.. scales]);
        int period = Period(means, scales);
        string what = period == means.Count ? "every input"
            : period == 1 ? "all inputs"
            : $"each of {CText.Number(period)} features, which repeat";
        return [Table("mean", means, ""), Table("scale", scales, ", as 1 / standard deviation")];

        CTable Table(string name, IReadOnlyList<float> values, string remark) =>
            new(Unique($"{prefix}_input_{name}"), $"{name} of {what} in training{remark}", [.. values.Take(period)]);
    }

    /// <summary>The least number of elements after which means and scales begin again, bit for bit; it divides their number.</summary>
    private static int Period(IReadOnlyList<float> means, IReadOnlyList<float> scales)
    {
        int length = means.Count;
        return Enumerable.Range(1, length).First(period => length % period == 0 && Repeats(means, period) && Repeats(scales, period));

        static bool Repeats(IReadOnlyList<float> values, int period) =>
            Enumerable.Range(period, values.Count - period)
                .All(i => BitConverter.SingleToUInt32Bits(values[i]) == BitConverter.SingleToUInt32Bits(values[i - period]));
    }

    private CTable ParameterTable(string name)
    {
        // A range of another plan is another object, so it is found by its name.
        int index = 0;
        while (plan.Parameters[index].Name != name)
        {
            index++;
        }

        return Parameters[index];
    }

    private IEnumerable<CTable> KeptTables(Step step, COp op, CTraining? training)
    {
        int index = 0;
        foreach (StateRange range in step.StateRanges.Where(range => !range.PerSample))
        {
            if (!kept.TryGetValue(range.Name, out CTable? table))
            {
                float[] values = KeptValues[StateIndex(range.Name)];
                // A training changes these values: results computed from them would be wrong after its first step.
                (string name, float[] numbers) = training is null ? op.KeptTable(step.Op, index, range.Name, values) : (range.Name, values);
                CNumbers.RequireFinite(name, numbers);
                table = new CTable(Unique($"{prefix}_{CText.Identifier(name)}"), $"{CText.Comment(name)} [{CText.Number(numbers.Length)}]", numbers);
                kept.Add(range.Name, table);
            }

            index++;
            yield return training is null ? table : table.InMemory(training.StatePlace(range.Name));
        }
    }

    private CTable ConstantTable(Step step, CConstant constant)
    {
        string name = $"{step.Owner.Name}.{constant.Name}", source = $"{CText.Comment(name)}: {constant.What}";
        return constant.Integers is { } integers
            ? Same(
                "constants" + string.Join(',', integers),
                () => CTable.OfIntegers(Unique($"{prefix}_{CText.Identifier(name)}"), source, CElement.UInt16, integers) with { DecidesLoops = true })
            : Same(
                "float" + string.Join(',', constant.Values), () => new CTable(Unique($"{prefix}_{CText.Identifier(name)}"), source, constant.Values));
    }

    /// <summary>A table of integers: the same one for all that have the same elements, as one of a sigmoid.</summary>
    private CTable IntegerTable(string name, string source, CElement element, int[] values)
    {
        return Same(
            element.Type + string.Join(',', values),
            () => CTable.OfIntegers(Unique($"{prefix}_{CText.Identifier(name)}"), source, element, values));
    }

    private CTable Same(string key, Func<CTable> make)
    {
        if (!sameTables.TryGetValue(key, out CTable? table))
        {
            sameTables.Add(key, table = make());
        }

        return table;
    }

    private int StateIndex(string name)
    {
        int index = 0;
        while (plan.State[index].Name != name)
        {
            index++;
        }

        return index;
    }

    /// <summary>Two names may become the same identifier: the second one gets a number.</summary>
    private string Unique(string identifier)
    {
        string candidate = identifier;
        for (int number = 2; !identifiers.Add(candidate); number++)
        {
            candidate = identifier + "_" + CText.Number(number);
        }

        return candidate;
    }
}
