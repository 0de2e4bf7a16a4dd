using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Files between this library and Python, by a reader and a writer in a few lines of Python's standard library.</summary>
public sealed class SafetensorsPythonTests
{
    private const string Reader = """
        import hashlib, json, struct, sys
        raw = open(sys.argv[1], 'rb').read()
        n = struct.unpack('<Q', raw[:8])[0]
        head, data = raw[8:8 + n], raw[8 + n:]
        table = json.loads(head)
        meta = table.pop('__metadata__')
        assert (8 + n) % 64 == 0
        assert hashlib.sha256(data).hexdigest() == meta['sha256.data']
        own = meta['sha256.header']
        assert hashlib.sha256(head.replace(own.encode(), b'0' * 64)).hexdigest() == own
        code = {'F32': 'f', 'I8': 'b', 'I32': 'i'}
        out = {name: [x[0] for x in struct.iter_unpack('<' + code[t['dtype']], data[t['data_offsets'][0]:t['data_offsets'][1]])]
               for name, t in table.items()}
        print(json.dumps([meta['graph'], table['dense.weights']['shape'], out]))
        """;

    private const string Writer = """
        import json, struct, sys
        head = json.dumps({'b': {'dtype': 'F32', 'shape': [2], 'data_offsets': [16, 24]},
                           'a': {'dtype': 'F64', 'shape': [2, 1], 'data_offsets': [0, 16]},
                           '__metadata__': {'n\u00f6te': '\u65e5\n"x" \U0001f600'}}).encode()
        open(sys.argv[1], 'wb').write(struct.pack('<Q', len(head)) + head + struct.pack('<2d2f', 1, 2, 3, -4.5))
        """;

    private string _path = "";

    [SetUp]
    public void CreateFile() => _path = Path.GetTempFileName();

    [TearDown]
    public void DeleteFile() => File.Delete(_path);

    [Test]
    public void Python_reads_our_file_and_its_sums()
    {
        SafetensorsWriter writer = new();
        writer.AddMetadata("graph", "line 1\n\"é\" 😀");
        writer.AddRows("dense.weights", [2, 3], [1, 2, 3, 99, 4, 5, 6, 99], 4);
        writer.Add("dense.bias", [1], [-0.1f]);
        writer.AddIntegers("q.bias", [2], [-1, 1 << 30]);
        writer.AddIntegers("q.weight", [3], (sbyte[])[-127, 0, 127]);
        writer.Save(_path);
        using JsonDocument printed = JsonDocument.Parse(Python(Reader));
        Assert.That(printed.RootElement[0].GetString(), Is.EqualTo("line 1\n\"é\" 😀"));
        Assert.That(printed.RootElement[1].GetRawText(), Is.EqualTo("[2, 3]"));
        Assert.That(printed.RootElement[2].GetProperty("dense.weights").GetRawText(), Is.EqualTo("[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"));
        Assert.That(printed.RootElement[2].GetProperty("dense.bias")[0].GetDouble(), Is.EqualTo((double)-0.1f));
        Assert.That(printed.RootElement[2].GetProperty("q.bias").GetRawText(), Is.EqualTo("[-1, 1073741824]"));
        Assert.That(printed.RootElement[2].GetProperty("q.weight").GetRawText(), Is.EqualTo("[-127, 0, 127]"));
    }

    [Test]
    public void We_read_a_file_of_Python()
    {
        _ = Python(Writer);
        SafetensorsFile file = SafetensorsFile.Read(_path);
        Assert.That(file.GetMetadata("nöte"), Is.EqualTo("日\n\"x\" 😀"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "b", "a" }));
        float[] values = new float[2];
        file.GetTensor("b").CopyTo(values);
        Assert.That(values, Is.EqualTo(new[] { 3f, -4.5f }));
        Assert.That(BitConverter.ToDouble(file.GetTensor("a").Bytes[8..]), Is.EqualTo(2.0));
    }

    private string Python(string program) =>
        Tools.RunChecked(Path.GetTempPath(), Tools.Require("python3", "python3"), "-c", program, _path);
}
