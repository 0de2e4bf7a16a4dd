using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <content>Running a plan: forwards, backwards, with an update on the way, and in double.</content>
public sealed partial class Plan
{
    /// <summary>Runs all steps forwards.</summary>
    /// <exception cref="ArgumentException">A span is too short or the batch too large.</exception>
    public void Forward(in PlanMemory<float> memory, in RunInfo run, Execution execution = Execution.Vector)
    {
        Check(in memory, in run, backward: false);
        bool oneSample = run.Batch == 1 && execution == Execution.Vector;
        if (oneSample && OneSampleSteps.CanRun)
        {
            OneSampleSteps.Run(
                ref MemoryMarshal.GetReference(memory.Parameters), ref MemoryMarshal.GetReference(memory.Workspace), run.FiniteWeights);
            return;
        }

        Forward(in memory, in run, execution, oneSample);
    }

    private void Forward(in PlanMemory<float> memory, in RunInfo run, Execution execution, bool oneSample)
    {
        Step step = null!;
        OpContext<float> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: false);
        foreach (Step next in execution == Execution.Vector && !run.Training ? predicting : steps)
        {
            step = next;
            if (oneSample && step.OneSampleForward is { CanRun: true } forward)
            {
                forward.Run(ref MemoryMarshal.GetReference(memory.Parameters), ref MemoryMarshal.GetReference(memory.Workspace), run.FiniteWeights);
                continue;
            }

            if (execution == Execution.Vector)
            {
                step.Op.Forward(in context);
            }
            else
            {
                step.Op.ForwardScalar(in context);
            }
        }
    }

    /// <summary>Runs all steps backwards after a forward pass over the same batch: fills the gradient span.</summary>
    /// <exception cref="ArgumentException">A span is too short or the batch too large.</exception>
    public void Backward(in PlanMemory<float> memory, in RunInfo run, Execution execution = Execution.Vector)
    {
        Check(in memory, in run, backward: true);
        RequireGradients();
        Step step = null!;
        OpContext<float> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: true);
        OpContext<float> again = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: false);
        foreach ((Step next, Phase phase) in backward)
        {
            step = next;
            switch (phase, execution)
            {
                case (Phase.Backward, Execution.Vector):
                    step.Op.Backward(in context);
                    break;
                case (Phase.Backward, _):
                    step.Op.BackwardScalar(in context);
                    break;
                case (_, Execution.Vector):
                    step.Op.Forward(in again);
                    break;
                default:
                    step.Op.ForwardScalar(in again);
                    break;
            }
        }
    }

    /// <summary>
    /// Whether <see cref="BackwardAndUpdate"/> can be used: every op is used once, so that no weights change while a gradient still depends on them.
    /// </summary>
    public bool CanUpdateInBackward { get; }

    /// <summary>
    /// Runs all steps backwards and changes the parameters by plain gradient descent on the way: the bits of a backward pass and an update.
    /// </summary>
    /// <returns>Whether all gradients were finite; if not, the parameters are lost.</returns>
    /// <exception cref="InvalidOperationException">An op is used twice, or the run is only a part of its logical batch.</exception>
    public bool BackwardAndUpdate(in PlanMemory<float> memory, in RunInfo run, in SgdUpdate update)
    {
        Check(in memory, in run, backward: true);
        if (!CanUpdateInBackward)
        {
            GraphErrors.SharedWeights();
        }

        if (run.LogicalBatch != run.Batch)
        {
            GraphErrors.PartOfBatch(run.Batch, run.LogicalBatch);
        }

        bool finite = true;
        Step step = null!;
        OpContext<float> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: true);
        OpContext<float> again = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: false);
        foreach ((Step next, Phase phase) in backward)
        {
            step = next;
            if (phase == Phase.Backward)
            {
                if (step.Frozen)
                {
                    step.Op.Backward(in context);
                }
                else
                {
                    finite &= step.Op.BackwardAndUpdate(in context, in update);
                }
            }
            else
            {
                step.Op.Forward(in again);
            }
        }

        return finite;
    }

    /// <summary>Sets the state that follows the parameters, after they changed: of layers that are trained, in their order.</summary>
    internal void FollowParameters(in PlanMemory<float> memory, bool keepRanges)
    {
        RunInfo run = RunInfo.Single(1);
        Step step = null!;
        OpContext<float> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: false);
        foreach (Step next in following)
        {
            step = next;
            step.Op.FollowParameters(in context, keepRanges);
        }
    }

    /// <summary>The forward pass in double, by the scalar twins: the oracle.</summary>
    public void Forward(in PlanMemory<double> memory, in RunInfo run)
    {
        Check(in memory, in run, backward: false);
        foreach (Step step in steps)
        {
            OpContext<double> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, backward: false);
            step.Op.ForwardScalar(in context);
        }
    }

    /// <summary>The backward pass in double, by the scalar twins: the oracle.</summary>
    public void Backward(in PlanMemory<double> memory, in RunInfo run)
    {
        Check(in memory, in run, backward: true);
        RequireGradients();
        foreach ((Step step, Phase phase) in backward)
        {
            OpContext<double> context = new(in memory, in step, in run, Options.Arithmetic, Options.Layout, phase == Phase.Backward);
            if (phase == Phase.Backward)
            {
                step.Op.BackwardScalar(in context);
            }
            else
            {
                step.Op.ForwardScalar(in context);
            }
        }
    }

    /// <summary>Refuses more samples than the plan's batch, and none.</summary>
    internal void CheckBatch(int batch)
    {
        if (batch < 1 || batch > Batch)
        {
            GraphErrors.BatchTooLarge(Batch, batch);
        }
    }

    private void Check<T>(in PlanMemory<T> memory, in RunInfo run, bool backward) where T : unmanaged
    {
        if (Options.InputsAndOutputsByReference)
        {
            GraphErrors.NotRunnable();
        }

        if (backward)
        {
            RequireTraining();
        }

        CheckBatch(run.Batch);
        if (run.SampleOffset < 0 || run.LogicalBatch - run.Batch < run.SampleOffset)
        {
            GraphErrors.RunOutOfRange(run.Batch, run.SampleOffset, run.LogicalBatch);
        }

        if (run.Training && run.Batch != run.LogicalBatch && WholeBatch is not null)
        {
            GraphErrors.WholeBatch(WholeBatch.Name, run.Batch, run.LogicalBatch);
        }

        if (StateLength > 0)
        {
            CheckState(memory.State.Length, in run);
        }

        if (memory.Parameters.Length < ParameterLength)
        {
            GraphErrors.MemoryTooSmall("parameters", ParameterLength, memory.Parameters.Length);
        }

        if (memory.Workspace.Length < WorkspaceLength)
        {
            GraphErrors.MemoryTooSmall("workspace", WorkspaceLength, memory.Workspace.Length);
        }

        if (backward && memory.Gradients.Length < GradientLength)
        {
            GraphErrors.MemoryTooSmall("gradients", GradientLength, memory.Gradients.Length);
        }
    }

    private void CheckState(int length, in RunInfo run)
    {
        RequireState(length);
        ref readonly StateRange last = ref state[^1];
        if (last.PerSample && run.SampleOffset > last.Rows - run.Batch)
        {
            GraphErrors.StateRows(last.Name, last.Rows, run.SampleOffset, run.Batch);
        }
    }

    private void RequireState(int length)
    {
        if (length < StateLength)
        {
            GraphErrors.MemoryTooSmall("state", StateLength, length);
        }
    }

    private void RequireGradients()
    {
        if (Options.UpdateInBackward)
        {
            GraphErrors.NoGradientSpan();
        }
    }

    private void RequireTraining()
    {
        if (Losses.Count == 0)
        {
            GraphErrors.InferenceOnly();
        }
    }
}
