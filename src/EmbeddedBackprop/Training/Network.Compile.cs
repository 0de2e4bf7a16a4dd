using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Training;

/// <content>From a graph to a network: its plans, its memory, its threads.</content>
public sealed partial class Network
{
    /// <summary>Compiles a graph with one input and one output for training and for prediction.</summary>
    /// <param name="input">The input that samples are written to.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="loss">The loss; null for a network that only predicts.</param>
    /// <param name="options">Batch, arithmetic, layout, initial weights, optimiser.</param>
    /// <param name="memory">The caller's memory of at least <see cref="MemoryLength"/> floats; null to have it allocated.</param>
    /// <exception cref="ArgumentException">The nodes do not fit together, or the memory is too small; the message names both sizes.</exception>
    public Network(Node input, Node output, Node? loss, NetworkOptions options, Memory<float>? memory = null)
        : this([input], [output], loss is null ? [] : [loss], options, memory)
    {
    }

    /// <summary>Compiles a graph with several inputs, outputs and losses for training and for prediction.</summary>
    /// <param name="inputs">The inputs that samples are written to; a row of a data set is dealt out to them in this order.</param>
    /// <param name="outputs">The predictions.</param>
    /// <param name="losses">The losses, whose sum (each times its weight) is minimised; none for a network that only predicts.</param>
    /// <param name="options">Batch, arithmetic, layout, initial weights, optimiser.</param>
    /// <param name="memory">The caller's memory of at least <see cref="MemoryLength"/> floats; null to have it allocated.</param>
    /// <exception cref="ArgumentException">The nodes do not fit together, or the memory is too small; the message names both sizes. Or a loss judges
    /// an activation that gives values outside what it can judge.</exception>
    public Network(
        ReadOnlySpan<Node> inputs, ReadOnlySpan<Node> outputs, ReadOnlySpan<Node> losses, NetworkOptions options, Memory<float>? memory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireInputs(inputs);
        RequireOutputs(outputs);
        this.inputs = inputs.ToArray();
        this.outputs = outputs.ToArray();
        Graph graph = outputs[0].Graph;
        Options = options.Initializer is ByActivation
            ? options with { Initializer = ByActivation.For(Array.FindAll(graph.Ops.Items(), op => op is not Losses.Loss)) }
            : options;
        PlanOptions planOptions = new()
        {
            Batch = options.Batch, Arithmetic = options.Arithmetic, Layout = options.Layout,
            SavesMemory = options.MemoryBudget > 0 || options.MemoryLimit > 0,
        };
        lossValues = new float[losses.Length];
        targets = BatchFeed.TargetsOf(losses, this.inputs);
        feed = new BatchFeed(this.inputs, targets);
        InferencePlan = Plan.ForInference(graph, planOptions, outputs);
        if (losses.Length > 0)
        {
            TrainingPlan = PlanTraining(graph, losses, planOptions, options, InferencePlan.ParameterLength, feed.RowLength);
            if (TrainingPlan.Options.MicroBatch > 0)
            {
                InferencePlan = Plan.ForInference(graph, planOptions with { MicroBatch = TrainingPlan.Options.MicroBatch }, outputs);
            }

            LossDomain.Require(TrainingPlan.LossSteps);
            Loss = (Loss)losses[0].Op!;
            Target = losses[0].Inputs[1];
            EndsWhereNotFinite = TrainingPlan.CanUpdateInBackward && DescendsPlainly(options);
            UpdatesInBackward = EndsWhereNotFinite && MayFuseUpdate(options);
            OneSampleSteps steps = TrainingPlan.OneSampleSteps;
            finiteWeights = steps.LeaveOutZeros ? new FiniteWeights(steps.Reporting) : null;
        }

        MemorySizes sizes = new(
            InferencePlan.ParameterLength,
            TrainingPlan?.GradientLength ?? 0,
            TrainingPlan?.Options.OptimizerStateLength ?? 0,
            InferencePlan.StateLength,
            Math.Max(InferencePlan.WorkspaceLength, TrainingPlan?.WorkspaceLength ?? 0),
            losses.Length == 0 ? 0 : Rows(MicroBatch, feed.RowLength));
        if (options.MemoryLimit > 0 && 4L * sizes.Total(options.Layout) > options.MemoryLimit)
        {
            GraphErrors.AboveMemoryLimit(options.MemoryLimit, 4L * sizes.Total(options.Layout));
        }

        if (options.MemoryBudget > 0 && 4L * sizes.Total(options.Layout) > options.MemoryBudget)
        {
            GraphErrors.BudgetTooSmall(options.MemoryBudget, 4L * sizes.Total(options.Layout), "a prediction takes more than a training step");
        }

        this.memory = new NetworkMemory(options.Layout, sizes, memory);
        shared = new SharedParameters(this.memory.Parameters, this.memory.State) { IsExposed = memory is not null };
        InputLength = feed.InputLength;
        OutputLength = BatchFeed.Sum(this.outputs);
        int threads = ThreadsFor(options.Threads, TrainingPlan ?? InferencePlan);
        pool = threads > 1 ? new WorkerPool(threads) : null;
        own = new Predictor(this, shared, this.memory, pool);
        Initialize(options.Seed);
    }

    private static bool MayFuseUpdate(NetworkOptions options) => options.Execution == Execution.Vector && DescendsPlainly(options);

    private static bool DescendsPlainly(NetworkOptions options) =>
        options is { Optimizer: Sgd, FuseUpdate: true, Regularization: { L1: 0f, MaxNorm: 0f } } && options.Clipping == Clipping.None;

    private static Plan PlanTraining(
        Graph graph, ReadOnlySpan<Node> losses, PlanOptions planOptions, NetworkOptions options, int parameterLength, int rowLength)
    {
        planOptions = planOptions with
        {
            MemoryBudget = options.MemoryBudget,
            OptimizerStateLength = options.Optimizer.StateLength(parameterLength),
            RowLength = rowLength,
            Frozen = options.Frozen,
            UpdateInBackward = options.MemoryBudget > 0 && MayFuseUpdate(options),
        };
        Plan plan = Plan.ForTraining(graph, planOptions, losses);
        return options is { KeepGradients: false, MemoryBudget: 0 } && MayFuseUpdate(options) && plan.CanUpdateInBackward
            ? Plan.ForTraining(graph, planOptions with { UpdateInBackward = true }, losses)
            : plan;
    }

    /// <summary>Floats of a batch of a source's samples, which are dealt out to the inputs and targets.</summary>
    private static int Rows(int batch, int length)
    {
        long floats = (long)batch * length;
        if (floats > int.MaxValue)
        {
            Errors.TooLarge("a batch of samples", floats);
        }

        return (int)floats;
    }

    private static void RequireInputs(ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length == 0)
        {
            Errors.NotPositive(nameof(inputs), 0);
        }

        foreach (Node input in inputs)
        {
            ArgumentNullException.ThrowIfNull(input);
            if (input.Op is not null)
            {
                TrainingErrors.NotAnInput(input.Name);
            }
        }
    }

    private static void RequireOutputs(ReadOnlySpan<Node> outputs)
    {
        if (outputs.Length == 0)
        {
            Errors.NotPositive(nameof(outputs), 0);
        }

        foreach (Node output in outputs)
        {
            ArgumentNullException.ThrowIfNull(output);
        }
    }

    private static int ThreadsFor(int wish, Plan plan)
    {
        if (wish is < 0 or > WorkerPool.MaximumThreads)
        {
            Errors.OutOfRange("threads", wish, $"0 (automatic) to {WorkerPool.MaximumThreads}");
        }

        // WebAssembly has one thread.
        if (OperatingSystem.IsBrowser() || OperatingSystem.IsWasi())
        {
            return 1;
        }

        return wish == 0 ? Math.Min(plan.WorthwhileThreads(Environment.ProcessorCount), WorkerPool.MaximumThreads) : wish;
    }
}
