using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Documentation;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// One graph with every op of the engine in it, at sizes drawn by a seed: an input and an output for each case, so that one program tests them all.
/// </summary>
internal sealed class CZoo
{
    private readonly List<Node> outputs = [];
    private readonly Random random;
    private int count;

    public CZoo(int seed)
        : this(seed, zoo => zoo.AddAll())
    {
    }

    private CZoo(int seed, Action<CZoo> add)
    {
        random = new Random(seed);
        add(this);
        Plan = Plan.ForInference(Graph, new PlanOptions { Batch = 1 }, [.. outputs]);
        Parameters = new float[Plan.ParameterLength];
        foreach (ParameterRange range in Plan.Parameters)
        {
            range.CopyFrom<float>([.. Samples.Array(range.Count, ++seed)], Parameters);
        }

        State = new float[Plan.StateLength];
        Plan.InitializeState<float>(State);
        foreach (StateRange range in Plan.State)
        {
            Span<float> values = State.AsSpan(range.Offset, range.Length);
            for (int i = 0; i < values.Length && !range.PerSample; i++)
            {
                values[i] = range.Name.EndsWith("var", StringComparison.Ordinal) ? 0.1f + random.NextSingle() : random.NextSingle() - 0.5f;
            }
        }
    }

    /// <summary>Convolutions alone, each with what may become a block with it.</summary>
    public static CZoo OfBlocks(int seed, int count) => new(seed, zoo =>
    {
        for (int i = 0; i < count; i++)
        {
            zoo.AddBlock(image: i % 4 > 0);
        }

        zoo.AddShared();
    });

    public Graph Graph { get; } = new();

    public Plan Plan { get; }

    public float[] Parameters { get; }

    public float[] State { get; }

    public Node[] Inputs => [.. Graph.Nodes.Where(node => node.Op is null)];

    public Node[] Outputs => [.. outputs];

    /// <summary>Every kind of op in the graph.</summary>
    public IEnumerable<Type> OpTypes =>
        Graph.Ops.Select(op => op.GetType()).Select(type => type.IsGenericType ? type.GetGenericTypeDefinition() : type).Distinct();

    /// <summary>The options of an export of the zoo.</summary>
    public static CExportOptions Options(Arithmetic arithmetic, CStorage storage = CStorage.Float32) =>
        new() { Name = "zoo", Arithmetic = arithmetic, SelfTestSamples = 5, Storage = storage };

    public IReadOnlyList<(string Name, string Text)> Export(CExportOptions options) => CExporter.Generate(Plan, Parameters, options, State);

    /// <summary>The engine's results, sample after sample, with the stored weights and with the state that recurrent layers carry.</summary>
    public float[][] Run(CExportOptions options, float[][] samples)
    {
        Plan plan = Plan.ForInference(Graph, new PlanOptions { Batch = 1, Arithmetic = options.Arithmetic!.Value }, [.. outputs]);
        float[] stored = CExporter.StoredParameters(Plan, Parameters, options);
        float[] workspace = new float[plan.WorkspaceLength], state = [.. State];
        return [.. samples.Select(sample =>
        {
            int from = 0;
            foreach (Node input in Inputs)
            {
                sample.AsSpan(from, input.Shape.Length).CopyTo(plan.ValueSpan<float>(workspace, input, 1));
                from += input.Shape.Length;
            }

            plan.Forward(new PlanMemory<float>(stored, [], workspace, state), RunInfo.Single(1));
            return (float[])[.. outputs.SelectMany(output => plan.ValueSpan<float>(workspace, output, 1)[..output.Shape.Length].ToArray())];
        })];
    }

    /// <summary>Values for all inputs of one sample; where a table is read they are indices of rows.</summary>
    public float[] Sample(int seed, Numbers numbers) =>
        [
            .. Inputs.SelectMany(
                (input, i) =>
                {
                    float[] values = Samples.Array(
                        input.Shape.Length,
                        (seed * 1000) + i,
                        input.Name.StartsWith("rows", StringComparison.Ordinal) ? Numbers.Plain : numbers);
                    return input.Name.StartsWith("rows", StringComparison.Ordinal)
                        ? [.. values.Select(x => MathF.Floor(MathF.Abs(x) * 4.99f))]
                        : values;
                }),
        ];

    private int Draw(int least, int most) => random.Next(least, most + 1);

    private Node In(Shape shape, string name = "x") => Graph.Input(shape, name + CText.Number(count++));

    private Node Out(Op op, params Node[] inputs)
    {
        Node output = Graph.Apply(op, inputs, $"{op.Kind} y{CText.Number(count++)}");
        outputs.Add(output);
        return output;
    }

    private void AddAll()
    {
        for (int i = 0; i < 4; i++)
        {
            AddConvolutions();
        }

        AddPools();
        AddNorms();
        AddMovements();
        AddSequences();
        AddShared();
        AddSignals();
        AddStreams();
    }

    private void AddBlock(bool image)
    {
        int groups = Draw(0, 2) == 0 ? Draw(2, 3) : 1, kernel = Draw(0, 9) == 0 ? 9 : Draw(1, 5);
        ConvOptions options = new()
        {
            StrideY = image ? Draw(1, 2) : 1,
            StrideX = Draw(1, 2),
            PaddingY = image ? Draw(0, 3) : 0,
            PaddingX = Draw(0, 1) * Draw(0, kernel),
            DilationY = image ? Draw(1, 2) : 1,
            DilationX = Draw(0, 3) == 0 ? 2 : 1,
            Groups = groups,
        };
        int filters = groups * Draw(1, 4), channels = groups * Draw(1, 3), width = (kernel * options.DilationX) + Draw(0, 14);
        Op conv = image
            ? new Conv2D(filters, Draw(1, 3), kernel, Function(), options)
            : new Conv1D(filters, kernel, Function(), options);
        Node y = Graph.Apply(conv, In(image ? new Shape(channels, Draw(5, 11), width) : new Shape(channels, width)));
        List<Op> ops = [];
        for (int i = Draw(0, 3); i > 0; i--)
        {
            ops.Add(Draw(0, 1) == 0 ? new BatchNorm() : new Activate(Function()));
        }

        int high = image ? y.Shape[1] : 1, wide = y.Shape[y.Shape.Rank - 1];
        (int Height, int Width) window = (Math.Min(Draw(1, 3), high), Math.Min(Draw(1, 3), wide));
        if (Draw(0, 2) > 0)
        {
            bool largest = Draw(0, 2) > 0;
            ops.Add((image, largest) switch
            {
                (true, true) => new MaxPool2D(window, window, (0, 0)),
                (true, false) => new AveragePool2D(window, window, (0, 0)),
                (false, true) => new MaxPool1D(window.Width, window.Width, 0),
                _ => new AveragePool1D(window.Width, window.Width, 0),
            });
        }

        foreach (Op op in ops)
        {
            y = Graph.Apply(op, y);
        }

        outputs.Add(y);
    }

    private Activation Function() => Draw(0, 11) switch
    {
        0 => new Activation<Tanh>(),
        1 => new Activation<Sigmoid>(),
        2 => new Activation<LeakyRelu>(),
        3 => new Activation<Gelu>(),
        4 => new Activation<Elu>(),
        5 => new Activation<Softplus>(),
        6 => new Activation<Relu6>(),
        < 10 => new Activation<Relu>(),
        _ => new Activation<Identity>(),
    };

    private void AddConvolutions()
    {
        int groups = Draw(1, 3);
        ConvOptions options = new()
        {
            StrideY = Draw(1, 2),
            StrideX = Draw(1, 3),
            PaddingY = Draw(0, 2),
            PaddingX = Draw(0, 2),
            DilationY = Draw(1, 2),
            DilationX = Draw(1, 2),
            Groups = groups,
        };
        Activation f = Draw(0, 1) == 0 ? new Activation<Identity>() : new Activation<Tanh>();
        Out(new Conv2D(groups * Draw(1, 3), Draw(1, 3), Draw(1, 3), f, options), In(new Shape(groups * Draw(1, 2), Draw(5, 8), Draw(5, 9))));
        Out(
            new Conv1D(
                Draw(1, 5),
                Draw(1, 5),
                f,
                new ConvOptions
                {
                    Padding = (ConvPadding)Draw(0, 2),
                    StrideX = Draw(1, 3),
                    DilationX = Draw(1, 3),
                }),
            In(new Shape(Draw(1, 3), Draw(13, 20))));
        ConvOptions more = options with
        {
            OutputPaddingY = options.StrideY - 1,
            OutputPaddingX = options.StrideX - 1,
            PaddingY = Draw(0, 1),
            PaddingX = Draw(0, 1),
        };
        Out(new ConvTranspose2D(groups * Draw(1, 3), Draw(1, 3), Draw(1, 3), f, more), In(new Shape(groups * Draw(1, 2), Draw(3, 5), Draw(3, 5))));
    }

    private void AddPools()
    {
        // Every element of the output is a long sum.
        Out(new ConvTranspose2D(3, 4, 4, new Activation<Identity>(), new ConvOptions { PaddingY = 1, PaddingX = 1 }), In(new Shape(3, 6, 6)));
        (int, int) window = (Draw(2, 3), Draw(2, 4)), stride = (Draw(1, 3), Draw(1, 3)), padding = (Draw(0, 1), Draw(0, 1));
        Out(new MaxPool2D(window, stride, padding), In(new Shape(Draw(1, 3), Draw(5, 8), Draw(5, 8))));
        Out(new AveragePool2D(window, stride, padding), In(new Shape(Draw(1, 3), Draw(5, 8), Draw(5, 8))));
        Out(new AveragePool2D(window, stride, padding) { CountIncludePad = true }, In(new Shape(Draw(1, 3), Draw(5, 8), Draw(5, 8))));
        Out(new MaxPool1D(Draw(2, 4), Draw(1, 3), 1), In(new Shape(Draw(1, 3), Draw(8, 12))));
        Out(new AveragePool1D(Draw(2, 4), Draw(1, 3), 1), In(new Shape(Draw(1, 3), Draw(8, 12))));
        Out(new GlobalAveragePool(), In(new Shape(3, Draw(3, 5), Draw(3, 9))));
        Out(new GlobalMaxPool(), In(new Shape(3, Draw(3, 5), Draw(3, 9))));
        // Zeros of both signs: which one is the largest tells the order of the comparisons.
        Out(new GlobalMaxPool(), Graph.Apply(new Scale(0f), In(new Shape(20, 5, Draw(4, 9)))));
    }

    private void AddNorms()
    {
        Out(new BatchNorm(), In(new Shape(3, 4, Draw(1, 5))));
        Node hidden = Graph.Apply(new Dense(Draw(5, 20), new Activation<Relu>()), In(new Shape(4)));
        Out(new BatchNorm { Epsilon = 0.01f }, hidden);
        Out(new LayerNorm(), In(new Shape(3, Draw(1, 40))));
        Out(new LayerNorm(), In(new Shape(6, Draw(33, 60))));
        Out(new LayerNorm { WholeSample = true, Epsilon = 0.125f }, In(new Shape(2, Draw(2, 20))));
        Out(new SoftmaxOverLastAxis(), In(new Shape(Draw(2, 4), Draw(1, 40))));
        Out(
            new Dense(1, new Activation<Sigmoid>()),
            Graph.Apply(new Dropout(0.5f), Graph.Apply(new Dense(Draw(2, 30), new Activation<Tanh>()), In(new Shape(3)))));
    }

    private void AddMovements()
    {
        Node a = In(new Shape(Draw(1, 4), 3, 2)), b = In(a.Shape), c = In(a.Shape);
        Out(new Add(), a, b);
        Out(new Add(new Activation<Gelu>()), a, b, c, a);
        Out(new Multiply(), a, b);
        Out(new Subtract(), b, b);
        Out(new Pairwise<OwnOpTests.Gate>(), a, b);
        Node product = Graph.Apply(new Multiply(), [a, Graph.Apply(new Subtract(), [b, c])]);
        Out(new Activate(new Activation<Relu>()), product);
        Out(new Scale(0.1f, trained: true), Graph.Apply(new Scale(-3f), product));
        Out(new Concat(), a, b, product);
        Out(new Slice(1, 2), Graph.Apply(new Concat(), [a, b, c]));
        Out(new Flatten(), product);
        Node row = Graph.Apply(new Reshape(new Shape(2, a.Shape.Length / 2)), [Graph.Apply(new Flatten(), product)]);
        Out(new SwapAxes(), row);
        Out(new Dropout(0.25f), a);
        outputs.Add(a); // an input that is an output, too
        outputs.Add(product); // and a node in the middle
    }

    private void AddSequences()
    {
        int steps = Draw(2, 6), features = Draw(1, 5);
        Node x = In(new Shape(steps, features)), mask = In(new Shape(steps), "mask"), rows = In(new Shape(steps), "rows");
        Out(new MeanOverTime(), x);
        Out(new MeanOverTime(), x, mask);
        Out(new MaxOverTime(), x);
        Out(new MaxOverTime(), x, mask);
        Node words = Out(new Embedding(5, Draw(1, 4)), rows);
        Node read = Graph.Apply(new Gru(Draw(1, 6), new RecurrentOptions { AllSteps = true, Bidirectional = true }), [words, mask]);
        Out(new Lstm(Draw(1, 6), new RecurrentOptions { Bidirectional = true }), read);
        foreach (
            RecurrentOptions options in (RecurrentOptions[])
                [new(), new() { AllSteps = true }, new() { CarryState = true }, new() { AllSteps = true, CarryState = true }])
        {
            Out(new Rnn(Draw(1, 6), RecurrentFunction.Tanh, options), x, mask);
            Out(new Rnn(Draw(1, 6), RecurrentFunction.Relu, options), x);
            Out(new Gru(Draw(1, 6), options), x);
            Out(new Lstm(Draw(1, 6), options), x, mask);
        }
    }

    private void AddSignals()
    {
        Out(new Spectrum(), In(new Shape(2, Draw(1, 4))));
        Node rows = In(new Shape(Draw(1, 3), Draw(20, 40)));
        Out(new Statistics(Statistic.Kurtosis, Statistic.Mean, Statistic.Crest, Statistic.ZeroCrossings), rows);
        Out(new Statistics(Statistic.Rms), rows);
        Out(new Statistics(Statistic.Deviation, Statistic.Skewness, Statistic.Peak), rows);
        Out(new Goertzel(8000, 0, 440, 3999), rows);
        Out(new Biquad(0.2f, 0.4f, 0.2f, -0.5f, 0.3f), rows);
        Out(new Decimate(Draw(2, 3), Draw(2, 20)), rows);
        Out(new Bands(8000, 0, 1000, 4000), Graph.Apply(new Power(), Graph.Apply(new Spectrum(), rows)));
        for (int log = 3; log <= 7; log++)
        {
            int n = 1 << log;
            Node frames = Out(new Frames(n - Draw(0, 1), Draw(1, n)), Graph.Apply(new PreEmphasis(), In(new Shape(1, n + Draw(0, 2 * n)))));
            Node windowed = Out(new Window(Draw(0, 1) == 0 ? WindowFunction.Hann : WindowFunction.Hamming, symmetric: log == 3), frames);
            Node spectrum = Out(new Spectrum(log == 4 ? 64 : 0), windowed);
            Node bands = Graph.Apply(
                new Mel(log < 5 ? 2 : Draw(2, 4), 8000, log % 2 == 0 ? MelScale.Htk : MelScale.Slaney, from: 200 * Draw(0, 1)),
                Out(log % 2 == 0 ? new Power() : new Magnitude(), spectrum));
            Out(new Dct(Draw(1, 2)), Out(new Log(), Out(new PreEmphasis(0.5f), bands)));
        }
    }

    /// <summary>What streams keep from call to call; some begin late.</summary>
    private void AddStreams()
    {
        Node x = In(new Shape(2, 5)), steps = In(new Shape(4, 3));
        Out(new Keep(3, axis: 1, begin: 7), x);
        Out(new Keep(Draw(1, 9)), steps);
        Out(new Keep(0, 1, 8, 2), x);
        Out(new Keep(0, 0, 0, 1), steps);
        Out(new Keep(0, begin: 6), steps);
        Out(new Gru(2, new RecurrentOptions { CarryState = true }), steps, Out(new Begun(6), steps));
        Out(new Biquad(0.2f, -0.4f, 0.2f, -0.5f, 0.3f) { Carry = true, Begin = 8 }, x);
        Out(new PreEmphasis { Carry = true, Begin = Draw(0, 6) }, x);
    }

    /// <summary>Ops that are applied twice: one table, one carried state.</summary>
    private void AddShared()
    {
        Op conv = new Conv1D(2, 3, new Activation<Identity>(), new ConvOptions { Padding = ConvPadding.Same }), norm = new BatchNorm();
        Op memory = new Gru(3, new RecurrentOptions { CarryState = true, AllSteps = true });
        Node x = In(new Shape(2, 9));
        Out(conv, Graph.Apply(norm, Graph.Apply(conv, Graph.Apply(norm, x))));
        Node sequence = In(new Shape(4, 3));
        Out(memory, Graph.Apply(memory, sequence));
    }
}
