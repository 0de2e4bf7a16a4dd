using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>A row of the table of integers: how float nets are trained that are then quantised, and what may be lost.</summary>
/// <param name="Name">The row's first cell.</param>
/// <param name="Seeds">How many seeds, counted from 1; they were named before anything was measured.</param>
/// <param name="Train">A trained float network for a seed.</param>
/// <param name="MostLost">The most points of accuracy that one net may lose.</param>
/// <param name="MeanLost">The most that they may lose on average.</param>
internal sealed record IntegerNet(string Name, int Seeds, Func<IntegerData, uint, Network> Train, double MostLost, double MeanLost);

/// <summary>The samples of a row.</summary>
/// <param name="Training">What nets are trained and calibrated on.</param>
/// <param name="Test">What they are judged on, once.</param>
internal sealed record IntegerData(IBatchSource Training, IBatchSource Test);
