using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// A value that is computed from the input: a node of our graph, seen with the sizes that ONNX gives it. The batch is one of the sizes there and none
/// here, so moving it (a sequence that begins with its steps) costs nothing: the elements of a sample have the same order.
/// </summary>
/// <param name="Node">The node; null as long as <see cref="Sequence"/> has not been asked for its steps.</param>
/// <param name="Sizes">The sizes of a sample in the order of ONNX, without the batch; their number is not limited to three.</param>
/// <param name="BatchAxis">Where the batch is among the sizes of ONNX.</param>
/// <param name="Integers">Whether the elements are whole numbers (the indices of an embedding).</param>
internal sealed record OnnxData(Node? Node, int[] Sizes, int BatchAxis, bool Integers)
{
    /// <summary>A recurrent layer of which it is not known yet whether all steps are read.</summary>
    public OnnxSequence? Sequence { get; init; }

    /// <summary>Zeros that were added before and after each size of a sample, for the op that reads the value; null for none.</summary>
    public (int Before, int After)[]? Padding { get; init; }

    /// <summary>Sizes in ONNX, the batch among them.</summary>
    public int Rank => Sizes.Length + 1;

    /// <summary>Elements of a sample.</summary>
    public int Length
    {
        get
        {
            int length = 1;
            foreach (int size in Sizes)
            {
                length = checked(length * size);
            }

            return length;
        }
    }

    /// <summary>The index among <see cref="Sizes"/> of an axis of ONNX that is not the batch.</summary>
    public int SampleAxis(int axis) => axis < BatchAxis ? axis : axis - 1;
}
