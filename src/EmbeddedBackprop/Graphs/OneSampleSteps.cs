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

    /// <summary>Runs all steps. Whoever calls has checked that the memory is as long as the plan says.</summary>
    /// <param name="parameters">The first parameter.</param>
    /// <param name="workspace">The first float of the workspace.</param>
    /// <returns>False, and nothing is written, where a step has nothing shorter.</returns>
    public bool TryRun(ref float parameters, ref float workspace)
    {
        if (width != LaneDispatch.Width)
        {
            complete = Array.TrueForAll(steps, step => step.OneSampleForward is { CanRun: true });
            width = LaneDispatch.Width;
        }

        if (!complete)
        {
            return false;
        }

        foreach (Step step in steps)
        {
            step.OneSampleForward!.TryRun(ref parameters, ref workspace);
        }

        return true;
    }
}
