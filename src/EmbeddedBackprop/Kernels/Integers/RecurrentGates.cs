namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// The gates of recurrent layers on integers held in floats, for the units of one sample, with the results of <see cref="Scalar.IntegerGates"/>. A
/// state after the step may be the memory of the state before it.
/// </summary>
internal static class RecurrentGates
{
    /// <summary>after = tanh(p + q).</summary>
    public static void Rnn(ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> after) =>
        Run<RnnGates>("RecurrentGates.Rnn", 1, new() { Input = p, Recurrent = q, After = after });

    /// <summary>after = min(max(p + q, 0), 32767), all in the scale of the state.</summary>
    public static void RnnRelu(ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> after) =>
        Run<RnnReluGates>("RecurrentGates.RnnRelu", 1, new() { Input = p, Recurrent = q, After = after });

    /// <summary>One step of a GRU; gates in the order r z n.</summary>
    public static void Gru(ReadOnlySpan<float> p, ReadOnlySpan<float> q, ReadOnlySpan<float> before, Span<float> after)
    {
        Require.Equal("RecurrentGates.Gru", nameof(before), after.Length, before.Length);
        Run<GruGates>("RecurrentGates.Gru", 3, new() { Input = p, Recurrent = q, Before = before, After = after });
    }

    /// <summary>One step of an LSTM; gates in the order i f g o, the cell in Q(15 - k), k from 0 to 7.</summary>
    public static void Lstm(
        ReadOnlySpan<float> p, ReadOnlySpan<float> q, int k, ReadOnlySpan<float> cellBefore, Span<float> cell, Span<float> after)
    {
        Require.Equal("RecurrentGates.Lstm", nameof(cellBefore), after.Length, cellBefore.Length);
        Require.Equal("RecurrentGates.Lstm", nameof(cell), after.Length, cell.Length);
        if (k is < 0 or > 7)
        {
            IntegerErrors.CellShift(k);
        }

        Run<LstmGates>(
            "RecurrentGates.Lstm", 4, new() { Input = p, Recurrent = q, CellShift = k, Before = cellBefore, Cell = cell, After = after });
    }

    /// <summary>Gates that are a sigmoid: after = min(S(p + q), 32767).</summary>
    public static void Sigmoids(ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> after) =>
        Run<SigmoidGates>("RecurrentGates.Sigmoids", 1, new() { Input = p, Recurrent = q, After = after });

    /// <summary>The new gate of a GRU: after = tanh(p + r q).</summary>
    public static void New(ReadOnlySpan<float> p, ReadOnlySpan<float> q, ReadOnlySpan<float> r, Span<float> after)
    {
        Require.Equal("RecurrentGates.New", nameof(r), after.Length, r.Length);
        Run<NewGates>("RecurrentGates.New", 1, new() { Input = p, Recurrent = q, Before = r, After = after });
    }

    /// <summary>after = tanh of cells in Q(15 - k).</summary>
    public static void CellTanh(ReadOnlySpan<float> cell, int k, Span<float> after)
    {
        Require.Equal("RecurrentGates.CellTanh", nameof(cell), after.Length, cell.Length);
        Run<CellTanhs>("RecurrentGates.CellTanh", 0, new() { Before = cell, CellShift = k, After = after });
    }

    private static void Run<TGates>(string kernel, int gates, in GateArguments arguments) where TGates : struct, IIntegerKernel<GateArguments>
    {
        int units = arguments.After.Length;
        Require.Equal(kernel, "p", gates * units, arguments.Input.Length);
        Require.Equal(kernel, "q", gates * units, arguments.Recurrent.Length);
        if (units > 0)
        {
            IntegerDispatch.RunWithin<TGates, GateArguments>(units, in arguments);
        }
    }
}
