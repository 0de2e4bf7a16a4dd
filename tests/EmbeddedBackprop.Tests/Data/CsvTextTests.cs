using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Tables of words: fields as they are, and what is refused.</summary>
internal sealed class CsvTextTests
{
    [TestCase("file,label\na.wav,up\nb.wav,\"on, off\"\n")]
    [TestCase("file;label\r\na.wav;up\r\n\"b.wav\"; on, off \r\n\r\n")]
    [TestCase("\uFEFFfile\tlabel\na.wav\tup\nb.wav\ton, off")]
    public void Fields_are_words(string text)
    {
        CsvText table = Parse(text);
        Assert.That(table.Columns, Is.EqualTo(new[] { "file", "label" }));
        Assert.That((table.Count, table.Find("label"), table.Find("Label")), Is.EqualTo((2, 1, -1)));
        Assert.That(table.Row(0), Is.EqualTo(new[] { "a.wav", "up" }));
        Assert.That(table.Row(1), Is.EqualTo(new[] { "b.wav", "on, off" }));
    }

    [Test]
    public void Quotes_and_empty_fields()
    {
        CsvText table = Parse("a,b\n\"x \"\"y\"\"\",\n,\"\"\n");
        Assert.That(table.Row(0), Is.EqualTo(new[] { "x \"y\"", "" }));
        Assert.That(table.Row(1), Is.EqualTo(new[] { "", "" }));
        Assert.That(() => table.Row(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(Parse("a,b\n").Count, Is.Zero, "names alone");
    }

    [TestCase("", 0, "the file is empty")]
    [TestCase("a,b\n1\n", 6, "line 2, column 1: the row has 1 field, expected 2")]
    [TestCase("a,b\n1,2,3\n", 10, "the row has 3 fields, expected 2")]
    [TestCase("a,b\n1,2\n\n3,4\n", 9, "the row has 1 field")]
    [TestCase("a,a\n1,2\n", 0, "two columns are called 'a'")]
    [TestCase("a,b\n\"1,2\n", 4, "never closed")]
    [TestCase("a,b\n1,x\u0001\n", 6, "not UTF-8 text or holds control characters")]
    [TestCase("a,\u0001\n1,2\n", 2, "the column's name")]
    public void What_does_not_follow_the_format_is_refused_with_its_place(string text, long offset, string problem)
    {
        DataFormatException exception = Assert.Throws<DataFormatException>(() => Parse(text))!;
        Assert.That(exception.Message, Does.StartWith("t: byte ").And.Contains(problem));
        Assert.That(exception.Offset, Is.EqualTo(offset), exception.Message);
    }

    private static CsvText Parse(string text) => CsvText.Parse(Encoding.UTF8.GetBytes(text), "t");
}
