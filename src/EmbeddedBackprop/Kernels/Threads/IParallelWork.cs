namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>Work that falls into parts which may run in any order, on any thread, at the same time.</summary>
/// <remarks>
/// A part is a block of results: every result belongs to one part, which computes all of its terms in the order of the definition. Never share out
/// the terms of one sum: the bits would depend on the number of parts.
/// </remarks>
internal interface IParallelWork<TArguments> where TArguments : allows ref struct
{
    /// <summary>Computes one part; part counts from 0 to parts - 1.</summary>
    static abstract void Run(in TArguments arguments, int part, int parts);
}
