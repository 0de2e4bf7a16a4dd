using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Mel bands: each row of n / 2 + 1 powers or magnitudes becomes one weighted sum a band, over a triangle of frequencies that begins and ends at the
/// tops of its neighbours. The tops are equally far apart in mel.
/// </summary>
public sealed class Mel : BandOp, IPasses<Mel>
{
    /// <summary>Bands of a spectrum of samples that were taken <paramref name="rate"/> times a second.</summary>
    /// <param name="bands">Bands.</param>
    /// <param name="rate">Samples a second, Hz.</param>
    /// <param name="scale">What a mel is.</param>
    /// <param name="from">Where the first triangle begins, Hz.</param>
    /// <param name="to">Where the last triangle ends, Hz; 0, the default, is half the rate.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number is not positive, or the end is above half the rate or not above the beginning.
    /// </exception>
    public Mel(int bands, float rate, MelScale scale = MelScale.Htk, float from = 0, float to = 0)
        : base(rate)
    {
        Bands = Errors.RequirePositive(nameof(bands), bands);
        Scale = scale;
        From = from;
        To = to == 0 ? rate / 2 : to;
        if (!(from >= 0 && from < To && To <= rate / 2))
        {
            Errors.OutOfRange(nameof(from), from, $"from 0 Hz to below {nameof(to)}, and that at most half the rate");
        }
    }

    /// <summary>Bands.</summary>
    public int Bands { get; }

    /// <summary>What a mel is.</summary>
    public MelScale Scale { get; }

    /// <summary>Where the first triangle begins, Hz.</summary>
    public float From { get; }

    /// <summary>Where the last triangle ends, Hz.</summary>
    public float To { get; }

    /// <inheritdoc/>
    public override string Kind => "mel";

    /// <inheritdoc/>
    public override string Settings =>
        string.Create(CultureInfo.InvariantCulture, $"{Bands} rate{Rate}")
        + (Scale == MelScale.Slaney ? " slaney" : "")
        + (From == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" from{From}"))
        + (To == Rate / 2 ? "" : string.Create(CultureInfo.InvariantCulture, $" to{To}"));

    private protected override BandTable Make(string name, int frequencies) => MelBands.Make(name, this, frequencies);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Mel>();

    static void IPasses<Mel>.Forward<T, K>(Mel op, in OpContext<T> c) => op.Forward<T, K>(in c);

    static void IPasses<Mel>.Backward<T, K>(Mel op, in OpContext<T> c) => op.Backward<T, K>(in c);
}
