namespace EmbeddedBackprop.Export;

/// <summary>A copy that an exported network stored on its device.</summary>
/// <param name="Slot">The slot it was in: 0 or 1.</param>
/// <param name="Sequence">How many copies were stored, this one included.</param>
/// <param name="Step">Updates of the training on the device.</param>
/// <param name="LearningRate">The model's learning rate, before a schedule.</param>
/// <param name="Seed">The seed of everything random.</param>
/// <param name="OtherSlot">The error of the other slot; null if it holds a whole, older copy.</param>
public sealed record CStoredCopy(int Slot, uint Sequence, uint Step, float LearningRate, ulong Seed, string? OtherSlot = null);
