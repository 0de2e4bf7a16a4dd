using System.IO.Compression;
using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tests.Data;
using EmbeddedBackprop.Tests.Onnx;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Every loader of files, with good files to make mutants of.</summary>
internal static class Loaders
{
    /// <summary>What the loaders of IDX and of networks may take here beyond their file's size.</summary>
    private const int Limit = 1 << 20;

    /// <summary>The memory of the folding of constants in ONNX files, and of a network.</summary>
    private const int ImportLimit = 20 << 20;

    public static readonly string[] Formats =
    [
        "safetensors", "model file", "quantized model file", "IDX", "IDX.gz", "CSV", "CSV series", "CSV of words", "strokes", "WAV", "raw int16",
        "npy", "npz", "ONNX file", "ONNX net",
    ];

    public static Loader Of(string format) => format switch
    {
        "safetensors" => Safetensors(),
        "model file" => Model(
            Strings(ModelNets.Saved(extra: new Dictionary<string, string> { ["data"] = "digits" })),
            Strings(Written("input 2x6x6; conv 3 3x3 s2 p1 relu; batchnorm; maxpool 2; dense 3 softmax")),
            Strings(Written("input 5x3; embed = dense 4 tanh; scale 0.5 trained; dense 2")),
            Strings(Written("input 6x4; gru 3 all; lstm 2; dense 2")),
            new Mutants.Source(ModelNets.Saved())),
        "quantized model file" => Model(
            Strings(QuantizedFiles.Saved()), Strings(QuantizedFiles.Saved(QuantizedFiles.Convolutions)), new Mutants.Source(QuantizedFiles.Saved())),
        "IDX" => Idx(new Mutants.Source(Images(), Head: 16), new Mutants.Source(IdxReaderTests.File([1, 2], false, 2))),
        "IDX.gz" => Idx(new Mutants.Source(IdxReaderTests.File(new byte[48], true, 3, 4, 4)), new Mutants.Source(Images(), Seals.Gzip, 16)),
        "CSV" => Csv(),
        "CSV series" => Series(),
        "CSV of words" => Words(),
        "strokes" => Strokes(),
        "WAV" => Wav(),
        "raw int16" => Raw(),
        "npy" => Npy(),
        "npz" => Npz(),
        "ONNX file" => Onnx(bytes => OnnxFile.Read(bytes, "mutant")),
        "ONNX net" => Onnx(LoadOnnx) with { Bound = file => Loader.FourTimes(file.Length) + ImportLimit, BuildsNetworks = true },
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    private static Loader Safetensors() => new(
        LoadTensors,
        TrustingReaders.Safetensors,
        Loader.Words(
            "0", "-1", "1e9", "2147483647", "2147483648", "4294967296", "9223372036854775807", "18446744073709551615", "1.5", "{", "}", "[", "]", ",",
            ":", "\"", "\\", "\\u0041", "\\ud800", "null", "true", "\"a\":\"b\",", "F64", "U8", "I64", "I8", "I32", "[0,0]", "[24,28]", "[]",
            "__metadata__", "\0", " ", "\n", "\u00ff"),
        new Mutants.Source(SafetensorsBytes.Plain(), Seals.Header),
        new Mutants.Source(SafetensorsBytes.Plain()),
        new Mutants.Source(SafetensorsBytes.Summed(), Seals.Sums),
        new Mutants.Source(SafetensorsBytes.Summed(), Seals.Header));

    private static Loader Model(params Mutants.Source[] sources) => new(
        LoadModel,
        TrustingReaders.Model,
        Loader.Words(
            "0", "-1", "99999", "1e9", "NaN", ";", "=", "\\\"", "x", " ", "relu", "softmax", "input", "dense", "again", "activate", "conv",
            "d2147483647", "same", "gru", "adam", "cosine", "true", "1x1", "2147483647", "activations=int8", "output=int16"),
        sources)
    {
        Bound = file => Loader.FourTimes(Math.Max(file.Length, Limit)),
        BuildsNetworks = true,
    };

    private static Loader Idx(params Mutants.Source[] sources) =>
        new(LoadIdx, TrustingReaders.Idx, Loader.Words("\0", "\u0001", "\u0003", "\b", "\u001f", "\0\0\b\u0003"), sources)
        {
            Bound = file => Loader.FourTimes(Math.Max(file.Length, Limit)),
        };

    private static Loader Csv()
    {
        CsvOptions[] asked =
        [
            new(),
            new() { Target = CsvTarget.Classes },
            new() { Target = CsvTarget.Numbers },
            new() { Classes = ["one", "two", "x"] },
            new() { Classes = ["one", "2", "on\"e"], Target = CsvTarget.Numbers },
            new() { Label = "0", HasHeader = false },
            new() { Label = "1", HasHeader = true, Delimiter = ',' },
        ];
        int next = 0;
        return new Loader(
            bytes =>
            {
                FloatDataset data = CsvReader.Parse(bytes.Span, "mutant", asked[next++ % asked.Length]);
                if (!Finite.All(data.Inputs) || data.ClassNames?.Contains("") == true)
                {
                    Assert.Fail("a value is not finite, or a class has no name");
                }
            },
            TrustingReaders.Csv,
            Loader.Words(",", ";", "\t", "\"", "\n", "\r", "\r\n", " ", ".", "-", "+", "e", "1e39", "NaN", "\0", "one", "\u00e9", "1,2"),
            new Mutants.Source(Encoding.UTF8.GetBytes("\"id\",x,\"y, z\",name\n1, 2.5,3e1,\"one\"\n2,-4,5,two\r\n3,6,\"7\",\"on\"\"e\"\n\n")),
            new Mutants.Source(Encoding.UTF8.GetBytes("1,2\n3,1\n")),
            new Mutants.Source(Encoding.UTF8.GetBytes("5.1;3.5;a\n4.9;3.0;b\n")))
        {
            PartsAreFiles = true,
        };
    }

    private static Loader Strokes() => new(
        bytes => StrokeReader.Parse(bytes.Span, "mutant"),
        TrustingReaders.Strokes,
        Loader.Words(
            "{", "}", "[", "]", ",", ":", "\"", "\\ud800", "1e60", "-", "\"x\"", "\"y\"", "\"label\"", "\"strokePoints\"", "null", "[[[[", "\0"),
        new Mutants.Source(Encoding.UTF8.GetBytes("""
            {"strokes": [{"index": 0, "strokePoints": [{"x": -0.5, "y": 0.25}, {"y": 1e-3, "x": 2}], "label": "10"},
              {"label": "9", "strokePoints": [{"x": 0, "y": 0, "z": null}]}]}
            """)));

    private static Loader Series()
    {
        CsvOptions[] asked =
        [
            new() { Time = "0", HasHeader = false },
            new() { Time = "0", HasHeader = false, SplitAtGaps = true },
            new() { Group = "0", HasHeader = false },
            new() { Group = "0", HasHeader = false, Target = CsvTarget.Numbers },
        ];
        int next = 0;
        return new Loader(
            bytes =>
            {
                CsvSeries series = CsvReader.ParseSeries(bytes.Span, "mutant", asked[next++ % asked.Length]);
                if (series.Starts[0] != 0 || !double.IsFinite(series.Step) || (series.GroupNames is not null && series.GroupOf(0) is null or ""))
                {
                    Assert.Fail("no stretch from the first row on, no step, or a group without a name");
                }
            },
            TrustingReaders.Series,
            Loader.Words(",", "-", ":", " ", "T", "Z", ".", "\n", "0", "1e39", "NaN", "\0", "2015-02-04 17:51:00", "12", "\u00e9", "1,2"),
            new Mutants.Source(Encoding.UTF8.GetBytes("2015-02-04 17:58:00,1,0\n2015-02-04 17:59:00,2,1\n2015-02-04T18:00:00.5Z,3,0\n")),
            new Mutants.Source(Encoding.UTF8.GetBytes("0.5,1,0\n1.5,2,1\n2.5,3,0\n9,4,1\n")))
        {
            PartsAreFiles = true,
        };
    }

    private static Loader Words() => new(
        bytes =>
        {
            CsvText table = CsvText.Parse(bytes, "mutant");
            int fields = 0;
            for (int row = 0; row < Math.Min(table.Count, 8); row++)
            {
                fields += table.Row(row).Count;
            }

            if (fields % table.Columns.Count != 0 || table.Find(table.Columns[0]) != 0)
            {
                Assert.Fail("rows of another length, or a name that is not found");
            }
        },
        TrustingReaders.Words,
        Loader.Words(",", ";", "\t", "\"", "\n", "\r", "\r\n", " ", "\0", "from", "file", "\u00e9", "a,b"),
        new Mutants.Source(Encoding.UTF8.GetBytes("file,label,from,to\na.wav,up,0,100\n\"b, c.wav\",\"on\"\"e\",,\r\nd.wav,x,5,\n\n")),
        new Mutants.Source(Encoding.UTF8.GetBytes("file;label\na.wav;1\nb.wav;2\n")))
    {
        PartsAreFiles = true,
    };

    private static Loader Wav()
    {
        WavOptions[] asked = [new(), new() { Channel = 0 }, new() { Channel = 1 }, new() { Rate = 8000 }];
        int next = 0;
        byte[] list = [1, 2, 3, 4, 5];
        float[] floats = [0.5f, -0.25f, 1.5f];
        return new Loader(
            bytes =>
            {
                using MemoryStream stream = new(bytes.ToArray());
                Recording recording = WavReader.Read(stream, "mutant", asked[next++ % asked.Length]);
                if (recording.Samples.Length == 0 || recording.Rate < 1 || !Finite.All(recording.Samples.Span))
                {
                    Assert.Fail("no samples, no rate, or one that is not finite");
                }
            },
            TrustingReaders.Wav,
            [
                [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [1, 0], [2, 0], [3, 0], [0xFE, 0xFF], [8, 0], [24, 0], [32, 0],
                [64, 0], .. Loader.Words("RIFF", "RF64", "WAVE", "fmt ", "data", "LIST", "fact", "\0"),
            ],
            new Mutants.Source(WavBytes.Of(8000, 1, -2, 3, -4), Seals.Riff, 44),
            new Mutants.Source(WavBytes.File(1, 2, 8000, 24, new byte[24], ("LIST", list)), Seals.Riff, 62),
            new Mutants.Source(WavBytes.File(3, 1, 100, 32, [.. floats.SelectMany(BitConverter.GetBytes)])),
            new Mutants.Source(
                WavBytes.Chunks(("fmt ", WavBytes.Extensible(1, 1, 8000, 16, 12)), ("data", [1, 2, 3, 4]), ("LIST", list)), Seals.Riff, 68));
    }

    private static Loader Raw() => new(
        bytes =>
        {
            using MemoryStream stream = new(bytes.ToArray());
            Recording recording = RawReader.Read(stream, "mutant", 8000);
            if (2 * recording.Samples.Length != bytes.Length)
            {
                Assert.Fail("not every two bytes are a sample");
            }
        },
        TrustingReaders.Raw,
        Loader.Words("\0", "ab", "\u00ff"),
        new Mutants.Source([1, 0, 0xFE, 0xFF, 3, 0, 0xFF, 0x7F, 0, 0x80]))
    {
        PartsAreFiles = true,
    };

    private static Loader Npy() => new(
        bytes => Copy(NpyArray.Parse(bytes, "mutant")),
        TrustingReaders.Npy,
        ArrayWords(),
        new Mutants.Source(NpyArray.ToArray([2, 3], [1, 2, 3, 4, 5, 6])),
        new Mutants.Source(NpzBytes.Columns()),
        new Mutants.Source(NpzBytes.Halves()));

    private static Loader Npz()
    {
        NpzWriter writer = new();
        writer.Add("0.weight", [2, 3], [1, 2, 3, 4, 5, 6]);
        writer.Add("0.bias", [2], [1, 2]);
        (string, byte[])[] arrays = [("a.npy", NpzBytes.Columns()), ("b.npy", NpzBytes.Halves())];
        byte[] stored = NpzBytes.Archive(CompressionLevel.NoCompression, false, arrays);
        return new Loader(
            bytes =>
            {
                foreach (NpyArray array in NpzFile.Parse(bytes, "mutant").Arrays)
                {
                    Copy(array);
                }
            },
            TrustingReaders.Npz,
            [
                .. ArrayWords(), "PK\x1\x2"u8.ToArray(), "PK\x3\x4"u8.ToArray(), "PK\x5\x6"u8.ToArray(), [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0],
                [8, 0], ".npy"u8.ToArray(),
            ],
            new Mutants.Source(writer.ToArray(), Seals.Archive),
            new Mutants.Source(writer.ToArray()),
            new Mutants.Source(stored, Seals.Archive),
            new Mutants.Source(stored),
            new Mutants.Source(NpzBytes.Archive(CompressionLevel.Optimal, true, arrays)),
            new Mutants.Source(NpzBytes.Columns(), Seals.Packed))
        {
            Bound = file => Loader.FourTimes(Math.Max(file.Length, NpzBytes.Declared(file.Span, out int packed))) + (256 * packed),
        };
    }

    private static byte[][] ArrayWords() =>
    [
        .. Loader.Words(
            "0", "-1", "2147483647", "2147483648", "4294967296", "(", ")", "(,)", "{", "}", "'", "\"", ",", ":", "'shape': (2,),", "'descr': '<f8',",
            "'<f2'", "'|O'", "True", "False", "(0,)", "(2, 3)", "\0", "\\", "\n"),
        [0x93, .. "NUMPY"u8],
    ];

    private static Loader Onnx(Action<ReadOnlyMemory<byte>> load) => new(
        load,
        TrustingReaders.Onnx,
        [
            // Lengths and numbers; fields that hold nothing, one letter, a field that no version knows.
            [0], [1], [2], [3], [7], [0x7F], [0x80, 1], [0xFF, 0xFF, 0xFF, 0xFF, 7],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            [0xE7, 0xC2, 0x8D, 0x8B, 0x86, 0x80, 0x80, 0x80, 0x80, 1], [0x0A, 0], [0x12, 1, (byte)'y'], [0x3A, 0], [0xF8, 1, 1],
            .. Loader.Words(
                "Conv", "Relu", "Gemm", "Mul", "Slice", "QuantizeLinear", "x", "y", "pads", "axis", "group", "Reshape", "Flatten", "perm"),
        ],
        [
            .. ((OnnxNet[])[OnnxNet.Image(), OnnxNet.Sequence("LSTM", 4), OnnxNet.Moves()]).Select(net => net.ToArray())
                .SelectMany(file => (Mutants.Source[])[new(file), new(file, Seals.Graph(file))]),
        ]);

    /// <summary>A file with sums, whose strings come before them.</summary>
    private static Mutants.Source Strings(byte[] file) => new(file, Seals.Sums, file.AsSpan().IndexOf("\"sha256.data"u8));

    private static byte[] Written(string net)
    {
        using Network network = NetCompiler.Compile(
            net, new EmbeddedBackprop.Losses.Loss<EmbeddedBackprop.Losses.MeanSquared>(), new NetworkOptions { Batch = 2, Seed = 1 });
        return ModelFile.ToArray(network);
    }

    private static byte[] Images() => IdxReaderTests.File([.. Enumerable.Range(0, 48).Select(i => (byte)(i * 5))], false, 3, 4, 4);

    private static void LoadTensors(ReadOnlyMemory<byte> bytes)
    {
        SafetensorsFile file = SafetensorsFile.Parse(bytes, "mutant");
        Span<int> integers = stackalloc int[3];
        Span<sbyte> small = stackalloc sbyte[64];
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            _ = tensor.Bytes.Length;
            if (tensor.Type == SafetensorsType.I8 && tensor.Length <= small.Length)
            {
                tensor.CopyTo(small[..tensor.Length]);
            }
        }

        if (file.TryGetTensor("q.bias", out SafetensorsTensor? bias))
        {
            // Refused by its type or length, unless it is as it was.
            bias.CopyTo(integers);
        }
    }

    private static void LoadModel(ReadOnlyMemory<byte> bytes)
    {
        ModelFile file = ModelFile.Parse(bytes, "mutant");
        file.MemoryLimit = Limit;
        using Network network = file.ToNetwork(batch: 1);
        if (file.State is not null)
        {
            _ = file.ToTrainerOptions();
        }

        _ = network.Predict(new float[network.Input.Shape.Length]);
    }

    private static void LoadIdx(ReadOnlyMemory<byte> bytes)
    {
        using MemoryStream stream = new(bytes.ToArray());
        IdxArray array = IdxReader.Read(stream, "mutant", Limit);
        long product = 1;
        foreach (int dimension in array.Dimensions)
        {
            product *= dimension;
        }

        if (array.Data.Length != product)
        {
            Assert.Fail($"{array.Data.Length} bytes for {product}");
        }
    }

    private static void LoadOnnx(ReadOnlyMemory<byte> bytes)
    {
        OnnxFile file = OnnxFile.Read(bytes, "mutant");
        file.MemoryLimit = Limit;
        using Network network = file.ToNetwork(new NetworkOptions { Batch = 2 });
        network.PredictionInput(2).Clear();
        _ = network.Predict(2);
    }

    private static void Copy(NpyArray array)
    {
        Span<float> values = stackalloc float[1024];
        if (array.Length <= values.Length && array.Type is SafetensorsType.F32 or SafetensorsType.F64 or SafetensorsType.F16)
        {
            array.CopyTo(values[..array.Length]);
        }
    }
}
