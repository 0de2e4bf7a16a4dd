using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The common data of the files of one export: plans, names, tables and the bodies of the functions. The network is not run for it.
/// </summary>
internal sealed class CModel
{
    /// <summary>Plans the exported functions and writes their bodies.</summary>
    /// <param name="source">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in its layout.</param>
    /// <param name="state">The state that ops keep without training it, in its layout.</param>
    /// <param name="options">Names, arithmetic, storage, training.</param>
    public CModel(Plan source, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, CExportOptions options)
    {
        Node[] outputs = [.. source.Outputs.Distinct()];
        Check(source, outputs, parameters, options);
        Classes = CClasses.Of(outputs, options);
        if (options.Carry || options.Stream is not null)
        {
            CStream fed = new(source, outputs, parameters, state, options);
            (Stream, WindowSteps) = options.Stream is null ? (null, fed.Steps) : (fed, 0);
            (source, outputs, options) = (fed.Plan, fed.Outputs, fed.Options);
            parameters = fed.Parameters;
            state = fed.State;
        }

        Options = options;
        NetworkOutputs = outputs;
        Plan = PlanOf(source, outputs, options);
        if (!IsCut)
        {
            // Integers have no arithmetic to choose.
            options.Target?.Require(Plan.Options.Arithmetic);
        }

        outputs = [.. Plan.Outputs];
        Plan? trainingPlan = options.Training is { } wanted ? CTraining.PlanOf(source.Graph, Plan.Options.Arithmetic, wanted) : null;
        if (options.Training is { Initializer: not null } begins)
        {
            (float[] drawn, float[] kept) = CFirstWeights.Values(source, trainingPlan!, parameters, state, begins);
            parameters = drawn;
            state = kept;
        }

        Arguments = new CArguments(Plan.Options.Given.Count > 0 ? Plan : source, outputs, trainingPlan);
        CheckPreparation();
        Prefix = CText.Prefix(options.Name);
        Tables = new CTables(Prefix, source, Plan, trainingPlan, parameters, state, options);
        Program = new CProgram(Prefix) { IsSmall = options.Favor == CFavor.Size };
        Training = trainingPlan is null ? null : new CTraining(options.Training!, trainingPlan, Tables.Parameters, Plan.WorkspaceLength, COpList.For);
        Prediction = new CPrediction(Plan, Arguments, Tables, Training, Program, Stream is not null);
        TrainingBodies = Training is null ? null : new CTrainingBodies(Training, Arguments, Tables, Program);
        CheckArrays();
    }

    /// <summary>The plan of NAME_predict.</summary>
    public static Plan PlanOf(Plan source, Node[] outputs, CExportOptions options)
    {
        CIntegerEnds ends = CIntegerEnds.Of(source, outputs);
        PlanOptions planned = new()
        {
            Batch = 1,
            Arithmetic = options.Arithmetic ?? source.Options.Arithmetic,
            Layout = Layout.Compact,
            InputsAndOutputsByReference = true,
            MovesInPlace = true,
            InputsInWorkspace = options.InputInArena,
            Blocks = true,
            Given = ends.Given,
        };
        return Plan.ForInference(source.Graph, planned, ends.Outputs);
    }

    /// <summary>The identifier that functions and files begin with.</summary>
    public string Prefix { get; }

    /// <summary>The same in capitals, for macros.</summary>
    public string Macro => Prefix.ToUpperInvariant();

    public CExportOptions Options { get; }

    /// <summary>The plan of NAME_predict.</summary>
    public Plan Plan { get; }

    public Arithmetic Arithmetic => Plan.Options.Arithmetic;

    /// <summary>The hash of the network's own weights, before a storage rounds them; empty where no file is written.</summary>
    public string Hash { get; init; } = "";

    /// <summary>The time steps that the network was made for, where it is fed one a call; else 0.</summary>
    public int WindowSteps { get; }

    /// <summary>The network as a stream that NAME_push feeds; null where NAME_predict takes whole samples, or a time step a call.</summary>
    public CStream? Stream { get; }

    /// <summary>
    /// Elements of the state, where it is one array: what layers keep from call to call, and of a stream the samples of a hop and two counts.
    /// </summary>
    public int StateLength => Prediction.Carried.Length + (Stream is null ? 0 : Inputs.Sum(input => input.Length) + 2);

    /// <summary>Whether there is a state: what layers keep, or the samples of a hop.</summary>
    public bool HasState => Prediction.Carries || Stream is not null;

    /// <summary>The C type of the state's elements, or of all of it where it is a structure.</summary>
    public string StateType => Prediction.Carried.Type(Prefix);

    /// <summary>Bytes of the state.</summary>
    public long StateBytes =>
        Prediction.Carried.Bytes + (Stream is null ? 0 : Inputs.Sum(input => input.Bytes) + (2 * sizeof(int)));

    /// <summary>Elements that NAME_prepare reads and writes: a sample, or a step of time of a stream.</summary>
    public int PreparedLength => Stream?.Step ?? Inputs[0].Length;

    /// <summary>The classes that the network decides between; null where it computes numbers.</summary>
    public CClasses? Classes { get; }

    /// <summary>Floats of the arena of NAME_predict; 0 where no step works in what the plan reserves.</summary>
    public int ArenaLength => Prediction.UsesArena ? Plan.WorkspaceLength : 0;

    /// <summary>The arguments of all functions.</summary>
    public CArguments Arguments { get; }

    /// <summary>The arguments of NAME_predict.</summary>
    public CArgument[] Inputs => Arguments.PredictionInputs;

    /// <summary>The pointers to inputs that NAME_predict takes: none where they lie in the arena.</summary>
    public IEnumerable<string> InputPointers => Options.InputInArena ? [] : Inputs.Select(input => input.Pointer);

    /// <summary>Whether values are of integers.</summary>
    public bool HoldsIntegers => Prediction.HoldsIntegers;

    /// <summary>Whether the C begins and ends with integers, where the network begins and ends with floats.</summary>
    public bool IsCut => Plan.Options.Given.Count > 0;

    /// <summary>What follows NAME_ in the name of the function: it predicts with floats, or runs integers.</summary>
    public string RunName => IsCut ? "run" : "predict";

    /// <summary>The outputs of the network; where <see cref="IsCut"/> says so, those of the C are integers that these are made of.</summary>
    public Node[] NetworkOutputs { get; }

    /// <summary>The results of NAME_predict.</summary>
    public CArgument[] Outputs => Arguments.Outputs;

    public CTables Tables { get; }

    /// <summary>The routines of all functions.</summary>
    public CProgram Program { get; }

    /// <summary>The functions that NAME.c has itself: all that it uses, without those of a shared runtime.</summary>
    public CFunctions OwnFunctions => Program.Functions & ~(Options.Runtime is null ? CFunctions.None : CMath.Shared);

    /// <summary>Whether NAME.c multiplies and adds in one rounding, for which some processors and compilers have no instruction.</summary>
    public bool MayEmulateFma => Arithmetic == Arithmetic.Fused && CMath.WithUsed(OwnFunctions).HasFlag(CFunctions.MultiplyAdd);

    /// <summary>NAME_predict.</summary>
    public CPrediction Prediction { get; }

    /// <summary>The training step; null for a network that only predicts.</summary>
    public CTraining? Training { get; }

    /// <summary>The bodies of its functions; null for a network that only predicts.</summary>
    public CTrainingBodies? TrainingBodies { get; }

    /// <summary>The parameters of NAME_predict after the inputs; without training also those of NAME_selftest.</summary>
    public string OutputParameters =>
        string.Join(", ", Outputs.Select(output => $"{output.Element.Type} *{output.Pointer}"))
        + (Training is not null ? "" : HoldsIntegers ? $", {Prefix}_memory *memory" : ", float *arena")
        + (Prediction.Carries ? $", {StateType} *state" : "");

    /// <summary>The arguments for them.</summary>
    public string OutputArguments =>
        string.Join(", ", Outputs.Select(output => output.Pointer))
        + (Training is not null ? "" : HoldsIntegers ? ", memory" : ", arena")
        + (Prediction.Carries ? ", state" : "");

    /// <summary>The parameters of NAME_predict.</summary>
    public string PredictParameters =>
        (Training is null ? "" : $"const {Prefix}_model *model, ")
        + string.Concat(Options.InputInArena ? [] : Inputs.Select(input => $"const {input.Element.Type} *{input.Pointer}, "))
        + OutputParameters;

    /// <summary>What the self-test of a training takes, in floats: memory, the outputs of a prediction, and the samples of a call.</summary>
    public long SelfTestFloats =>
        (long)(Training?.Length ?? 0)
        + Outputs.Sum(output => (long)output.Length)
        + ((Training?.Batch ?? 0) * Arguments.Training.Sum(argument => (long)argument.Length));

    /// <summary>
    /// The samples whose results the self-test compares. A wrong order of sums shows in some results only, so a network with few outputs needs more
    /// samples.
    /// </summary>
    public int SelfTestSamples
    {
        get
        {
            const long Fewest = 4, Results = 32, MostInputs = 16384;
            if (Options.SelfTestSamples > 0)
            {
                return Options.SelfTestSamples;
            }

            long outputs = Outputs.Sum(output => (long)output.Length), inputs = Inputs.Sum(input => (long)input.Length);
            long wanted = Math.Max(Fewest, Math.Min((Results + outputs - 1) / outputs, MostInputs / inputs));
            long largest =
                (Options.Target?.LargestArray ?? long.MaxValue) / (sizeof(float) * (long)Inputs.Concat(Outputs).Max(argument => argument.Length));
            return (int)Math.Max(1, Math.Min(wanted, largest));
        }
    }

    /// <summary>What has no meaning for integers, or no C yet.</summary>
    private static void RefuseOfIntegers(CExportOptions options)
    {
        if (options.Storage != CStorage.Float32 || options.StorageOf.Count > 0)
        {
            ExportErrors.NotOfIntegers("the storage of weights");
        }

        if (options.Training is not null)
        {
            ExportErrors.NotOfIntegers("training on the device");
        }

        if (options.BinaryWeights)
        {
            ExportErrors.NotOfIntegers("weights as a binary");
        }
    }

    private static void Check(Plan source, Node[] outputs, ReadOnlySpan<float> parameters, CExportOptions options)
    {
        if (outputs.Length == 0)
        {
            ExportErrors.NoOutput();
        }

        if (source.Graph.Nodes.Any(node => node.Integers is not null))
        {
            RefuseOfIntegers(options);
        }
        else if (options.CmsisTables)
        {
            ExportErrors.NoIntegers();
        }

        if (parameters.Length < source.ParameterLength)
        {
            GraphErrors.MemoryTooSmall("parameters", source.ParameterLength, parameters.Length);
        }

        if (options is { InputInArena: true, Training: not null })
        {
            ExportErrors.InputInArenaOfTraining();
        }

        if (options.SelfTestSamples < 0)
        {
            Errors.Negative(nameof(options.SelfTestSamples), options.SelfTestSamples);
        }
    }

    /// <summary>Of several inputs, the first one holds the measured values.</summary>
    private void CheckPreparation()
    {
        int means = Options.InputMeans.Count, scales = Options.InputScales.Count;
        if (means + scales > 0 && (means != PreparedLength || scales != means))
        {
            ExportErrors.WrongPreparation(PreparedLength, means, scales);
        }
    }

    /// <summary>Refuses arrays that the target's compiler would refuse.</summary>
    private void CheckArrays()
    {
        CTarget? target = Options.Target;
        foreach (CTable table in Tables.All)
        {
            bool holdsFloats = table is { Integers: null, Storage: CStorage.Float32 };
            target?.RequireArray(table.Source, table.ArrayBytes, holdsFloats ? "; float16 or int8 would be smaller" : "");
        }

        target?.RequireArray(
            Prefix + "_weights.bin", Tables.Blob?.Bytes ?? 0, "; weights as C are several arrays");
        target?.RequireArray("the arena", sizeof(float) * (long)ArenaLength);
        target?.RequireArray("the memory of training", sizeof(float) * (long)(Training?.Length ?? 0));
        if (Training is not null)
        {
            CTraining.RequireBytes("the memory of training with its self-test", sizeof(float) * SelfTestFloats);
        }

        target?.RequireArray("the carried state", StateBytes);
        foreach (CArgument argument in Inputs.Concat(Outputs))
        {
            target?.RequireArray(
                $"the self-test's {CText.Number(SelfTestSamples)} samples of {argument.Name}",
                SelfTestSamples * argument.Bytes);
        }
    }
}
