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
    private readonly Memory<float> memory;
    private readonly int parameters;
    private readonly int workspace;
    private readonly int input;
    private readonly int output;
    private readonly int outputs;

    public OneSamplePrediction(Plan plan, Node input, Node output, NetworkMemory memory)
    {
        steps = plan.OneSampleSteps;
        this.memory = memory.All;
        parameters = memory.ParametersPlace;
        workspace = memory.WorkspacePlace;
        this.input = workspace + plan.ValueSlot(input).Offset;
        this.output = workspace + plan.ValueSlot(output).Offset;
        outputs = output.Shape.Length;
    }

    /// <summary>Writes the sample into the plan's memory and predicts it.</summary>
    /// <param name="sample">As many floats as the input has.</param>
    /// <param name="prediction">The output, valid until the next call.</param>
    /// <returns>False where the network has other layers: then the sample is copied, and nothing has been computed.</returns>
    public bool TryRun(ReadOnlySpan<float> sample, out ReadOnlySpan<float> prediction)
    {
        Span<float> all = memory.Span;
        Span<float> place = all.Slice(input, sample.Length);
        int done = 0;
        for (; sample.Length - done > Piece; done += Piece)
        {
            sample.Slice(done, Piece).CopyTo(place.Slice(done, Piece));
        }

        sample[done..].CopyTo(place[done..]);
        prediction = all.Slice(output, outputs);
        return steps.TryRun(ref all[parameters], ref all[workspace]);
    }
}
