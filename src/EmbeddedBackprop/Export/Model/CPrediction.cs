using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Model;

/// <summary>NAME_predict: the steps of the inference plan as C, for one sample.</summary>
internal sealed class CPrediction
{
    private readonly Plan plan;
    private readonly CArguments arguments;
    private readonly CTables tables;
    private readonly CTraining? training;

    /// <summary>Writes the steps.</summary>
    /// <param name="plan">The inference plan.</param>
    /// <param name="arguments">The names of inputs and outputs.</param>
    /// <param name="tables">The constant tables.</param>
    /// <param name="training">The memory of trained tensors; null for a network that only predicts.</param>
    /// <param name="program">Collects routines and statements.</param>
    /// <param name="isStream">Whether the plan is that of a stream's hop.</param>
    public CPrediction(Plan plan, CArguments arguments, CTables tables, CTraining? training, CProgram program, bool isStream)
    {
        (this.plan, this.arguments, this.tables, this.training) = (plan, arguments, tables, training);
        foreach (CArgument output in arguments.Outputs.Where(output => plan.Options.IsGiven(output.Node)))
        {
            program.Comment("an output that is an input");
            program.Copy(output.Length, Value(output.Node), output.Pointer, output.Element.Type);
        }

        HoldsIntegers = plan.Steps.ToArray().Any(CTables.HoldsIntegers);
        Carried = new CCarried(isStream && HoldsIntegers);
        Steps = new CStep[plan.Steps.Length];
        StepTexts = new string[Steps.Length];
        for (int i = 0; i < Steps.Length; i++)
        {
            Step step = plan.Steps[i];
            COp op = COpList.For(step);
            if (CTables.HoldsIntegers(step) && !op.TakesIntegers)
            {
                ExportErrors.NoIntegerText(step.Name, step.Op.Kind);
            }

            Steps[i] = MakeStep(step, i + 1);
            program.Gap();
            int start = program.Statements.Length;
            op.Write(Steps[i], program);
            program.Statement(program.Hook(Steps[i].Title));
            StepTexts[i] = program.Statements[start..];
            UsesArena |= op.UsesScratch;
        }

        Body = program.TakeStatements();
    }

    /// <summary>The steps in their order.</summary>
    public CStep[] Steps { get; }

    /// <summary>The statements of each step.</summary>
    public string[] StepTexts { get; }

    /// <summary>The body of the function.</summary>
    public string Body { get; }

    /// <summary>Whether a value is of integers: then the arena is a union.</summary>
    public bool HoldsIntegers { get; }

    /// <summary>What is carried from call to call; nothing where a training keeps it in its memory.</summary>
    public CCarried Carried { get; }

    /// <summary>Whether something is.</summary>
    public bool Carries => Carried.Length > 0;

    /// <summary>Whether a step works in the arena: a plan may reserve memory that the C does not need.</summary>
    public bool UsesArena { get; private set; }

    private CStep MakeStep(Step step, int number)
    {
        CStep[] parts = step.Parts.Length > 1 ? [.. step.Parts.Select(part => MakePart(part, number))] : [];
        CTable[] read = parts.Length > 0 ? [.. parts.SelectMany(part => part.Tables)] : tables.Of(step, COpList.For(step), training);
        string[] inputs = [.. step.InputNodes.Select(Value)];
        CElement element = COpList.For(step).ScratchElement(step.Parts[0].Op) ?? CElement.Of(step.InputNodes[0]);
        string scratch = step.ForwardScratch.Exists ? Arena(step.ForwardScratch.Offset, element) : "NULL";
        string[] state = [.. step.StateRanges.Where(range => range.PerSample).Select(range => StateOf(step, range))];
        return new CStep(step, number, inputs, Value(step.Node), read, scratch, state)
        {
            HasTraining = training is not null,
            Kept = KeptOf(step),
            Parts = parts,
            Source = tables.SourceOf(step.Parts[0]),
        };
    }

    /// <summary>A step of a block: it has tables, but its values have no address.</summary>
    private CStep MakePart(Step part, int number) =>
        new(part, number, [], "", tables.Of(part, COpList.For(part), training), "NULL", [])
        {
            HasTraining = training is not null, Kept = KeptOf(part),
        };

    private string[] KeptOf(Step step) =>
        training is null ? [] : [.. step.StateRanges.Where(range => !range.PerSample).Select(range => training.StatePlace(range.Name))];

    /// <summary>The C expression of a node's value: in an argument of the function, or in the arena.</summary>
    private string Value(Node node)
    {
        if (plan.CallersPlace(node) is var (owner, offset))
        {
            CArgument argument =
                Array.Find(arguments.PredictionInputs, input => input.Node == owner) ?? arguments.Outputs.Single(output => output.Node == owner);
            return CText.At(argument.Pointer, offset * (sizeof(float) / argument.Element.Bytes));
        }

        UsesArena = true;
        return Arena(plan.ValueSlot(node).Offset, CElement.Of(node));
    }

    /// <summary>The C expression of an address in the arena, which the plan counts in words of 4 bytes.</summary>
    private string Arena(int word, CElement element) =>
        HoldsIntegers ? CText.At("memory->" + element.Member, word * (sizeof(float) / element.Bytes)) : CText.At("arena", word);

    /// <summary>The C expression of the state that an op carries from call to call.</summary>
    private string StateOf(Step step, StateRange range)
    {
        if (training is not null)
        {
            return training.StatePlace(range.Name);
        }

        bool integers = CTables.HoldsIntegers(step);
        return step.Op is Keep keep
            ? range.Name.EndsWith(Keep.BeginName, StringComparison.Ordinal)
                ? Carried.Address(step.Name, range.Name, CKeep.CountElement(integers, keep.Begin), range.Length)
                : Carried.Address(step.Name, range.Name, CElement.Of(step.Node), range.Length, integers ? tables.TypeOf(step.Node).ZeroPoint : 0)
            : Carried.Address(step.Name, range.Name, integers ? CElement.Int16 : CElement.Float, range.Length);
    }
}
