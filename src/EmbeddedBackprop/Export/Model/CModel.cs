using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Export.Model;

/// <summary>Everything the files of one export share: plan, names, tables, program, golden values.</summary>
internal sealed class CModel
{
    private readonly HashSet<string> identifiers = new(StringComparer.Ordinal);
    private readonly CTable[] tables; // one for each tensor of the plan, in order

    private readonly Dictionary<string, CTable> kept = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> carried = new(StringComparer.Ordinal);

    public CModel(Plan source, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, CExportOptions options)
    {
        Node[] outputs = [.. source.Outputs.Distinct()];
        if (outputs.Length == 0)
        {
            ExportErrors.NoOutput();
        }

        if (parameters.Length < source.ParameterLength)
        {
            GraphErrors.MemoryTooSmall("parameters", source.ParameterLength, parameters.Length);
        }

        if (options.SelfTestSamples < 0)
        {
            Errors.Negative(nameof(options.SelfTestSamples), options.SelfTestSamples);
        }

        PlanOptions compact = new()
        {
            Batch = 1,
            Arithmetic = options.Arithmetic ?? source.Options.Arithmetic,
            Layout = Layout.Compact,
            EndsByReference = true,
        };
        options.Target?.Require(compact.Arithmetic);
        Plan = Plan.ForInference(source.Graph, compact, outputs);
        Plan? trainingPlan = options.Training is { } wish ? CTraining.PlanOf(source.Graph, compact.Arithmetic, wish) : null;
        CTrainingEnds ends = new(source, outputs, trainingPlan);
        Inputs = ends.Prediction;
        Outputs = CEnd.All(outputs, "output", "out");
        Prefix = CText.Prefix(options.Name);
        Macro = Prefix.ToUpperInvariant();
        tables = MakeTables(source, parameters, options, trainingPlan);
        if (trainingPlan is not null)
        {
            Training = new CTraining(options.Training!, trainingPlan, tables, Plan.WorkspaceLength) { Inputs = ends.Inputs, Targets = ends.Targets };
        }

        float[][] keptValues = ReadState(source, state);
        Preparation = MakePreparation(options);
        InputNames = Inputs.Length == 1 ? options.InputNames : [];
        OutputNames = Outputs.Length == 1 ? options.OutputNames : [];
        Program = new CProgram(Prefix);
        foreach (CEnd output in Outputs.Where(output => output.Node.Op is null))
        {
            Program.Comment("an output that is an input");
            Program.Copy(output.Length, Inputs.Single(input => input.Node == output.Node).Pointer, output.Pointer);
        }

        Steps = MakeSteps(keptValues);
        Prediction = Program.TakeStatements();
        if (Training is not null)
        {
            CChecksum.Ask(Program);
            Training.Write(Program, (step, text) => TablesOf(step, text, keptValues));
        }

        Tables = [.. tables.Where((_, i) => IsUsed(Plan.Parameters[i]))];
        int samples = Samples(options);
        CheckArrays(options.Target, samples);
        Golden = new CGolden(this, source.Graph, compact with { EndsByReference = false, Batch = samples }, tables, keptValues);
        TrainingGolden = Training is null ? null : new CTrainingGolden(Training, source.Graph, compact.Arithmetic, tables, keptValues);
    }

    /// <summary>The identifier that functions and files begin with.</summary>
    public string Prefix { get; }

    /// <summary>The same in capitals, for macros.</summary>
    public string Macro { get; }

    public Plan Plan { get; }

    /// <summary>The training step; null for a network that only predicts.</summary>
    public CTraining? Training { get; }

    /// <summary>The body of NAME_predict.</summary>
    public string Prediction { get; }

    /// <summary>The inputs that a prediction reads, in the order of the graph.</summary>
    public CEnd[] Inputs { get; }

    /// <summary>The outputs in the order in which the plan was asked for them.</summary>
    public CEnd[] Outputs { get; }

    /// <summary>Numbers that are carried from call to call.</summary>
    public int StateLength { get; private set; }

    /// <summary>Whether a step works in the arena: a plan may reserve memory that the C does not need.</summary>
    public bool UsesArena { get; private set; }

    /// <summary>The parameters of NAME_predict behind the inputs; without training those of NAME_selftest, too.</summary>
    public string OutputParameters =>
        string.Join(", ", Outputs.Select(output => "float *" + output.Pointer)) + (Training is not null ? "" : ", float *arena") + (StateLength > 0 ? ", float *state" : "");

    /// <summary>The same as arguments.</summary>
    public string OutputArguments =>
        string.Join(", ", Outputs.Select(output => output.Pointer)) + (Training is not null ? "" : ", arena") + (StateLength > 0 ? ", state" : "");

    /// <summary>The parameters of NAME_predict.</summary>
    public string PredictParameters =>
        (Training is null ? "" : $"const {Prefix}_model *model, ") + string.Join(", ", Inputs.Select(input => "const float *" + input.Pointer)) + ", " + OutputParameters;

    /// <summary>The tables of parameters that the steps read.</summary>
    public CTable[] Tables { get; }

    /// <summary>Means and scales of the inputs; empty where they are taken as they are.</summary>
    public CTable[] Preparation { get; }

    /// <summary>The tables of parameters, of what is kept without being trained, and of the preparation: all that lies in flash.</summary>
    public IEnumerable<CTable> AllTables => Tables.Concat(kept.Values).Concat(Preparation).SelectMany(table => table.Parts);

    public IReadOnlyList<string> InputNames { get; }

    public IReadOnlyList<string> OutputNames { get; }

    public CStep[] Steps { get; }

    public CProgram Program { get; }

    public CGolden Golden { get; }

    /// <summary>What the engine's training gives; null without training.</summary>
    public CTrainingGolden? TrainingGolden { get; }

    public Arithmetic Arithmetic => Plan.Options.Arithmetic;

    public long FlashBytes => Tables.Concat(kept.Values).Concat(Preparation).Sum(table => table.Bytes);

    /// <summary>A wrong order of sums shows in some results only: a network with few outputs needs more samples.</summary>
    private int Samples(CExportOptions options)
    {
        const long Least = 4, Enough = 32, Numbers = 16384;
        long outputs = Outputs.Sum(output => (long)output.Length);
        if (options.SelfTestSamples > 0)
        {
            return options.SelfTestSamples;
        }

        long wanted = Math.Max(Least, Math.Min((Enough + outputs - 1) / outputs, Numbers / Inputs.Sum(input => (long)input.Length)));
        long largest = (options.Target?.LargestArray ?? long.MaxValue) / (sizeof(float) * (long)Inputs.Concat(Outputs).Max(end => end.Length));
        return (int)Math.Max(1, Math.Min(wanted, largest));
    }

    /// <summary>Refuses what the target's compiler would.</summary>
    private void CheckArrays(CTarget? target, int samples)
    {
        foreach (CTable table in AllTables)
        {
            target?.RequireArray(table.Source, table.ArrayBytes, table.Storage == CStorage.Float32 ? "; float16 or int8 would be smaller" : "");
        }

        target?.RequireArray("the arena", sizeof(float) * (long)Plan.WorkspaceLength);
        target?.RequireArray("the memory of training", sizeof(float) * (long)(Training?.Length ?? 0));
        target?.RequireArray("the carried state", sizeof(float) * (long)StateLength);
        foreach (CEnd end in Inputs.Concat(Outputs))
        {
            target?.RequireArray($"the self-test's {CText.Number(samples)} samples of {end.Name}", sizeof(float) * (long)samples * end.Length);
        }
    }

    /// <summary>The table of what is kept without being trained; null where nobody reads it.</summary>
    public CTable? KeptTable(string name) => kept.GetValueOrDefault(name);

    private bool IsUsed(ParameterRange range)
    {
        bool used = false;
        foreach (Step step in Plan.Steps)
        {
            used |= Array.Exists(step.Ranges, own => own.Name == range.Name);
        }

        foreach (Step step in Training is null ? [] : Training.Plan.Steps)
        {
            used |= Array.Exists(step.Ranges, own => own.Name == range.Name);
        }

        return used;
    }

    private CTable[] MakeTables(Plan source, ReadOnlySpan<float> parameters, CExportOptions options, Plan? trainingPlan)
    {
        ReadOnlySpan<ParameterRange> from = source.Parameters, to = Plan.Parameters;
        Dictionary<string, (CScaleAxis Axis, CStorage Storage)> stored = CStorageChoice.Of(Plan, options);
        CTable[] made = new CTable[to.Length];
        for (int i = 0; i < to.Length; i++)
        {
            ParameterRange range = from[i];
            float[] values = CNumbers.Compact(range, parameters);
            string shape = range.Dimensions is { } sizes ? $"[{string.Join("][", sizes.Select(size => CText.Number(size)))}]" : range.Kind == ParameterKind.Weight ? $"[{range.Rows} inputs][{range.Columns} outputs]" : $"[{range.Columns} outputs]";
            made[i] = new CTable(Unique($"{Prefix}_{CText.Identifier(range.Name)}"), $"{CText.Comment(range.Name)} {shape}", values);
            // What is trained begins with the network's own numbers.
            if (!CTraining.IsTrained(trainingPlan, range.Name) && stored.TryGetValue(range.Name, out (CScaleAxis Axis, CStorage Storage) choice))
            {
                made[i] = made[i].StoredAs(choice.Storage, choice.Axis, range.Name, Unique);
            }
        }

        return made;
    }

    private CTable[] MakePreparation(CExportOptions options)
    {
        IReadOnlyList<float> means = options.InputMeans, scales = options.InputScales;
        if (means.Count == 0 && scales.Count == 0)
        {
            return [];
        }

        // Of several inputs the first one holds what was measured.
        if (means.Count != Inputs[0].Length || scales.Count != means.Count)
        {
            ExportErrors.WrongPreparation(Inputs[0].Length, means.Count, scales.Count);
        }

        return [Table("mean", means), Table("scale", scales)];

        CTable Table(string name, IReadOnlyList<float> values)
        {
            float[] numbers = [.. values];
            CNumbers.RequireFinite("input " + name, numbers);
            return new CTable(Unique($"{Prefix}_input_{name}"), $"{name} of every input in training{(name == "scale" ? ", as 1 / standard deviation" : "")}", numbers);
        }
    }

    /// <summary>What the network keeps without training it, one array for each range of the plan; empty ones for what is carried from call to call.</summary>
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

    private CStep[] MakeSteps(float[][] keptValues)
    {
        ReadOnlySpan<Step> steps = Plan.Steps;
        CStep[] result = new CStep[steps.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            Step step = steps[i];
            COp text = COpList.For(step);
            CTable[] own = TablesOf(step, text, keptValues);
            string[] inputs = [.. step.Inputs.Select((slot, k) => Place(step.InputNodes[k], slot))];
            string scratch = step.ForwardScratch.Exists ? CText.At("arena", step.ForwardScratch.Offset) : "NULL";
            string[] state = [.. step.StateRanges.Where(range => range.PerSample).Select(StatePlace)];
            result[i] = new CStep(step, i + 1, inputs, Place(step.Node, step.Output), own, scratch, state)
            {
                HasTraining = Training is not null,
                Kept = Training is null ? [] : [.. step.StateRanges.Where(range => !range.PerSample).Select(range => Training.StatePlace(range.Name))],
            };
            Program.Gap();
            text.Write(result[i], Program);
            UsesArena |= text.UsesScratch;
        }

        return result;
    }

    /// <summary>Parameters, trained ones at their places in RAM, and behind them what is kept.</summary>
    private CTable[] TablesOf(Step step, COp text, float[][] keptValues) =>
    [
        .. step.Ranges.Select(range => Training?.TensorOf(in range) is { } tensor ? tensor.Table.InMemory(tensor.Place) : TableOf(range.Name)),
        .. KeptTables(text, step, keptValues),
    ];

    private CTable TableOf(string name)
    {
        // Ranges of two plans are two ranges, also where they say the same.
        ReadOnlySpan<ParameterRange> ranges = Plan.Parameters;
        int index = 0;
        while (ranges[index].Name != name)
        {
            index++;
        }

        return tables[index];
    }

    private IEnumerable<CTable> KeptTables(COp text, Step step, float[][] values)
    {
        int index = 0;
        foreach (StateRange range in step.StateRanges.Where(range => !range.PerSample))
        {
            if (!this.kept.TryGetValue(range.Name, out CTable? table))
            {
                // What goes on changing is kept as it is: what an op computes from it would be wrong after the first training step.
                float[] kept = values[StateIndex(range.Name)];
                (string name, float[] numbers) = Training is null ? text.KeptTable(step.Op, index, range.Name, kept) : (range.Name, kept);
                CNumbers.RequireFinite(name, numbers);
                table = new CTable(Unique($"{Prefix}_{CText.Identifier(name)}"), $"{CText.Comment(name)} [{CText.Number(numbers.Length)}]", numbers);
                this.kept.Add(range.Name, table);
            }

            index++;
            yield return Training is null ? table : table.InMemory(Training.StatePlace(range.Name));
        }
    }

    /// <summary>What is carried stands side by side, and only what the steps use: an op that is applied twice carries one state.</summary>
    private string StatePlace(StateRange range)
    {
        if (Training is not null)
        {
            return Training.StatePlace(range.Name);
        }

        if (!carried.TryGetValue(range.Name, out int offset))
        {
            carried.Add(range.Name, offset = StateLength);
            StateLength += range.Length;
        }

        return CText.At("state", offset);
    }

    private int StateIndex(string name)
    {
        ReadOnlySpan<StateRange> ranges = Plan.State;
        int index = 0;
        while (ranges[index].Name != name)
        {
            index++;
        }

        return index;
    }

    private string Place(Node node, Slot slot)
    {
        CEnd? end = Array.Find(Inputs, input => input.Node == node) ?? Array.Find(Outputs, output => output.Node == node);
        if (end is not null)
        {
            return end.Pointer;
        }

        UsesArena = true;
        return CText.At("arena", slot.Offset);
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
