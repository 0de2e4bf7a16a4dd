using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>The checks and messages that all batch sources share.</summary>
internal static class DataErrors
{
    public static ArgumentOutOfRangeException NoSuchSample(int sample, int count) =>
        new(nameof(sample), $"Sample {sample} does not exist: there are {count}.");

    public static void CheckGather(
        IBatchSource source, int samples, int inputs, int inputStride, int targets, int targetStride)
    {
        Check("inputs", samples, source.InputLength, inputs, inputStride);
        if (targets != 0)
        {
            Check("targets", samples, source.TargetLength, targets, targetStride);
        }
    }

    private static void Check(string name, int rows, int length, int span, int stride)
    {
        if (stride < length)
        {
            throw new ArgumentException($"{name}: the stride is {stride}, a sample needs {length}.");
        }

        // The last row need not be followed by padding.
        long needed = rows == 0 ? 0 : ((rows - 1L) * stride) + length;
        if (span < needed)
        {
            throw new ArgumentException($"{name}: {rows} rows need {needed} floats, got {span}.");
        }
    }
}
