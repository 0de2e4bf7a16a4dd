using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The training of the self-test: samples that both sides draw by the same few lines, the losses of all calls, and the check sum of the trained
/// weights.
/// </summary>
internal sealed class CTrainingGolden
{
    /// <summary>Trains with the engine until the steps are done or a value is no longer finite.</summary>
    public CTrainingGolden(CModel model)
    {
        CTraining training = model.Training!;
        Arithmetic arithmetic = model.Arithmetic;
        CTrainingOptions options = training.Options;
        Plan plan = Plan.ForTraining(model.Plan.Graph, CTraining.OptionsOf(arithmetic, options), [.. options.Losses]);
        NetworkOptions update = new()
        {
            Arithmetic = arithmetic, Optimizer = options.Optimizer, Regularization = options.Regularization, Clipping = options.Clipping,
        };
        float[] parameters = new float[plan.ParameterLength], gradients = new float[plan.GradientLength];
        float[] state = new float[plan.StateLength], workspace = new float[plan.WorkspaceLength];
        float[] optimizer = new float[options.Optimizer.StateLength(plan.ParameterLength)];
        options.Optimizer.Reset(optimizer.AsSpan(options.Optimizer.StateArrays * plan.ParameterLength));
        model.Tables.CopyTo(plan, parameters, state);
        Draws = [.. Draw.All(training.Plan, model.Arguments)];
        List<float> losses = [];
        Checksum = Sum(training, parameters);
        for (int step = 0; step < options.SelfTestSteps; step++)
        {
            float[] values = new float[options.Accumulate];
            PlanMemory<float> memory = new(parameters, gradients, workspace, state);
            for (int call = 0; call < options.Accumulate; call++)
            {
                for (int i = 0; i < Draws.Length; i++)
                {
                    Draws[i]
                        .Fill(
                            Stream((step * options.Accumulate) + call, i),
                            options.Batch,
                            plan.ValueSpan(workspace.AsSpan(), Draws[i].Argument.Node, options.Batch));
                }

                RunInfo run = new(options.Batch, training.LogicalBatch, call * options.Batch, Training: true, options.Seed, step);
                plan.Forward(memory, run);
                values[call] = LossOfCall(plan, memory, run);
                plan.Backward(memory, run);
            }

            if (!GradientUpdate.Apply(plan, update, parameters, gradients, optimizer, RateOf(options, step))
                || Array.Exists(parameters, weight => !float.IsFinite(weight)) || Array.Exists(values, value => !float.IsFinite(value)))
            {
                break;
            }

            losses.AddRange(values);
            Checksum = Sum(training, parameters);
        }

        LossValues = [.. losses];
    }

    /// <summary>The uses of the drawn samples: inputs and targets.</summary>
    public Draw[] Draws { get; }

    /// <summary>The loss of each call.</summary>
    public float[] LossValues { get; }

    /// <summary>NAME_checksum after these calls.</summary>
    public uint Checksum { get; }

    /// <summary>The stream of an input's elements in a call.</summary>
    public static uint Stream(int call, int end) => (uint)((call * 64) + end + 1);

    /// <summary>
    /// The loss of the samples of one call by themselves, after a forward pass over them: the engine's own value continues from the calls
    /// before. The workspace is not changed.
    /// </summary>
    public static float LossOfCall(Plan plan, in PlanMemory<float> memory, in RunInfo run)
    {
        float[] workspace = memory.Workspace.ToArray();
        RunInfo alone = run with { LogicalBatch = run.Batch, SampleOffset = 0 };
        foreach (Step loss in plan.LossSteps)
        {
            Step step = loss;
            step.Op.Forward(new OpContext<float>(in memory, in step, in alone, plan.Options.Arithmetic, plan.Options.Layout, backward: false));
        }

        float value = plan.TotalLoss(memory.Workspace, run.Batch);
        workspace.CopyTo(memory.Workspace);
        return value;
    }

    private static float RateOf(CTrainingOptions options, int step) =>
        options.Schedule.Rate(options.LearningRate, new ScheduleTime(step, options.StepsPerEpoch, options.Epochs));

    private static uint Sum(CTraining training, float[] parameters)
    {
        uint crc = 0xFFFFFFFFu;
        foreach (CTensor tensor in training.Tensors)
        {
            foreach (float value in parameters.AsSpan(tensor.Range.Offset, tensor.Length))
            {
                crc = CChecksum.Continue(crc, BitConverter.SingleToUInt32Bits(value));
            }
        }

        return ~crc;
    }

    /// <summary>How the elements of an input or target are drawn.</summary>
    /// <param name="Argument">The input or target.</param>
    /// <param name="Rows">0: numbers from 0 to 1; else whole numbers below this.</param>
    /// <param name="OneHot">Whether a row has a 1 at a drawn index and is 0 elsewhere.</param>
    public sealed record Draw(CArgument Argument, int Rows, bool OneHot)
    {
        /// <summary>Whole numbers for indices of table rows and of classes, one 1 for classes, 0 or 1 for yes and no.</summary>
        public static IEnumerable<Draw> All(Plan plan, CArguments arguments)
        {
            Dictionary<Node, int> rows = CGolden.TableRows(plan);
            foreach (CArgument argument in arguments.Training)
            {
                Loss? loss = (Loss?)plan.Losses.FirstOrDefault(loss => loss.Inputs[1] == argument.Node)?.Op;
                bool input = arguments.TrainingInputs.Contains(argument);
                yield return input ? new Draw(argument, rows.GetValueOrDefault(argument.Node), false) : loss switch
                {
                    SoftmaxCrossEntropy { IndexTarget: true } => new Draw(argument, loss.Outputs, false),
                    SoftmaxCrossEntropy => new Draw(argument, 0, true),
                    Loss<BinaryCrossEntropy> or Loss<BinaryCrossEntropyWithLogits> => new Draw(argument, 2, false),
                    _ => new Draw(argument, 0, false),
                };
            }
        }

        /// <summary>The elements of all samples of a call, as ebp_draw of the self-test fills them in.</summary>
        public void Fill(uint stream, int batch, Span<float> values)
        {
            if (OneHot)
            {
                values.Clear();
                for (int sample = 0; sample < batch; sample++)
                {
                    values[(sample * Argument.Length) + (int)(Word(stream, (uint)sample) % (uint)Argument.Length)] = 1f;
                }

                return;
            }

            for (int i = 0; i < values.Length; i++)
            {
                uint word = Word(stream, (uint)i);
                values[i] = Rows == 0 ? (word >> 8) * (1f / 16777216f) : word % (uint)Rows;
            }
        }

        private static uint Word(uint stream, uint index)
        {
            uint word = unchecked((stream * 0x9E3779B9u) ^ index);
            word ^= word >> 16;
            word = unchecked(word * 0x85EBCA6Bu);
            word ^= word >> 13;
            word = unchecked(word * 0xC2B2AE35u);
            return word ^ (word >> 16);
        }
    }
}
