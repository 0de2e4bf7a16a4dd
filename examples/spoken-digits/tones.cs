// Writes recordings for run.sh where there are none: four "words" of tones by six "speakers", 12 times each, named WORD_SPEAKER_N.wav.
// dotnet run tones.cs -- FOLDER
// Sums and products of doubles alone, and a generator of its own: the same files on every machine.
const int Rate = 8000, Takes = 12;
string[] speakers = ["ann", "bob", "cleo", "dan", "eve", "finn"];

// The pitch of each third of a word, relative to its speaker.
(string Name, double[] Pitch)[] words = [("fall", [2, 1.5, 1]), ("flat", [1.2, 1.2, 1.2]), ("jump", [1, 2.2, 1]), ("rise", [1, 1.5, 2])];
ulong state = 1;
string folder = Directory.CreateDirectory(args[0]).FullName;
for (int speaker = 0; speaker < speakers.Length; speaker++)
{
    double pitch = 260 + (45 * speaker), loudness = 0.05 * (1 + speaker);
    foreach ((string word, double[] tones) in words)
    {
        for (int take = 0; take < Takes; take++)
        {
            int part = (int)(Rate * (0.11 + (0.05 * Uniform())));
            double own = pitch * (0.95 + (0.1 * Uniform()));
            short[] samples = new short[3 * part];
            double phase = 0;
            for (int i = 0; i < samples.Length; i++)
            {
                phase += own * tones[i / part] / Rate;
                double tone = Sine(phase) + (0.5 * Sine(2 * phase)) + (0.25 * Sine(3 * phase)), noise = Uniform() - 0.5;
                samples[i] = (short)(32767 * loudness * ((tone / 2) + (0.1 * noise)));
            }

            Write(Path.Combine(folder, $"{word}_{speakers[speaker]}_{take}.wav"), samples);
        }
    }
}

Console.WriteLine($"{speakers.Length * words.Length * Takes} recordings of tones: {folder}");

double Uniform()
{
    state = (state * 6364136223846793005UL) + 1442695040888963407UL; // Knuth, MMIX
    return (state >> 11) / 9007199254740992.0;
}

// sin(2 pi turns), to 0.001: a parabola of each half turn and its square.
static double Sine(double turns)
{
    double x = turns - Math.Floor(turns), half = x < 0.5 ? 16 * x * (0.5 - x) : -16 * (x - 0.5) * (1 - x);
    return half * (0.775 + (0.225 * Math.Abs(half)));
}

static void Write(string path, short[] samples)
{
    using BinaryWriter file = new(File.Create(path));
    int bytes = 2 * samples.Length;
    file.Write("RIFF"u8);
    file.Write(36 + bytes);
    file.Write("WAVEfmt "u8);
    file.Write(16);
    file.Write((short)1); // PCM
    file.Write((short)1); // channels
    file.Write(Rate);
    file.Write(2 * Rate);
    file.Write((short)2); // bytes of a sample
    file.Write((short)16); // bits
    file.Write("data"u8);
    file.Write(bytes);
    foreach (short sample in samples)
    {
        file.Write(sample);
    }
}
