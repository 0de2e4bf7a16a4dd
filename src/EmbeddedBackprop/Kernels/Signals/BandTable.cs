namespace EmbeddedBackprop.Kernels.Signals;

/// <summary>A matrix of which each row has one run of elements that are not 0: bands of a spectrum.</summary>
internal sealed class BandTable
{
    private readonly int[] first;
    private readonly int[] starts;
    private readonly float[] weights;

    /// <param name="columns">Elements of a spectrum.</param>
    /// <param name="rows">For each band where its run begins, and the run.</param>
    public BandTable(int columns, params (int First, float[] Weights)[] rows)
    {
        Columns = columns;
        first = [.. rows.Select(row => row.First)];
        starts = new int[rows.Length + 1];
        for (int band = 0; band < rows.Length; band++)
        {
            starts[band + 1] = starts[band] + rows[band].Weights.Length;
        }

        weights = [.. rows.SelectMany(row => row.Weights)];
    }

    /// <summary>Elements of a spectrum.</summary>
    public int Columns { get; }

    /// <summary>Bands.</summary>
    public int Rows => first.Length;

    /// <summary>All weights, one band after the other.</summary>
    public ReadOnlySpan<float> Weights => weights;

    /// <summary>The index in <see cref="Weights"/> at which each band begins, and their end.</summary>
    public ReadOnlySpan<int> Starts => starts;

    /// <summary>The first element of the spectrum that each band reads.</summary>
    public ReadOnlySpan<int> First => first;

    /// <summary>The weights of one band.</summary>
    public ReadOnlySpan<float> Of(int band) => weights.AsSpan(starts[band]..starts[band + 1]);
}
