using EmbeddedBackprop.Export.COps;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export;

/// <summary>Everything the files of one export share: plan, names, tables, program, golden values.</summary>
internal sealed class CModel
{
    private readonly HashSet<string> identifiers = new(StringComparer.Ordinal);
    private readonly CTable[] tables; // one for each tensor of the plan, in order

    public CModel(Plan source, ReadOnlySpan<float> parameters, CExportOptions options)
    {
        Node[] inputs = [.. source.Graph.Nodes.Where(node => IsRead(source, node))];
        if (inputs.Length != 1)
        {
            ExportErrors.NotOneEnd("input", inputs.Length);
        }

        if (source.Outputs.Count != 1)
        {
            ExportErrors.NotOneEnd("output", source.Outputs.Count);
        }

        if (parameters.Length < source.ParameterLength)
        {
            Errors.MemoryTooSmall("parameters", source.ParameterLength, parameters.Length);
        }

        if (options.SelfTestSamples < 0)
        {
            Errors.Negative(nameof(options.SelfTestSamples), options.SelfTestSamples);
        }

        Input = inputs[0];
        Output = source.Outputs[0];
        Prefix = CText.Identifier(options.Name);
        Macro = Prefix.ToUpperInvariant();
        PlanOptions compact = new()
        {
            Batch = 1,
            Arithmetic = options.Arithmetic ?? source.Options.Arithmetic,
            Layout = Layout.Compact,
            EndsByReference = true,
        };
        Plan = Plan.ForInference(source.Graph, compact, Output);
        tables = MakeTables(source, parameters);
        Preparation = MakePreparation(options);
        InputNames = options.InputNames;
        OutputNames = options.OutputNames;
        Program = new CProgram(Prefix);
        Steps = MakeSteps();
        Tables = [.. tables.Where(table => Steps.Any(step => step.Tables.Contains(table)))];
        Golden = new CGolden(source.Graph, Input, Output, compact with { EndsByReference = false, Batch = Samples(options) }, tables);
    }

    /// <summary>The identifier that functions and files begin with.</summary>
    public string Prefix { get; }

    /// <summary>The same in capitals, for macros.</summary>
    public string Macro { get; }

    public Plan Plan { get; }

    public Node Input { get; }

    public Node Output { get; }

    /// <summary>The tables that the steps read.</summary>
    public CTable[] Tables { get; }

    /// <summary>Means and scales of the inputs; empty where they are taken as they are.</summary>
    public CTable[] Preparation { get; }

    /// <summary>The tables of the steps and those of the preparation: all that lies in flash.</summary>
    public IEnumerable<CTable> AllTables => Tables.Concat(Preparation);

    public IReadOnlyList<string> InputNames { get; }

    public IReadOnlyList<string> OutputNames { get; }

    public CStep[] Steps { get; }

    public CProgram Program { get; }

    public CGolden Golden { get; }

    public Arithmetic Arithmetic => Plan.Options.Arithmetic;

    public long FlashBytes => AllTables.Sum(table => table.Bytes);

    /// <summary>A wrong order of sums shows in some results only: a network with few outputs needs more samples.</summary>
    private int Samples(CExportOptions options)
    {
        const int Least = 4, Outputs = 32, Numbers = 16384;
        return options.SelfTestSamples > 0 ? options.SelfTestSamples
            : Math.Max(Least, Math.Min((Outputs + Output.Shape.Length - 1) / Output.Shape.Length, Numbers / Input.Shape.Length));
    }

    private static bool IsRead(Plan plan, Node node)
    {
        if (node.Op is not null)
        {
            return false;
        }

        foreach (Step step in plan.Steps)
        {
            if (Array.IndexOf(step.InputNodes, node) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    private CTable[] MakeTables(Plan source, ReadOnlySpan<float> parameters)
    {
        ReadOnlySpan<ParameterRange> from = source.Parameters, to = Plan.Parameters;
        CTable[] made = new CTable[to.Length];
        for (int i = 0; i < to.Length; i++)
        {
            ParameterRange range = from[i];
            float[] values = new float[range.Count];
            for (int row = 0; row < range.Rows; row++)
            {
                parameters.Slice(range.Offset + (row * range.Stride), range.Columns).CopyTo(values.AsSpan(row * range.Columns));
            }

            int bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
            {
                ExportErrors.NotFinite(range.Name, bad, values[bad]);
            }

            string shape = range.Kind == ParameterKind.Weight ? $"[{range.Rows} inputs][{range.Columns} outputs]" : $"[{range.Columns} outputs]";
            made[i] = new CTable(Unique($"{Prefix}_{CText.Identifier(range.Name)}"), $"{CText.Comment(range.Name)} {shape}", values);
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

        if (means.Count != Input.Shape.Length || scales.Count != means.Count)
        {
            ExportErrors.WrongPreparation(Input.Shape.Length, means.Count, scales.Count);
        }

        return [Table("mean", means), Table("scale", scales)];

        CTable Table(string name, IReadOnlyList<float> values)
        {
            for (int i = 0; i < values.Count; i++)
            {
                if (!float.IsFinite(values[i]))
                {
                    ExportErrors.NotFinite("input " + name, i, values[i]);
                }
            }

            return new CTable(Unique($"{Prefix}_input_{name}"), $"{name} of every input in training{(name == "scale" ? ", as 1 / standard deviation" : "")}", [.. values]);
        }
    }

    private CStep[] MakeSteps()
    {
        ReadOnlySpan<Step> steps = Plan.Steps;
        CStep[] result = new CStep[steps.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            Step step = steps[i];
            CTable[] own = [.. step.Ranges.Select(range => tables[Plan.Parameters.IndexOf(range)])];
            string[] inputs = [.. step.Inputs.Select((slot, k) => Place(step.InputNodes[k], slot))];
            result[i] = new CStep(step, i + 1, inputs, Place(step.Node, step.Output), own);
            Program.Gap();
            COp.For(step).Write(result[i], Program);
        }

        return result;
    }

    private string Place(Node node, Slot slot) =>
        node == Input ? "input" : node == Output ? "output" : slot.Offset == 0 ? "arena" : $"(arena + {CText.Size(slot.Offset)})";

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
