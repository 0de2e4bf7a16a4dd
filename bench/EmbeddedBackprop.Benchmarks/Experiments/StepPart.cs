using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>A part of a run of a plan that is timed by itself.</summary>
/// <param name="Step">The plan's step.</param>
/// <param name="Pass">What is computed: "forward", "input gradient", ...</param>
/// <param name="MultiplyAdds">Multiply-adds of the part over the whole batch; taps in the padding are not counted. 0 for an op that is not made of
/// multiply-adds.</param>
/// <param name="Live">The share of the gradients that are not 0; 1 in a forward pass.</param>
internal sealed record StepPart(Step Step, string Pass, double MultiplyAdds, double Live);
