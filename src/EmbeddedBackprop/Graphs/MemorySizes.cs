namespace EmbeddedBackprop.Graphs;

/// <summary>The parts of a network's memory, in floats.</summary>
/// <param name="Parameters">Weights and biases.</param>
/// <param name="Gradients">Their gradients; 0 in inference and where they live only while they are applied.</param>
/// <param name="OptimizerState">The optimiser's state.</param>
/// <param name="State">The ops' state.</param>
/// <param name="Workspace">Activations, their gradients, scratch.</param>
/// <param name="Rows">Samples of a source, where they must be dealt out to several inputs or targets.</param>
internal readonly record struct MemorySizes(int Parameters, int Gradients, int OptimizerState, int State, int Workspace, int Rows)
{
    /// <summary>All parts, each aligned as the layout requires.</summary>
    public int Total(Layout layout)
    {
        ReadOnlySpan<int> lengths = [Parameters, Gradients, OptimizerState, State, Workspace, Rows];
        long sum = 0;
        foreach (int length in lengths)
        {
            sum += layout.Align(length);
        }

        if (sum > int.MaxValue - Layouts.PaddedMultiple)
        {
            Errors.TooLarge("memory", sum);
        }

        return (int)sum;
    }
}
