using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// The forward pass of one sample where every step has something shorter than <see cref="Op.Forward"/>: a net of small dense layers.
/// </summary>
internal sealed class OneSampleSteps(Step[] steps)
{
    private int width = -1;
    private bool complete;

    /// <summary>Whether every step has something shorter at the chosen width.</summary>
    public bool CanRun
    {
        get
        {
            // Threads share a plan: whoever sees the width sees what was found for it.
            int chosen = LaneDispatch.Width;
            if (Volatile.Read(ref width) != chosen)
            {
                complete = Array.TrueForAll(steps, step => step.OneSampleForward is { CanRun: true });
                Volatile.Write(ref width, chosen);
            }

            return complete;
        }
    }

    /// <summary>Runs all steps, where <see cref="CanRun"/>. Whoever calls has checked that the memory is as long as the plan says.</summary>
    /// <param name="parameters">The first parameter.</param>
    /// <param name="workspace">The first float of the workspace.</param>
    /// <param name="finite">Whether all weights are known to be finite.</param>
    public void Run(ref float parameters, ref float workspace, bool finite)
    {
        foreach (Step step in steps)
        {
            step.OneSampleForward!.Run(ref parameters, ref workspace, finite);
        }
    }

    /// <summary>Whether a layer is faster where all weights are known to be finite.</summary>
    public bool LeaveOutZeros => Array.Exists(steps, step => step.OneSampleForward is { LeavesOutZeros: true });

    /// <summary>Layers that report to <see cref="FiniteWeights"/> in each step.</summary>
    public int Reporting => Array.FindAll(steps, step => step.OneSampleForward is not null && !step.Frozen).Length;

    /// <summary>Whether only the first step reads the value, and no one else after the pass: then it need not be in the workspace.</summary>
    public bool IsReadOnce(Node value) =>
        steps is [{ InputNodes: [var input] }, ..] && input == value
        && Array.FindLastIndex(steps, step => Array.IndexOf(step.InputNodes, value) >= 0) == 0;

    /// <summary>The same for a sample that is elsewhere, where <see cref="IsReadOnce"/>.</summary>
    /// <param name="sample">The sample's first float.</param>
    /// <param name="parameters">The first parameter.</param>
    /// <param name="workspace">The first float of the workspace.</param>
    /// <param name="finite">Whether all weights are known to be finite.</param>
    public void Run(ref float sample, ref float parameters, ref float workspace, bool finite)
    {
        steps[0].OneSampleForward!.Run(ref sample, ref parameters, ref workspace, finite);
        foreach (Step step in steps.AsSpan(1))
        {
            step.OneSampleForward!.Run(ref parameters, ref workspace, finite);
        }
    }
}
