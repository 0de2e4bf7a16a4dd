using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Is backpropagation right? The backward pass in double is compared with difference quotients of the forward pass in double, and the float backward
/// pass with the double one. Source: Nielsen, chapter 2, equation 46, with a quotient of fourth order.
/// </summary>
public static class GradientCheck
{
    /// <summary>Checks a network on the first samples of a source (as many as its batch holds).</summary>
    /// <exception cref="InvalidOperationException">The network was compiled without a loss.</exception>
    public static GradientCheckReport Run(Network network, IBatchSource source, GradientCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        Plan? plan = network.TrainingPlan;
        if (plan is null)
        {
            GraphErrors.InferenceOnly();
        }

        network.CheckFits(source);
        int batch = Math.Min(network.MicroBatch, source.Count);
        int[] samples = [.. Enumerable.Range(0, batch)];
        float[] x = new float[batch * source.InputLength], y = new float[batch * source.TargetLength];
        source.Gather(samples, x, source.InputLength, y, source.TargetLength);
        Dictionary<Node, float[]> values = [];
        Deal(network.Inputs, x, source.InputLength, batch, values);
        Deal(network.Targets, y, source.TargetLength, batch, values);
        return Run(plan!, network.BorrowParameters(), values, batch, options, network.BorrowState());
    }

    /// <summary>Checks a training plan; inputs whose gradient the plan computes are checked, too.</summary>
    /// <param name="plan">The training plan.</param>
    /// <param name="parameters">Where the gradient is taken, in the plan's layout.</param>
    /// <param name="inputs">A value of [batch, length] for every input of the graph.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="options">How thoroughly and how strictly.</param>
    /// <param name="state">The state that every pass begins with, so that all see the same; empty for the initial one.</param>
    /// <exception cref="ArgumentException">An input has no value, or one of another length; the parameters have another length than the
    /// plan's.</exception>
    /// <exception cref="InvalidOperationException">The plan has no loss.</exception>
    public static GradientCheckReport Run(
        Plan plan, ReadOnlySpan<float> parameters, IReadOnlyDictionary<Node, float[]> inputs, int batch, GradientCheckOptions? options = null,
        ReadOnlySpan<float> state = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(inputs);
        CheckArguments(plan, parameters, inputs, batch);
        options ??= new GradientCheckOptions();
        if (plan.GradientLength == 0)
        {
            // The same plan with a span for the gradients that are to be looked at.
            plan = Plan.ForTraining(plan.Graph, plan.Options with { UpdateInBackward = false, MemoryBudget = 0 }, [.. plan.Losses]);
        }

        float[] begin = new float[plan.StateLength];
        plan.InitializeState<float>(begin);
        state[..Math.Min(state.Length, begin.Length)].CopyTo(begin);
        Oracle oracle = new(plan, parameters, begin, inputs, batch);
        float[] floatGradients = FloatGradients(plan, parameters, begin, inputs, batch, out Dictionary<Node, float[]> floatInputGradients);
        oracle.Backward();
        // Read now: every further forward pass writes the same workspace.
        Dictionary<Node, double[]> exactInputGradients = floatInputGradients.Keys.ToDictionary(node => node, oracle.InputGradient);

        double whole = Norm(plan, oracle.Gradients, exactInputGradients.Values);
        List<GradientCheckRow> rows = [];
        foreach (ParameterRange range in plan.Parameters)
        {
            double[] exact = new double[range.Count];
            range.CopyTo<double>(oracle.Gradients, exact);
            float[] approximate = new float[range.Count];
            range.CopyTo<float>(floatGradients, approximate);
            ParameterRange tensor = range;
            Add(Check(range.Name, exact, approximate, element => oracle.Parameter(tensor, element), oracle, whole, options));
        }

        foreach ((Node node, float[] approximate) in floatInputGradients)
        {
            Add(Check(node.Name, exactInputGradients[node], approximate, element => oracle.InputElement(node, element), oracle, whole, options));
        }

        return new GradientCheckReport(rows, oracle.ForwardPasses);

        void Add(GradientCheckRow row)
        {
            rows.Add(row);
            options.Progress?.Invoke(row);
        }
    }

    /// <summary>Cuts rows of concatenated values into those of the nodes.</summary>
    private static void Deal(IReadOnlyList<Node> nodes, float[] rows, int length, int batch, Dictionary<Node, float[]> values)
    {
        int first = 0;
        foreach (Node node in nodes)
        {
            int columns = node.Shape.Length;
            values[node] = new float[batch * columns];
            for (int row = 0; row < batch; row++)
            {
                rows.AsSpan((row * length) + first, columns).CopyTo(values[node].AsSpan(row * columns));
            }

            first += columns;
        }
    }

    private static void CheckArguments(Plan plan, ReadOnlySpan<float> parameters, IReadOnlyDictionary<Node, float[]> inputs, int batch)
    {
        if (plan.Loss is null)
        {
            GraphErrors.InferenceOnly();
        }

        if (batch < 1 || batch > plan.Batch)
        {
            GraphErrors.BatchTooLarge(plan.Batch, batch);
        }

        if (parameters.Length != plan.ParameterLength)
        {
            Errors.LengthDiffers("parameters", plan.ParameterLength, parameters.Length);
        }

        foreach (Step step in plan.Steps)
        {
            foreach (Node input in step.InputNodes)
            {
                if (input.Op is null && !inputs.ContainsKey(input))
                {
                    TrainingErrors.InputMissing(input.Name);
                }
            }
        }

        foreach ((Node node, float[] values) in inputs)
        {
            if (values.Length != batch * node.Shape.Length)
            {
                Errors.LengthDiffers(node.Name, batch * node.Shape.Length, values.Length);
            }
        }
    }

    private static float[] FloatGradients(
        Plan plan,
        ReadOnlySpan<float> parameters,
        float[] state,
        IReadOnlyDictionary<Node, float[]> inputs,
        int batch,
        out Dictionary<Node, float[]> inputGradients)
    {
        float[] gradients = new float[plan.ParameterLength], workspace = new float[plan.WorkspaceLength];
        PlanMemory<float> memory = new(parameters.ToArray(), gradients, workspace, (float[])state.Clone());
        RunInfo run = RunInfo.Single(batch, training: true);
        foreach ((Node node, float[] values) in inputs)
        {
            WriteRows<float>(values, plan.ValueSpan<float>(workspace, node, batch), node.Shape.Length, plan.Stride(node), batch);
        }

        plan.Forward(in memory, in run);
        plan.Backward(in memory, in run);
        inputGradients = [];
        foreach (Node node in inputs.Keys)
        {
            if (plan.HasGradient(node))
            {
                inputGradients[node] = ReadRows<float>(plan.GradientSpan<float>(workspace, node, batch), node.Shape.Length, plan.Stride(node), batch);
            }
        }

        return gradients;
    }

    private static GradientCheckRow Check(
        string name, double[] exact, float[] approximate, Func<int, Place> place, Oracle oracle, double whole, GradientCheckOptions options)
    {
        int wanted = Math.Min(exact.Length, options.ElementsPerTensor), kinks = 0;
        double squaredError = 0, squaredReference = 0, squaredResolution = 0;
        for (int i = 0; i < wanted; i++)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            int element = (int)((long)i * exact.Length / wanted);
            if (oracle.Difference(place(element), options.Step) is not { } quotient)
            {
                kinks++;
                continue;
            }

            squaredError += Square(exact[element] - quotient.Value);
            squaredReference += Square(quotient.Value);
            squaredResolution += Square(quotient.Resolution);
        }

        double squaredFloat = 0, squaredExact = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            squaredFloat += Square(approximate[i] - exact[i]);
            squaredExact += Square(exact[i]);
        }

        // Where a gradient cancels to 0 (half the samples above, half below), the differences are nothing but the loss's rounding: that is no
        // reference.
        double differenceError = squaredReference > squaredResolution
            ? Relative(squaredError, squaredReference, options.DifferenceFloor * whole)
            : Math.Sqrt(squaredError);
        double floatError = Relative(squaredFloat, squaredExact, options.FloatFloor * whole);
        bool passed = kinks < wanted && differenceError <= options.DifferenceLimit && floatError <= options.FloatLimit;
        return new GradientCheckRow(name, exact.Length, wanted - kinks, kinks, Math.Sqrt(squaredExact), differenceError, floatError, passed);
    }

    private static double Square(double x) => x * x;

    /// <summary>Where neither the tensor nor any other has a gradient the absolute error counts.</summary>
    private static double Relative(double squaredError, double squaredReference, double floor)
    {
        double reference = Math.Max(Math.Sqrt(squaredReference), floor);
        return reference > 0 ? Math.Sqrt(squaredError) / reference : Math.Sqrt(squaredError);
    }

    private static double Norm(Plan plan, double[] gradients, IEnumerable<double[]> inputGradients)
    {
        double squared = 0;
        foreach (ParameterRange range in plan.Parameters)
        {
            double[] tensor = new double[range.Count];
            range.CopyTo<double>(gradients, tensor);
            squared += tensor.Sum(Square);
        }

        return Math.Sqrt(squared + inputGradients.Sum(gradient => gradient.Sum(Square)));
    }

    private static void WriteRows<T>(float[] values, Span<T> target, int columns, int stride, int rows)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                target[(row * stride) + column] = T.CreateChecked(values[(row * columns) + column]);
            }
        }
    }

    private static T[] ReadRows<T>(ReadOnlySpan<T> source, int columns, int stride, int rows)
    {
        T[] values = new T[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            source.Slice(row * stride, columns).CopyTo(values.AsSpan(row * columns));
        }

        return values;
    }

    /// <summary>One element that can be moved: of the parameters, or of an input.</summary>
    private readonly record struct Place(double[] Array, int Index);

    /// <summary>A difference quotient, and the error that the rounding of the loss alone can cause.</summary>
    private readonly record struct Quotient(double Value, double Resolution);

    /// <summary>The plan in double, with memory of its own.</summary>
    private sealed class Oracle
    {
        private const double RoundingUnit = 1.1102230246251565e-16; // 2^-53

        private readonly Plan plan;
        private readonly double[] parameters;
        private readonly double[] workspace;
        private readonly double[] beginState;
        private readonly double[] state;
        private readonly Dictionary<Node, double[]> inputs = [];
        private readonly RunInfo run;

        public Oracle(Plan plan, ReadOnlySpan<float> given, float[] givenState, IReadOnlyDictionary<Node, float[]> values, int batch)
        {
            this.plan = plan;
            parameters = new double[plan.ParameterLength];
            for (int i = 0; i < parameters.Length; i++)
            {
                parameters[i] = given[i];
            }

            Gradients = new double[plan.ParameterLength];
            workspace = new double[plan.WorkspaceLength];
            beginState = Array.ConvertAll(givenState, value => (double)value);
            state = new double[beginState.Length];
            run = RunInfo.Single(batch, training: true);
            foreach ((Node node, float[] value) in values)
            {
                inputs[node] = new double[batch * plan.Stride(node)];
                WriteRows<double>(value, inputs[node], node.Shape.Length, plan.Stride(node), batch);
            }
        }

        public double[] Gradients { get; }

        public long ForwardPasses { get; private set; }

        public Place Parameter(ParameterRange range, int element)
        {
            // element counts in [out, in] order, memory is [in][out]
            int column = element / range.Rows, row = element % range.Rows;
            return new Place(parameters, range.Offset + (row * range.Stride) + column);
        }

        public Place InputElement(Node node, int element)
        {
            int columns = node.Shape.Length;
            return new Place(inputs[node], (element / columns * plan.Stride(node)) + (element % columns));
        }

        public double[] InputGradient(Node node) =>
            ReadRows<double>(plan.GradientSpan<double>(workspace, node, run.Batch), node.Shape.Length, plan.Stride(node), run.Batch);

        public void Backward()
        {
            Loss();
            plan.Backward(new PlanMemory<double>(parameters, Gradients, workspace, state), in run);
        }

        /// <summary>(8 (f(+h) - f(-h)) - (f(+2h) - f(-2h))) / 12h: error of order h^4. Null where the loss has a kink within the step.</summary>
        public Quotient? Difference(Place place, double relativeStep)
        {
            ref double value = ref place.Array[place.Index];
            double kept = value, h = relativeStep * Math.Max(1, Math.Abs(kept));
            double middle = Loss();
            value = kept + h;
            double above = Loss();
            value = kept - h;
            double below = Loss();
            value = kept + (2 * h);
            double farAbove = Loss();
            value = kept - (2 * h);
            double farBelow = Loss();
            value = kept;

            // For a smooth loss the second difference over 2h is four times that over h, up to terms of order h^4; a kink gives up to twice.
            double near = above - (2 * middle) + below, far = farAbove - (2 * middle) + farBelow;
            double noise = 1e-13 * Math.Max(1, Math.Abs(middle));
            return Math.Abs(far - (4 * near)) > noise + (1e-3 * h * h)
                ? null
                : new Quotient(((8 * (above - below)) - (farAbove - farBelow)) / (12 * h), 16 * RoundingUnit * Math.Abs(middle) / h);
        }

        private double Loss()
        {
            foreach ((Node node, double[] value) in inputs)
            {
                value.CopyTo(plan.ValueSpan<double>(workspace, node, run.Batch));
            }

            // A pass changes running means and carried state: every one begins as the first did.
            beginState.CopyTo(state, 0);
            ForwardPasses++;
            plan.Forward(new PlanMemory<double>(parameters, Gradients, workspace, state), in run);
            return plan.TotalLoss(workspace.AsSpan(), run.Batch);
        }
    }
}
