using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>One tensor of a layer: a range of the network's parameters or of its state.</summary>
internal sealed class StateDictSlot
{
    private readonly ParameterRange parameter;
    private readonly StateRange? state;

    public StateDictSlot(in ParameterRange range)
    {
        parameter = range;
        Name = range.Name;
        Shape = range.FileShape;
        Default = range.Kind switch { ParameterKind.Bias => 0, ParameterKind.Scale => 1, _ => null };
    }

    public StateDictSlot(in StateRange range)
    {
        state = range;
        Name = range.Name;
        Shape = [range.Length];
    }

    public string Name { get; }

    /// <summary>The name's last part.</summary>
    public string Tensor => StateDictModule.Split(Name).Tensor;

    public int[] Shape { get; }

    /// <summary>The value of all elements where a module has no such tensor; null for one that must be there.</summary>
    public float? Default { get; }

    private int Count => state?.Length ?? parameter.Count;

    public float[] Values(Network network)
    {
        float[] values = new float[Count];
        if (state is { } range)
        {
            network.BorrowState().Slice(range.Offset, range.Length).CopyTo(values);
        }
        else
        {
            parameter.CopyTo<float>(network.BorrowParameters(), values);
        }

        return values;
    }

    public void Fill(Network network, INamedTensor? tensor)
    {
        float[] values = new float[Count];
        if (tensor is null)
        {
            values.AsSpan().Fill(Default!.Value);
        }
        else
        {
            tensor.CopyFloats(values);
        }

        if (state is { } range)
        {
            values.CopyTo(network.BorrowState()[range.Offset..]);
        }
        else
        {
            parameter.CopyFrom<float>(values, network.BorrowParameters());
        }
    }
}
