using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <content>Weights by name, in the order of files.</content>
public sealed partial class Network
{
    /// <summary>
    /// The names of everything that a model file holds: trained tensors as in dense1.weight, then state that is kept with them, as in
    /// batchnorm1.running_mean.
    /// </summary>
    public IReadOnlyList<string> WeightNames
    {
        get
        {
            List<string> names = [];
            foreach (ref readonly ParameterRange range in InferencePlan.Parameters)
            {
                names.Add(range.Name);
            }

            foreach (ref readonly StateRange range in InferencePlan.State)
            {
                if (!range.PerSample)
                {
                    names.Add(range.Name);
                }
            }

            return names;
        }
    }

    /// <summary>The sizes of a tensor, outermost first: [out, in] of a dense weight, [out] of a bias.</summary>
    /// <exception cref="ArgumentException">The network has no such tensor.</exception>
    public int[] WeightShape(string name) => Find(name, out StateRange state) is { } range ? range.FileShape : [state.Length];

    /// <summary>The values of a tensor in the order of files, [out, in].</summary>
    /// <exception cref="ArgumentException">The network has no such tensor.</exception>
    public float[] GetWeights(string name)
    {
        float[] values = new float[Find(name, out StateRange state) is { } range ? range.Count : state.Length];
        GetWeights(name, values);
        return values;
    }

    /// <summary>Copies the values of a tensor in the order of files, [out, in].</summary>
    /// <param name="name">The tensor's name, one of <see cref="WeightNames"/>.</param>
    /// <param name="values">Receives all values of the tensor.</param>
    /// <exception cref="ArgumentException">The network has no such tensor, or it has another length.</exception>
    public void GetWeights(string name, Span<float> values)
    {
        if (Find(name, out StateRange state) is { } range)
        {
            range.CopyTo(ReadParameters(), values);
            return;
        }

        RequireLength(name, state.Length, values.Length);
        ReadState().Slice(state.Offset, state.Length).CopyTo(values);
    }

    /// <summary>Sets the values of a tensor; training and predictions go on from there.</summary>
    /// <param name="name">The tensor's name, one of <see cref="WeightNames"/>.</param>
    /// <param name="values">All values of the tensor in the order of files, [out, in].</param>
    /// <exception cref="ArgumentException">The network has no such tensor, or it has another length; nothing is changed.</exception>
    /// <exception cref="InvalidOperationException">Another thread computes with the network.</exception>
    public void SetWeights(string name, ReadOnlySpan<float> values)
    {
        ParameterRange? range = Find(name, out StateRange state);
        RequireLength(name, range?.Count ?? state.Length, values.Length);
        using ThreadGuard.Use use = own.Guard.Enter();
        using SharedParameters.Change change = shared.BeginChange();
        if (range is { } found)
        {
            found.CopyFrom(values, ParameterMemory);
            return;
        }

        values.CopyTo(StateMemory[state.Offset..]);
    }

    private static void RequireLength(string name, int expected, int given)
    {
        if (given != expected)
        {
            Errors.LengthDiffers(name, expected, given);
        }
    }

    /// <summary>The range of trained elements, or null and the range of state.</summary>
    private ParameterRange? Find(string name, out StateRange state)
    {
        ArgumentNullException.ThrowIfNull(name);
        state = default;
        foreach (ref readonly ParameterRange range in InferencePlan.Parameters)
        {
            if (range.Name == name)
            {
                return range;
            }
        }

        foreach (ref readonly StateRange range in InferencePlan.State)
        {
            if (!range.PerSample && range.Name == name)
            {
                state = range;
                return null;
            }
        }

        TrainingErrors.NoSuchName("tensor", name, WeightNames);
        return null;
    }
}
