namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>Work for later, which threads do while they have nothing else to do; its parts may run in any order, at the same time.</summary>
internal interface IAheadWork
{
    /// <summary>Computes one part; part counts from 0 to parts - 1.</summary>
    void Run(int part, int parts);
}
