using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.IO;

/// <summary>Ops on signals in a net's text: frames, windows, spectra and what is made of them.</summary>
internal static class NetSignalKinds
{
    public static readonly NetKind[] All =
    [
        new("frames LENGTH hop HOP [NODE]", words =>
        {
            int length = words.Count("a length");
            words.Expect("hop");
            int hop = words.Count("a hop");
            return _ => new Frames(length, hop);
        }),
        new("preemphasis FACTOR [carry] [beginSAMPLES] [NODE]", words =>
        {
            float factor = words.Number("a factor");
            (bool carry, int begin) = Carried(words);
            return _ => new PreEmphasis(factor) { Carry = carry, Begin = begin };
        }),
        new("window hann|hamming [symmetric] [NODE]", words =>
        {
            WindowFunction function = words.Choice("a window", ("hann", WindowFunction.Hann), ("hamming", WindowFunction.Hamming));
            bool symmetric = words.Flag("symmetric");
            return _ => new Window(function, symmetric);
        }),
        new("rfft [nLENGTH] [NODE]", words =>
        {
            int length = words.Lettered("n") ?? 0;
            return _ => new Spectrum(length);
        }),
        new("magnitude [NODE]", _ => _ => new Magnitude()),
        new("power [NODE]", _ => _ => new Power()),
        new("mel BANDS rateHZ [slaney] [fromHZ] [toHZ] [NODE]", words =>
        {
            int bands = words.Count("a number of bands");
            float rate = words.LetteredNumber("rate") ?? throw words.Missing("rateHZ");
            MelScale scale = words.Flag("slaney") ? MelScale.Slaney : MelScale.Htk;
            float from = words.LetteredNumber("from") ?? 0, to = words.LetteredNumber("to") ?? 0;
            return _ => new Mel(bands, rate, scale, from, to);
        }),
        new("bands EDGE EDGE [EDGE ...] rateHZ [NODE]", words =>
        {
            float rate = words.LetteredNumber("rate") ?? throw words.Missing("rateHZ");
            float[] edges = words.Numbers("an edge");
            return _ => new Bands(rate, edges);
        }),
        new("goertzel FREQUENCY [FREQUENCY ...] rateHZ [NODE]", words =>
        {
            float rate = words.LetteredNumber("rate") ?? throw words.Missing("rateHZ");
            float[] frequencies = words.Numbers("a frequency");
            return _ => new Goertzel(rate, frequencies);
        }),
        new("biquad B0 B1 B2 A1 A2 [carry] [beginSAMPLES] [NODE]", words =>
        {
            float b0 = words.Number("b0"), b1 = words.Number("b1"), b2 = words.Number("b2"), a1 = words.Number("a1"), a2 = words.Number("a2");
            (bool carry, int begin) = Carried(words);
            return _ => new Biquad(b0, b1, b2, a1, a2) { Carry = carry, Begin = begin };
        }),
        new("decimate FACTOR [tapsTAPS] [NODE]", words =>
        {
            int factor = words.Count("a factor"), taps = words.Lettered("taps") ?? 0;
            return _ => new Decimate(factor, taps);
        }),
        new("statistics NAME [NAME ...] [NODE]", words =>
        {
            List<Statistic> wanted = [];
            while (words.Next<Statistic>(Statistics.Names) is { } statistic)
            {
                wanted.Add(statistic);
            }

            return _ => new Statistics([.. wanted]);
        }),
        new("log [floorFLOOR] [NODE]", words =>
        {
            float floor = words.LetteredNumber("floor") ?? 1e-6f;
            return _ => new Log(floor);
        }),
        new("dct COUNT [NODE]", words =>
        {
            int count = words.Count("a number of coefficients");
            return _ => new Dct(count);
        }),
    ];

    private static (bool Carry, int Begin) Carried(NetWords words) => (words.Flag("carry"), words.Lettered("begin", 0) ?? 0);
}
