using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <summary>
/// One sample through a network of small dense layers, in which everything that does not change from call to call is looked up once: the layers
/// themselves take 120 ns.
/// </summary>
internal sealed class OneSamplePrediction
{
    // Above 2 KB the runtime copies by the C library, which costs 100 ns more.
    private const int Piece = 512;

    private readonly OneSampleSteps steps;
    private readonly float[] memory;
    private readonly float[] parameterMemory;
    private readonly int parameters;
    private readonly int workspace;
    private readonly int input;
    private readonly int output;
    private readonly int outputs;
    private readonly bool inPlace;

    private OneSamplePrediction(Plan plan, Node input, Node output, ArraySegment<float> parameters, ArraySegment<float> workspace)
    {
        steps = plan.OneSampleSteps;
        parameterMemory = parameters.Array!;
        this.parameters = parameters.Offset;
        memory = workspace.Array!;
        this.workspace = workspace.Offset;
        this.input = workspace.Offset + plan.ValueSlot(input).Offset;
        this.output = workspace.Offset + plan.ValueSlot(output).Offset;
        outputs = output.Shape.Length;
        inPlace = steps.IsReadOnce(input) && !plan.Outputs.Has(input);
    }

    /// <summary>Whether <see cref="Run"/> can be called: not where the network has other layers.</summary>
    public bool CanRun => steps.CanRun;

    /// <summary>Whether it is faster where all weights are known to be finite.</summary>
    public bool LeavesOutZeros => steps.LeaveOutZeros;

    /// <summary>Looks everything up; null for memory that is no array, and for a net without parameters.</summary>
    public static OneSamplePrediction? Of(Plan plan, Node input, Node output, Memory<float> parameters, Memory<float> workspace) =>
        MemoryMarshal.TryGetArray(parameters, out ArraySegment<float> first) && MemoryMarshal.TryGetArray(workspace, out ArraySegment<float> second)
        && first.Count > 0
            ? new OneSamplePrediction(plan, input, output, first, second)
            : null;

    /// <summary>Predicts a sample, which is read where it is if one layer alone reads it (docs/latency.md).</summary>
    /// <param name="sample">As many floats as the input has.</param>
    /// <param name="finite">Whether all weights are known to be finite.</param>
    /// <returns>The output, valid until the next call.</returns>
    public ReadOnlySpan<float> Run(ReadOnlySpan<float> sample, bool finite)
    {
        ref float values = ref memory[workspace], weights = ref parameterMemory[parameters];
        if (inPlace)
        {
            steps.Run(ref MemoryMarshal.GetReference(sample), ref weights, ref values, finite);
        }
        else
        {
            Write(sample);
            steps.Run(ref weights, ref values, finite);
        }

        return memory.AsSpan(output, outputs);
    }

    /// <summary>Writes the sample into the plan's memory.</summary>
    public void Write(ReadOnlySpan<float> sample)
    {
        Span<float> place = memory.AsSpan(input, sample.Length);
        int done = 0;
        for (; sample.Length - done > Piece; done += Piece)
        {
            sample.Slice(done, Piece).CopyTo(place.Slice(done, Piece));
        }

        sample[done..].CopyTo(place[done..]);
    }
}
