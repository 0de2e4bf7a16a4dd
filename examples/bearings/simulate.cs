// A simulated bearing: `dotnet run simulate.cs FOLDER` writes the recordings that recordings.csv lists, with the same bytes everywhere.
#:property PublishAot=false
// A file of one's own: no analysis as in the library's build.
#:property RunAnalyzers=false

using System.Text;

const int Rate = 12_000;
string folder = args.Length == 1 ? args[0] : throw new ArgumentException("simulate.cs FOLDER");
Directory.CreateDirectory(folder);
Write("normal_0", "normal", 0, 0, 60_985);
foreach ((string name, string fault) in new[] { ("b", "ball"), ("ir", "inner"), ("or", "outer") })
{
    foreach (int width in new[] { 7, 14, 21 })
    {
        for (int load = 0; load < 4; load++)
        {
            Write($"{name}{width:000}_{load}", fault, width, load, 24_000);
        }
    }
}

void Write(string name, string fault, int width, int load, int samples)
{
    // Revolutions a second, and the lines of the bearing in multiples of it.
    double shaft = (1797 - (24.5 * load)) / 60, cage = 0.39828;
    double line = fault switch { "outer" => 3.5848, "inner" => 5.4152, "ball" => 4.7135, _ => 0 };
    Noise noise = new((ulong)((width * 100) + (load * 10) + fault.Length + fault[0]));

    // A wider fault hits harder, and each bearing rings in its own way: near 2.2, 2.7 or 3.2 kHz.
    double strength = width * 0.01, resonance = 1700 + (70 * width);
    Phasor ring = new(resonance / Rate), turn = new(shaft / Rate), roll = new(cage * shaft / Rate);
    double next = 0, slow = 0, re = 0, im = 0;
    short[] signal = new short[samples];
    for (int t = 0; t < samples; t++)
    {
        if (line > 0 && t >= next)
        {
            // The rollers slip: the time to the next hit is off by up to 1 %. The load passes an inner race once a turn, a ball once a turn of the cage.
            next += Rate / (line * shaft) * (1 + (0.01 * noise.Next()));
            re += strength * fault switch { "inner" => 0.5 + (0.5 * turn.Cosine), "ball" => 0.6 + (0.4 * roll.Cosine), _ => 1 };
        }

        // The ringing turns by its frequency and fades by 1 / e in 100 samples.
        (re, im) = (0.99 * ((re * ring.StepCosine) - (im * ring.StepSine)), 0.99 * ((re * ring.StepSine) + (im * ring.StepCosine)));
        slow = (0.9 * slow) + (0.1 * noise.Next());
        signal[t] = (short)Math.Round(32_767 * Math.Clamp((0.02 * turn.Cosine) + im + (0.02 * noise.Next()) + (0.03 * slow), -1, 1));
        turn.Step();
        roll.Step();
    }

    using BinaryWriter file = new(File.Create(Path.Combine(folder, name + ".wav")));
    file.Write(Encoding.ASCII.GetBytes("RIFF"));
    file.Write(36 + (2 * samples));
    file.Write(Encoding.ASCII.GetBytes("WAVEfmt "));
    file.Write(16);
    file.Write((short)1); // integers
    file.Write((short)1); // one channel
    file.Write(Rate);
    file.Write(2 * Rate);
    file.Write((short)2);
    file.Write((short)16);
    file.Write(Encoding.ASCII.GetBytes("data"));
    file.Write(2 * samples);
    foreach (short sample in signal)
    {
        file.Write(sample);
    }
}

// A vector that turns by a share of a circle a step; sums of a series instead of Math.Sin, whose last bit differs from machine to machine.
internal sealed class Phasor
{
    public Phasor(double share)
    {
        double angle = 2 * Math.PI * share, term = 1;
        for (int k = 0; k < 40; k++)
        {
            StepCosine += k % 4 == 0 ? term : k % 4 == 2 ? -term : 0;
            StepSine += k % 4 == 1 ? term : k % 4 == 3 ? -term : 0;
            term *= angle / (k + 1);
        }
    }

    public double StepCosine { get; }

    public double StepSine { get; }

    public double Cosine { get; private set; } = 1;

    private double Sine { get; set; }

    public void Step() => (Cosine, Sine) = ((Cosine * StepCosine) - (Sine * StepSine), (Cosine * StepSine) + (Sine * StepCosine));
}

// From -1 to 1, all equally likely (xorshift64*, Vigna 2016).
internal sealed class Noise(ulong seed)
{
    private ulong state = (seed * 0x9E3779B97F4A7C15) | 1;

    public double Next()
    {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return ((state * 0x2545F4914F6CDD1D) >> 11) / (double)(1L << 52) - 1;
    }
}
