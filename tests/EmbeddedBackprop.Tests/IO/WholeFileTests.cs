using System.IO.Pipes;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Files that are none: every reader refuses pipes and too long files before it reads them.</summary>
internal sealed class WholeFileTests
{
    private static readonly (string Name, Action<string> Read)[] Readers =
    [
        ("model", path => ModelFile.Open(path)),
        ("safetensors", path => SafetensorsFile.Read(path)),
        ("npy", path => NpyArray.Read(path)),
        ("npz", path => NpzFile.Read(path)),
        ("onnx", path => OnnxFile.Read(path)),
        ("csv", path => CsvReader.Read(path)),
        ("strokes", path => StrokeReader.Read(path)),
        ("idx", path => IdxReader.Read(path)),
    ];

    [Test]
    public void Every_reader_refuses_a_pipe()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("pipes have no path here");
        }

        using AnonymousPipeServerStream pipe = new(PipeDirection.Out);
        string path = $"/proc/self/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";
        foreach ((string name, Action<string> read) in Readers)
        {
            Assert.That(
                () => read(path),
                Throws.TypeOf<DataFormatException>().With.Message.EqualTo($"{path}: byte 0: a pipe or device cannot be read, only a file"),
                name);
        }
    }

    [Test]
    public void A_file_beyond_the_limit_is_refused_unread()
    {
        using TemporaryFile file = new();
        using (FileStream stream = new(file.Path, FileMode.Open))
        {
            // A hole: no byte of it is on the disk.
            stream.SetLength((1L << 31) + 5);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach ((string name, Action<string> read) in Readers[..^1])
        {
            Assert.That(() => read(file.Path), Throws.TypeOf<DataFormatException>(), name);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
        DataFormatException? error = Assert.Throws<DataFormatException>(() => StrokeReader.Read(file.Path));
        Assert.That(error!.Message, Does.EndWith("the file has 2147483653 bytes, the limit is 1073741824"));
        error = Assert.Throws<DataFormatException>(() => SafetensorsFile.Read(file.Path));
        Assert.That((error!.Offset, error.Message), Is.EqualTo(
            ((long)Array.MaxLength, $"{file.Path}: byte {Array.MaxLength}: the file has 2147483653 bytes, the limit is {Array.MaxLength}")));
        File.WriteAllBytes(file.Path, new byte[8]);
        Assert.That(WholeFile.Read(file.Path, 8), Has.Length.EqualTo(8));
        Assert.That(
            () => WholeFile.Read(file.Path, 7), Throws.TypeOf<DataFormatException>().With.Message.EndsWith("the file has 8 bytes, the limit is 7"));
    }
}
