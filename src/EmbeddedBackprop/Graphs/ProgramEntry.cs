namespace EmbeddedBackprop.Graphs;

/// <summary>The use of a step at one time of a run.</summary>
internal enum Phase
{
    /// <summary>Its value is computed.</summary>
    Forward,

    /// <summary>Its value is computed again, because it was not kept for the backward pass.</summary>
    Recompute,

    /// <summary>The gradients of its inputs and parameters are computed.</summary>
    Backward,
}

/// <summary>One line of a plan's program.</summary>
internal readonly record struct ProgramEntry(Step Step, Phase Phase);
