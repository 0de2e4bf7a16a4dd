namespace EmbeddedBackprop.Kernels.Random;

/// <summary>
/// The elements that a dropout keeps. The random bits of element e of sample s are word e mod 4 of Philox block e / 4 with the counter
/// (e / 4, s, step, purpose + 256 op) and the seed as key; an element is kept where the upper 24 bits are at least ceil(p 2^24).
/// </summary>
internal readonly struct DropoutDraw(ulong seed, long step, int op, int firstSample, float probability)
{
    /// <summary>The generator of this op.</summary>
    public readonly CounterRandom Random = new(seed, (RandomPurpose)((int)RandomPurpose.Dropout + (op << 8)));

    /// <summary>The step: the stream of the generator.</summary>
    public readonly uint Stream = (uint)step;

    /// <summary>The first sample's index in the logical batch.</summary>
    public readonly int FirstSample = firstSample;

    /// <summary>p.</summary>
    public readonly float Probability = probability;

    /// <summary>The least upper 24 bits that are kept.</summary>
    public readonly uint Threshold = (uint)Math.Ceiling(probability * (double)(1 << 24));

    /// <summary>The block of a sample's elements 4 quad to 4 quad + 3.</summary>
    public static ulong Block(int sample, int quad) => ((ulong)(uint)sample << 32) | (uint)quad;

    /// <summary>The same for samples that begin later.</summary>
    public DropoutDraw From(int sample) => new(Random.Seed, Stream, (int)Random.Purpose >> 8, FirstSample + sample, Probability);
}
