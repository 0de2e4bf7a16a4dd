using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Model;

/// <summary>Inputs of the self-test and the outputs that the engine computes from them.</summary>
internal sealed class CGolden
{
    private static readonly float[] Edges =
        [0f, -0f, 1f, -1f, 1e-45f, -1e-40f, 1.17549435e-38f, 1e-20f, -1e-6f, 0.5f, 100f, -100f, 16777216f, -0.33333334f];

    /// <summary>Runs the engine over the inputs, with the parameters as the tables store them.</summary>
    public CGolden(CModel model)
    {
        Samples = model.SelfTestSamples;
        // What is carried from call to call is tested by samples that follow each other.
        int rows = model.Prediction.Carries ? 1 : Samples;
        PlanOptions options = new()
        {
            Batch = rows, Arithmetic = model.Arithmetic, Layout = Layout.Compact, Given = model.Plan.Options.Given,
        };
        Plan plan = Plan.ForInference(model.Plan.Graph, options, [.. model.Outputs.Select(output => output.Node)]);
        float[] parameters = new float[plan.ParameterLength], state = new float[plan.StateLength], workspace = new float[plan.WorkspaceLength];
        model.Tables.CopyTo(plan, parameters, state);
        Dictionary<Node, int> tableRows = TableRows(plan);
        Inputs = new float[model.Inputs.Length][];
        for (int i = 0; i < Inputs.Length; i++)
        {
            Inputs[i] = model.Inputs[i].Node.Integers is null
                ? Fill(model.Inputs[i], tableRows.GetValueOrDefault(model.Inputs[i].Node), (uint)(i * Samples))
                : FillIntegers(model.Inputs[i], model.Tables.TypeOf(model.Inputs[i].Node), (uint)(i * Samples));
        }

        Outputs = Array.ConvertAll(model.Outputs, output => new float[Samples * output.Length]);
        for (int first = 0; first < Samples; first += rows)
        {
            for (int i = 0; i < Inputs.Length; i++)
            {
                int length = rows * model.Inputs[i].Length;
                Inputs[i].AsSpan(first * model.Inputs[i].Length, length).CopyTo(plan.ValueSpan(workspace.AsSpan(), model.Inputs[i].Node, rows));
            }

            plan.Forward(new PlanMemory<float>(parameters, [], workspace, state), RunInfo.Single(rows));
            for (int i = 0; i < Outputs.Length; i++)
            {
                plan.ValueSpan(workspace.AsSpan(), model.Outputs[i].Node, rows)[..(rows * model.Outputs[i].Length)]
                    .CopyTo(Outputs[i].AsSpan(first * model.Outputs[i].Length));
            }
        }

        AddZeroPoints(model.Inputs, Inputs, model.Tables);
        AddZeroPoints(model.Outputs, Outputs, model.Tables);
    }

    public int Samples { get; }

    /// <summary>[samples][elements] for each input; integers where the C takes them.</summary>
    public float[][] Inputs { get; }

    /// <summary>[samples][elements] for each output.</summary>
    public float[][] Outputs { get; }

    /// <summary>The nodes that are indices of table rows, and the rows of the smallest table that they choose from.</summary>
    public static Dictionary<Node, int> TableRows(Plan plan)
    {
        Dictionary<Node, int> rows = [];
        for (int i = plan.Steps.Length - 1; i >= 0; i--)
        {
            Step step = plan.Steps[i];
            int needed = step.Op switch
            {
                Embedding embedding => embedding.Count,
                IntegerEmbedding embedding => embedding.Count,
                _ => rows.GetValueOrDefault(step.Node),
            };
            if (needed > 0)
            {
                foreach (Node input in step.InputNodes)
                {
                    rows[input] = Math.Min(needed, rows.GetValueOrDefault(input, needed));
                }
            }
        }

        return rows;
    }

    private float[] Fill(CArgument input, int rows, uint stream)
    {
        float[] values = new float[Samples * input.Length];
        for (int sample = 1; sample < Samples; sample++)
        {
            Span<float> elements = values.AsSpan(sample * input.Length, input.Length);
            int choices = input.Element == CElement.UInt8 ? 2 : rows; // a mask is 0 or 1
            if (choices > 0)
            {
                new CounterRandom(0, RandomPurpose.Check).FillUniform(stream + (uint)sample, 0, 0f, choices, elements);
                for (int i = 0; i < elements.Length; i++)
                {
                    elements[i] = Math.Min(MathF.Floor(elements[i]), choices - 1);
                }
            }
            else
            {
                FillInput(sample, stream, elements);
            }
        }

        return values;
    }

    /// <summary>Integers without their zero point: zeros, then any, with the two ends for every other one of the fourth sample.</summary>
    private float[] FillIntegers(CArgument input, IntegerType type, uint stream)
    {
        float[] values = new float[Samples * input.Length];
        for (int sample = 1; sample < Samples; sample++)
        {
            Span<float> elements = values.AsSpan(sample * input.Length, input.Length);
            new CounterRandom(0, RandomPurpose.Check).FillUniform(stream + (uint)sample, 0, type.LowestCentred, type.HighestCentred + 1, elements);
            for (int i = 0; i < elements.Length; i++)
            {
                bool isEnd = sample == 3 && i % 2 == 0;
                elements[i] = isEnd ? i % 4 == 0 ? type.LowestCentred : type.HighestCentred : Math.Min(MathF.Floor(elements[i]), type.HighestCentred);
            }
        }

        return values;
    }

    /// <summary>The engine leaves zero points out.</summary>
    private static void AddZeroPoints(CArgument[] arguments, float[][] values, CTables tables)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            int zero = arguments[i].Node.Integers is null ? 0 : tables.TypeOf(arguments[i].Node).ZeroPoint;
            for (int j = 0; zero != 0 && j < values[i].Length; j++)
            {
                values[i][j] += zero;
            }
        }
    }

    private static void FillInput(int sample, uint stream, Span<float> input)
    {
        CounterRandom random = new(0, RandomPurpose.Check);
        random.FillUniform(stream + (uint)sample, 0, (sample & 1) != 0 ? 0f : -1f, 1f, input);
        if (sample == 3)
        {
            // Every other element is an edge value.
            for (int i = 0; i < input.Length; i += 2)
            {
                input[i] = Edges[i / 2 % Edges.Length];
            }
        }
    }
}
