using System.Buffers.Binary;
using System.IO.Compression;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Recordings: every format of samples by hand, lengths that lie, what is refused and where, folders and archives.</summary>
internal sealed class WavReaderTests
{
    private static readonly byte[] Good = WavBytes.Of(8000, 0, 16384, -32768, 32767);

    [Test]
    public void A_sample_of_16_bits_is_divided_by_32768()
    {
        Recording recording = Parse(Good);
        Bits.AssertEqual(recording.Samples.ToArray(), [0f, 0.5f, -1f, 32767f / 32768f], "s / 32768");
        Assert.That((recording.Name, recording.Rate, recording.Clipped, recording.IsSilent), Is.EqualTo(("w", 8000, 2, false)));
    }

    [TestCase(8, new byte[] { 0, 64, 128, 255 }, new[] { -1f, -0.5f, 0f, 127f / 128f })]
    [TestCase(24, new byte[] { 0, 0, 0x80, 1, 0, 0, 0xFF, 0xFF, 0x7F }, new[] { -1f, 1f / 8388608f, 8388607f / 8388608f })]
    [TestCase(32, new byte[] { 0, 0, 0, 0x80, 0, 0, 0, 0x40, 0xFF, 0xFF, 0xFF, 0x7F }, new[] { -1f, 0.5f, 1f })]
    public void Integers_of_every_length_by_hand(int bits, byte[] data, float[] expected)
    {
        foreach (byte[] format in (byte[][])[WavBytes.Format(1, 1, 100, bits), WavBytes.Extensible(1, 1, 100, bits, bits)])
        {
            Recording recording = Parse(WavBytes.Chunks(("fmt ", format), ("data", data)));
            Bits.AssertEqual(recording.Samples.ToArray(), expected, $"{bits} bits");
            Assert.That(recording.Clipped, Is.EqualTo(2), "the first and the last value");
        }
    }

    [Test]
    public void Floats_stay_as_they_are_and_doubles_are_rounded()
    {
        float[] floats = [0.25f, -3f, float.Epsilon];
        Bits.AssertEqual(
            Parse(WavBytes.File(3, 1, 100, 32, [.. floats.SelectMany(BitConverter.GetBytes)])).Samples.ToArray(), floats, "floats");
        double[] doubles = [0.1, -1];
        Bits.AssertEqual(
            Parse(WavBytes.File(3, 1, 100, 64, [.. doubles.SelectMany(BitConverter.GetBytes)])).Samples.ToArray(), [0.1f, -1f], "doubles");
        Assert.That(Parse(WavBytes.File(3, 1, 100, 32, BitConverter.GetBytes(1f))).Clipped, Is.Zero);
    }

    /// <summary>More samples than are read at once; the control is the formula, sample by sample.</summary>
    [Test]
    public void One_channel_of_several_over_many_pieces([Values(1, 2, 3)] int channels)
    {
        byte[] data = new byte[channels * 3 * 50_000];
        uint state = 1;
        for (int i = 0; i < data.Length; i++)
        {
            state = (state * 1664525) + 1013904223;
            data[i] = (byte)(state >> 24);
        }

        byte[] file = WavBytes.File(1, channels, 44100, 24, data);
        for (int channel = 0; channel < channels; channel++)
        {
            float[] read = Parse(file, new WavOptions { Channel = channel }).Samples.ToArray(), expected = new float[50_000];
            for (int i = 0; i < expected.Length; i++)
            {
                int at = ((i * channels) + channel) * 3, s = data[at] | (data[at + 1] << 8) | ((sbyte)data[at + 2] << 16);
                expected[i] = (float)(s / 8388608.0);
            }

            Bits.AssertEqual(read, expected, $"channel {channel}");
        }
    }

    [Test]
    public void Other_chunks_are_passed_over_and_an_odd_end_may_lack_its_byte()
    {
        (string, byte[]) list = ("LIST", [1, 2, 3]);
        Bits.AssertEqual(Parse(WavBytes.File(1, 1, 8, 16, [0, 64], list)).Samples.ToArray(), [0.5f], "a chunk before");
        byte[] odd = WavBytes.File(1, 1, 8, 8, [0, 64, 128]);
        Assert.That(Parse(odd).Samples.Length, Is.EqualTo(3));
        byte[] without = odd[..^1];
        BinaryPrimitives.WriteInt32LittleEndian(without.AsSpan(4), without.Length - 8);
        Assert.That(Parse(without).Samples.Length, Is.EqualTo(3));
    }

    private static readonly (byte[] File, long Offset, string Problem)[] Refused =
    [
        ([], 0, "the file is empty"),
        (Good[..7], 7, "truncated"),
        ([.. "RIFX"u8, .. Good[4..]], 0, "begins with 'RIFX'"),
        ([0, .. Good[1..]], 0, "begins with 00494646"),
        ([.. Good[..8], .. "AVI "u8, .. Good[12..]], 8, "expected 'WAVE', found 'AVI '"),
        (Good[..^1], 4, "the header declares 52 bytes, the file has 51: truncated, or never finished by the recorder"),
        (With(Good, 4, 0), 4, "the header declares 8 bytes, the file has 52: bytes after the end"),
        (With(Good, 4, -1), 4, "declares 4294967303 bytes"),
        ([.. Good, 0], 4, "bytes after the end"),
        (With(Good, 40, 9), 40, "chunk 'data' declares 9 bytes, 8 are left: truncated, or a length that is wrong"),
        (With(Good, 40, 6), 52, "truncated"),
        (With(Good, 16, -1), 16, "chunk 'fmt ' declares 4294967295 bytes"),
        (WavBytes.Chunks(("fmt ", Format)), 36, "there is no 'data' chunk"),
        (WavBytes.Chunks(("LIST", [1, 2])), 22, "there is no 'fmt ' chunk"),
        (WavBytes.Chunks(("data", [1, 2]), ("fmt ", Format)), 12, "samples before the 'fmt ' chunk"),
        (WavBytes.Chunks(("fmt ", Format), ("fmt ", Format), ("data", [1, 2])), 36, "a second 'fmt ' chunk"),
        (WavBytes.Chunks(("fmt ", Format), ("data", [1, 2]), ("data", [1, 2])), 46, "a second 'data' chunk"),
        (WavBytes.Chunks(("fmt ", Format[..14]), ("data", [1, 2])), 16, "the 'fmt ' chunk has 14 bytes, expected at least 16"),
        (WavBytes.File(2, 1, 8000, 16, [1, 2]), 20, "format 2 (ADPCM) is not read, only 1 (PCM) and 3 (float)"),
        (WavBytes.File(7, 1, 8000, 8, [1, 2]), 20, "format 7 (mu-law) is not read"),
        (WavBytes.File(99, 1, 8000, 8, [1, 2]), 20, "format 99 is not read"),
        (WavBytes.File(1, 1, 8000, 64, new byte[8]), 34, "samples of 64 bits are not read as PCM, only of 8, 16, 24 or 32"),
        (WavBytes.File(3, 1, 8000, 16, new byte[8]), 34, "samples of 16 bits are not read as floats, only of 32 or 64"),
        (WavBytes.File(1, 0, 8000, 16, [1, 2]), 22, "there are no channels"),
        (WavBytes.File(1, 1, 0, 16, [1, 2]), 24, "the rate is 0 Hz"),
        (With(Good, 28, 1), 28, "1 bytes a second do not fit the rate of 8000 Hz and 2 bytes"),
        (With(Good, 32, 4 | (16 << 16)), 32, "1 channels of 16 bits are said to take 4 bytes, they take 2"),
        (WavBytes.File(1, 1, 8000, 16, []), 44, "there are no samples"),
        (WavBytes.File(1, 1, 8000, 16, [1, 2, 3]), 44, "3 bytes are no whole samples of 2 bytes"),
        (WavBytes.File(1, 2, 8000, 16, [1, 2, 3, 4]), 44, "the file has 2 channels: one must be chosen, 0 to 1"),
        (WavBytes.File(3, 1, 100, 32, [0, 0, 0, 0, 0, 0, 0x80, 0x7F]), 48, "sample 1 is not a finite float"),
        (WavBytes.File(3, 1, 100, 64, BitConverter.GetBytes(1e60)), 44, "sample 0 is not a finite float"),
        (WavBytes.Chunks(("fmt ", WavBytes.Extensible(1, 1, 8, 16, 17)), ("data", [1, 2])), 38, "17 of 16 bits are said to be valid"),
        (WavBytes.Chunks(("fmt ", WavBytes.Extensible(1, 1, 8, 16, 16)[..20]), ("data", [1, 2])), 44, "does not say which one it is"),
        (WavBytes.Chunks(("fmt ", [.. WavBytes.Extensible(1, 1, 8, 16, 16)[..39], 0]), ("data", [1, 2])), 44, "does not say which one it is"),
    ];

    private static byte[] Format => WavBytes.Format(1, 1, 8000, 16);

    [TestCaseSource(nameof(Refused))]
    public void What_does_not_follow_the_format_is_refused_with_its_place((byte[] File, long Offset, string Problem) refused)
    {
        DataFormatException exception = Assert.Throws<DataFormatException>(() => Parse(refused.File))!;
        Assert.That(exception.Message, Does.StartWith("w: byte ").And.Contains(refused.Problem));
        Assert.That(exception.Offset, Is.EqualTo(refused.Offset), exception.Message);
    }

    [Test]
    public void Another_rate_channel_or_size_than_was_asked_for_is_refused()
    {
        Assert.That(Parse(Good, new WavOptions { Rate = 8000, Channel = 0, Limit = 8 }).Samples.Length, Is.EqualTo(4), "the control");
        Expect(new WavOptions { Rate = 16000 }, "the rate is 8000 Hz, expected 16000 Hz");
        Expect(new WavOptions { Channel = 1 }, "there is no channel 1, only 0");
        Expect(new WavOptions { Limit = 7 }, "8 bytes of samples, the limit is 7");

        static void Expect(WavOptions options, string problem) =>
            Assert.That(() => Parse(Good, options), Throws.InstanceOf<DataFormatException>().With.Message.Contains(problem));
    }

    [Test]
    public void A_folder_and_an_archive_give_the_same_recordings_in_the_order_of_their_names()
    {
        string folder = Directory.CreateTempSubdirectory("ebp-wav").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "all", "up"));
            string zip = Path.Combine(folder, "all.zip");
            foreach ((string name, byte[] bytes) in ((string, byte[])[])
                [("up/b.wav", WavBytes.Of(8, 2)), ("up/a.WAV", WavBytes.Of(8, 1)), ("c.wav", WavBytes.Of(8, 3)), ("d.txt", [1])])
            {
                File.WriteAllBytes(Path.Combine(folder, "all", name), bytes);
            }

            ZipFile.CreateFromDirectory(Path.Combine(folder, "all"), zip);
            foreach (string path in (string[])[Path.Combine(folder, "all"), zip])
            {
                IReadOnlyList<Recording> read = WavReader.ReadAll(path);
                Assert.That(read.Select(recording => recording.Name), Is.EqualTo(new[] { "c.wav", "up/a.WAV", "up/b.wav" }), path);
                Assert.That(read.Select(recording => recording.Samples.Span[0] * 32768), Is.EqualTo(new[] { 3f, 1f, 2f }), path);
                Assert.That(WavReader.ReadAll(path, null, name => name[0] == 'c').Single().Name, Is.EqualTo("c.wav"));
                Assert.That(
                    () => WavReader.ReadAll(path, null, _ => false),
                    Throws.TypeOf<FileNotFoundException>().With.Message.Contains("holds no .wav file"));
                using CancellationTokenSource source = new();
                source.Cancel();
                Assert.That(
                    () => WavReader.ReadAll(path, new WavOptions { Cancellation = source.Token }), Throws.InstanceOf<OperationCanceledException>());
            }

            Assert.That(WavReader.ReadAll(Path.Combine(folder, "all", "c.wav")).Single().Name, Is.EqualTo("c.wav"));
            File.WriteAllBytes(Path.Combine(folder, "all", "up", "b.wav"), WavBytes.Of(9, 2));
            Assert.That(
                () => WavReader.ReadAll(Path.Combine(folder, "all")),
                Throws.InstanceOf<DataFormatException>().With.Message.Contains("the rate is 9 Hz, expected 8 Hz"));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Test]
    public void Integers_without_a_header_are_those_of_the_file_with_one([Values(1, 2, 3, 40_001)] int count)
    {
        short[] samples = [.. Enumerable.Range(0, count).Select(i => (short)((i * 7919) - 32768))];
        byte[] bytes = [.. samples.SelectMany(BitConverter.GetBytes)];
        Recording raw = RawReader.Read(new MemoryStream(bytes), "r", 8000), wav = Parse(WavBytes.Of(8000, samples));
        Bits.AssertEqual(raw.Samples.ToArray(), wav.Samples.ToArray(), "samples");
        Assert.That((raw.Rate, raw.Clipped), Is.EqualTo((8000, wav.Clipped)));
        Assert.That(
            () => RawReader.Read(new MemoryStream(bytes[1..]), "r", 8000),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains(count == 1 ? "1 bytes are no whole" : "no whole samples of 2 bytes"));
        Assert.That(
            () => RawReader.Read(new MemoryStream(), "r", 8000), Throws.InstanceOf<DataFormatException>().With.Message.Contains("the file is empty"));
        Assert.That(
            () => RawReader.Read(new MemoryStream(bytes), "r", 8000, limit: (2 * count) - 1),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("the limit is"));
    }

    [Test]
    public void A_large_file_takes_four_times_its_samples_bytes()
    {
        using EmbeddedBackprop.Tests.IO.TemporaryFile file = new();
        File.WriteAllBytes(file.Path, WavBytes.File(1, 1, 8000, 8, new byte[4_000_001]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        _ = WavReader.Read(file.Path);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.InRange(4 * 4_000_001L, (4 * 4_000_001L) + 65536));
    }

    [Test]
    public void The_spoken_digits_are_read_as_their_description_says()
    {
        IReadOnlyList<Recording> all = WavReader.ReadAll(RealData.Path("spoken-digits", "recordings.zip"));
        Assert.That((all.Count, all.All(r => r.Rate == 8000)), Is.EqualTo((3000, true)));
        Assert.That(all.Sum(r => (long)r.Samples.Length), Is.EqualTo(10_498_424));
        Assert.That((all.Min(r => r.Samples.Length), all.Max(r => r.Samples.Length)), Is.EqualTo((1_148, 18_262)));
        Assert.That(all.Count(r => r.Samples.Length > 8000), Is.EqualTo(20));
    }

    [Test]
    public void The_bearings_are_read_as_their_table_says()
    {
        CsvText table = CsvText.Read(RealData.Path("cwru", "files.csv"));
        IReadOnlyList<Recording> all = WavReader.ReadAll(RealData.Path("cwru"));
        Assert.That((all.Count, table.Count), Is.EqualTo((37, 37)));
        Dictionary<string, IReadOnlyList<string>> rows = Enumerable.Range(0, 37).Select(table.Row).ToDictionary(row => row[0]);
        foreach (Recording recording in all)
        {
            double sum = 0, square = 0, peak = 0;
            int count = recording.Samples.Length;
            foreach (float sample in recording.Samples.Span)
            {
                sum += sample;
                square += (double)sample * sample;
                peak = Math.Max(peak, Math.Abs(sample));
            }

            double deviation = Math.Sqrt((square / count) - (sum / count * sum / count));

            IReadOnlyList<string> row = rows[recording.Name];
            Assert.That(count, Is.EqualTo(Number(table, row, "samples")), recording.Name);
            Assert.That(deviation * 8, Is.EqualTo(Number(table, row, "rms_g")).Within(1e-4), recording.Name);
            Assert.That(peak * 8, Is.EqualTo(Number(table, row, "peak_g")).Within(2e-4), "1 g = 4096 = 32768 / 8");
        }

        static double Number(CsvText table, IReadOnlyList<string> row, string column) =>
            double.Parse(row[table.Find(column)], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static byte[] With(byte[] file, int at, int value)
    {
        byte[] changed = [.. file];
        BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(at), value);
        return changed;
    }

    private static Recording Parse(byte[] file, WavOptions? options = null) => WavReader.Read(new MemoryStream(file), "w", options);
}
