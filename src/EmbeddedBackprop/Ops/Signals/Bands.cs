using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Band energies: the sum of the powers (or magnitudes) of all frequencies from each edge up to below the next; the last edge belongs to the last
/// band.
/// </summary>
public sealed class Bands : BandOp, IPasses<Bands>
{
    private readonly float[] edges;

    /// <summary>Bands between edges.</summary>
    /// <param name="rate">Samples a second, Hz.</param>
    /// <param name="edges">At least two frequencies, ascending, from 0 to half the rate, Hz.</param>
    /// <exception cref="ArgumentException">There are fewer than two edges, or they are not so.</exception>
    public Bands(float rate, params ReadOnlySpan<float> edges)
        : base(rate)
    {
        if (edges.Length < 2)
        {
            OpErrors.BandEdges();
        }

        float last = -1;
        foreach (float edge in edges)
        {
            if (!(edge > last && edge >= 0 && edge <= rate / 2))
            {
                OpErrors.BandEdges();
            }

            last = edge;
        }

        this.edges = edges.ToArray();
    }

    /// <summary>Where the bands begin, and where the last one ends, Hz.</summary>
    public ReadOnlySpan<float> Edges => edges;

    /// <inheritdoc/>
    public override string Kind => "bands";

    /// <inheritdoc/>
    public override string Settings =>
        string.Join(' ', edges.Select(edge => edge.ToString("R", CultureInfo.InvariantCulture)))
        + string.Create(CultureInfo.InvariantCulture, $" rate{Rate:R}");

    private protected override BandTable Make(string name, int frequencies)
    {
        double resolution = Rate / 2.0 / Math.Max(frequencies - 1, 1);
        (int, float[])[] rows = new (int, float[])[edges.Length - 1];
        for (int band = 0; band < rows.Length; band++)
        {
            bool isLast = band == rows.Length - 1;
            int[] inside =
            [
                .. Enumerable.Range(0, frequencies).Where(k =>
                    k * resolution >= edges[band] && (k * resolution < edges[band + 1] || (isLast && k * resolution <= edges[band + 1]))),
            ];
            if (inside.Length == 0)
            {
                OpErrors.EmptyBand(name, band + 1, edges[band], edges[band + 1], resolution);
            }

            float[] ones = new float[inside.Length];
            Array.Fill(ones, 1f);
            rows[band] = (inside[0], ones);
        }

        return new BandTable(frequencies, rows);
    }

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Bands>();

    static void IPasses<Bands>.Forward<T, K>(Bands op, in OpContext<T> c) => op.Forward<T, K>(in c);

    static void IPasses<Bands>.Backward<T, K>(Bands op, in OpContext<T> c) => op.Backward<T, K>(in c);
}
