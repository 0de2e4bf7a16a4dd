using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Data;

[TestFixture]
[Parallelizable(ParallelScope.Self)]
public sealed class CsvReaderTests
{
    private static readonly string[] DateIgnored = ["date"];

    [TestCase("1,2,0\n3,4,1\n", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase("1,2,0\n3,4,1", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase("\uFEFF1,2,0\r\n3,4,1\r\n\r\n \n", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase(" 1 ,\t2,0\n  3,4 ,1  \n", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase("1;2;0\n3;4;1\n", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase("1\t2\t0\n3\t4\t1\n", "1 2 | 3 4", "0 1", "0 1", null)]
    [TestCase("\"1\",\"2\",\"no, never\"\n\"3\" , 4,yes\n", "1 2 | 3 4", "0 1", "no, never|yes", null)]
    [TestCase("1,\"a\"\"b\"\n2,c\n3,\"a\"\"b\"\n", "1 | 2 | 3", "0 1 0", "a\"b|c", null)]
    [TestCase("1,\"a\nb\"\n2,c\n", null, null, "line 1, column 2", null)]
    [TestCase("a,b,y\n1,2,0\n3,4,1\n", "1 2 | 3 4", "0 1", "0 1", "a b")]
    [TestCase("\"a, b\",\"c\"\"d\",y\n1,2,0\n3,4,1\n", "1 2 | 3 4", "0 1", "0 1", "a, b|c\"d")]
    [TestCase("x,species\n1,setosa\n2,other\n", "1 | 2", "0 1", "setosa|other", "x")]
    [TestCase("x,y\n\"7\",1,0\n\"8\",2,1\n", "1 | 2", "0 1", "0 1", "x")]
    [TestCase("1,9\n2,-3\n3,09\n4,9.0\n", "1 | 2 | 3 | 4", "1 0 1 1", "-3 9", null)]
    [TestCase("1,b\n2,a\n3,b\n", "1 | 2 | 3", "0 1 0", "b a", null)]
    [TestCase("1,x\n", "1", "0", "x", null)]
    [TestCase("1e2,-.5,+3.25E-1,0\n", "100 -0.5 0.325", "0", "0", null)]
    public void Tables_are_read(string text, string? inputs, string? labels, string names, string? columns)
    {
        if (inputs is null)
        {
            Assert.That(() => Parse(text), Throws.TypeOf<DataFormatException>().With.Message.Contains(names));
            return;
        }

        FloatDataset data = Parse(text);
        string[] rows =
        [
            .. Enumerable.Range(0, data.Count).Select(i => string.Join(' ', data.Row(i).ToArray().Select(v => FormattableString.Invariant($"{v}")))),
        ];
        Assert.That(string.Join(" | ", rows), Is.EqualTo(inputs));
        Assert.That(string.Join(' ', Enumerable.Range(0, data.Count).Select(data.Label)), Is.EqualTo(labels));
        Assert.That(data.ClassNames, Is.EqualTo(names.Split(names.Contains('|', StringComparison.Ordinal) ? '|' : ' ')));
        Assert.That(data.ClassCount, Is.EqualTo(data.ClassNames!.Count));
        Assert.That(data.InputNames, Is.EqualTo(columns?.Split(columns.Contains('|', StringComparison.Ordinal) ? '|' : ' ')));
    }

    [TestCase("", "byte 0: the file is empty")]
    [TestCase(" \n\n", "byte 0: the file is empty")]
    [TestCase("a,b\n", "line 1, column 1: 'a' is not a number")]
    [TestCase("1\n2\n", "one column")]
    [TestCase("1,2,0\n3,4,1\n5,0\n", "byte 16: line 3, column 2: the row has 2 fields, expected 3")]
    [TestCase("1,2,0\n3,4,1\n5,6,0,7\n", "byte 18: line 3, column 4: the row goes on after the 3 fields")]
    [TestCase("1,2,0\n3,,1\n", "byte 8: line 2, column 2: the field is empty")]
    [TestCase("1,2,0\n3,4,\n", "byte 10: line 2, column 3: the label is empty")]
    [TestCase("1,2,0\n\n3,4,1\n", "line 2, column 1: the row has 1 field, expected 3")]
    [TestCase("1,2,0\n3,1\n", "line 2, column 2: the row has 2 fields, expected 3")]
    [TestCase("a\n3,1\n", "no column is left")]
    [TestCase("a,b,y\n1,2,0\n3,NaN,1\n", "byte 14: line 3, column 2: 'b': 'NaN' is not a finite float")]
    [TestCase("1,2,0\n3,inf,1\n", "'inf' is not a finite float")]
    [TestCase("1,2,0\n3,-Infinity,1\n", "'-Infinity' is not a finite float")]
    [TestCase("1,2,0\n3,1e39,1\n", "'1e39' is not a finite float")]
    [TestCase("1,2,0\n3,4,nan\n", "line 2, column 3: the label 'nan' is not a finite number")]
    [TestCase("1,2,0\n3,1.5.2,1\n", "byte 8: line 2, column 2: '1.5.2' is not a number (a column")]
    [TestCase("1,2,0\n3,1\0,1\n", "'1?' is not a number")]
    [TestCase("1,2,0\n3,4,x\n", "line 2, column 3: the labels before are numbers, 'x' is not")]
    [TestCase("1,2,x\n3,4,y\n5,6,2", "line 3, column 3: the labels before are words, '2' is not")]
    [TestCase("1,2,0\n3,\"4,1\n", "byte 8: line 2, column 2: the quote that opens here is never closed")]
    [TestCase("1,2,0\n3,\"4\"5,1\n", "byte 11: line 2, column 2: text follows after the closing quote")]
    [TestCase("1,2,0\n3,4\"5,1\n", "byte 9: line 2, column 2: a quote inside a field")]
    [TestCase("1,2,a\u0001\n3,4,b\n", "control characters")]
    [TestCase("1,2,\"0\"\r", "line 1, column 3: text follows after the closing quote")]
    public void What_is_wrong_is_named_with_line_column_and_byte(string text, string problem) =>
        Assert.That(() => Parse(text), Throws.TypeOf<DataFormatException>().With.Message.Contains(problem).And.Message.StartsWith("test.csv: byte "));

    [TestCase(',')]
    [TestCase(';')]
    [TestCase('\t')]
    public void A_delimiter_can_be_given(char delimiter)
    {
        FloatDataset data = Parse($"1{delimiter}2{delimiter}0\n3{delimiter}4{delimiter}1\n", new CsvOptions { Delimiter = delimiter });
        Assert.That((data.Count, data.InputLength, data.ClassCount), Is.EqualTo((2, 2, 2)));
        Assert.That(() => Parse("1,2\n", new CsvOptions { Delimiter = '|' }), Throws.ArgumentException.With.Message.Contains("'|'"));
    }

    [Test]
    public void Of_equal_given_classes_the_first_counts() =>
        Assert.That(Parse("1,one\n2,two\n", new CsvOptions { Classes = ["one", "two", "one"] }).Label(0), Is.Zero);

    [Test]
    public void Fractions_are_numbers_to_be_predicted_and_whole_numbers_on_request()
    {
        FloatDataset data = Parse("1,2,0.5\n3,4,1\n");
        Assert.That((data.ClassCount, data.TargetLength, data.Label(1)), Is.EqualTo((0, 1, -1)));
        float[] targets = new float[2];
        data.Gather([1, 0], new float[4], 2, targets, 1);
        Assert.That(targets, Is.EqualTo(new[] { 1f, 0.5f }));
        Assert.That(Parse("1,2,5\n3,4,1\n", new CsvOptions { Target = CsvTarget.Numbers }).ClassCount, Is.Zero);
        Assert.That(Parse("1,2,0.5\n3,4,x\n", new CsvOptions { Target = CsvTarget.Classes }).ClassNames, Is.EqualTo(new[] { "0.5", "x" }));
        Assert.That(
            () => Parse("1,2,5\n3,4,x\n", new CsvOptions { Target = CsvTarget.Numbers }),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("the label 'x' is not a number"));
    }

    [Test]
    public void More_labels_than_the_limit_are_no_classes()
    {
        string text = string.Concat(Enumerable.Range(0, 1025).Select(i => $"{i},{i}\n"));
        Assert.That(() => Parse(text), Throws.TypeOf<DataFormatException>().With.Message.Contains("more than 1024 different labels"));
        Assert.That(Parse(text, new CsvOptions { Target = CsvTarget.Numbers }).Count, Is.EqualTo(1025));
        Assert.That(Parse(text[..text.LastIndexOf("1024", text.Length - 7, StringComparison.Ordinal)]).ClassCount, Is.EqualTo(1024));
    }

    [TestCase("y", "2 3", "a b")]
    [TestCase("0", "2 3", "a b")]
    [TestCase("b", "1 2", "y a")]
    [TestCase("2", "1 2", "y a")]
    public void The_label_is_chosen_by_name_or_index(string label, string firstRow, string names)
    {
        FloatDataset data = Parse("y,a,b\n1,2,3\n0,5,6\n", new CsvOptions { Label = label });
        Assert.That(string.Join(' ', data.Row(0).ToArray()), Is.EqualTo(firstRow));
        Assert.That(data.InputNames, Is.EqualTo(names.Split(' ')));
    }

    [Test]
    public void Columns_are_ignored_by_name_or_index()
    {
        const string text = "id,when,x,y\n1,monday,2,0\n2,tuesday,3,1\n";
        Assert.That(
            () => Parse(text),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("'when': 'monday' is not a number (a column that is no input can be ignored"));
        FloatDataset data = Parse(text, new CsvOptions { Ignore = ["when", "0"] });
        Assert.That(data.Row(1).ToArray(), Is.EqualTo(new[] { 3f }));
        Assert.That(data.InputNames, Is.EqualTo(new[] { "x" }));
        Assert.Multiple(() =>
        {
            Assert.That(
                () => Parse(text, new CsvOptions { Ignore = ["z"] }),
                Throws.ArgumentException.With.Message.Contains("no column 'z': the header names id, when, x, y"));
            Assert.That(() => Parse(text, new CsvOptions { Label = "4" }), Throws.ArgumentException.With.Message.Contains("indices go from 0 to 3"));
            Assert.That(() => Parse(text, new CsvOptions { Ignore = ["y"] }), Throws.ArgumentException.With.Message.Contains("cannot be ignored"));
            Assert.That(
                () => Parse(text, new CsvOptions { Ignore = ["0", "1", "2"] }),
                Throws.ArgumentException.With.Message.Contains("No column is left"));
            Assert.That(() => Parse(text, new CsvOptions { Delimiter = '|' }), Throws.ArgumentException);
        });
    }

    [Test]
    public void A_header_can_be_claimed_or_denied()
    {
        Assert.That(Parse("1,2\n3,4\n", new CsvOptions { HasHeader = true }).Count, Is.EqualTo(1));
        Assert.That(() => Parse("a,b\n3,4\n", new CsvOptions { HasHeader = false }), Throws.TypeOf<DataFormatException>());
        Assert.That(
            () => Parse("1,2\n", new CsvOptions { HasHeader = true }), Throws.TypeOf<DataFormatException>().With.Message.Contains("no rows of data"));
    }

    [Test]
    public void A_test_file_gets_the_training_files_classes()
    {
        FloatDataset training = Parse("1,b\n2,a\n");
        FloatDataset test = Parse("3,a\n4,a\n", new CsvOptions { Classes = training.ClassNames });
        Assert.That((test.Label(0), test.Label(1), test.ClassCount), Is.EqualTo((1, 1, 2)));
        Assert.That(
            () => Parse("3,a\n4,c\n", new CsvOptions { Classes = training.ClassNames }),
            Throws
                .TypeOf<DataFormatException>()
                .With.Message.EqualTo("test.csv: byte 6: line 2, column 2: label 'c' is not among the 2 classes: b, a"));
        FloatDataset numbers = Parse("1,2\n2,7\n");
        Assert.That(Parse("3,07\n", new CsvOptions { Classes = numbers.ClassNames }).Label(0), Is.EqualTo(1));
    }

    [Test]
    public void The_limit_of_columns_and_the_names_in_a_message_are_not_one_off()
    {
        Assert.That(Parse(string.Join(',', Enumerable.Repeat("1", 1 << 16))).InputLength, Is.EqualTo((1 << 16) - 1));
        Assert.That(() => Parse(string.Join(',', Enumerable.Repeat("1", (1 << 16) + 1))), Throws.TypeOf<DataFormatException>());
        foreach (int columns in (int[])[12, 13])
        {
            string names = string.Join(',', Enumerable.Range(1, columns).Select(i => $"n{i}"));
            string row = string.Join(',', Enumerable.Repeat("1", columns));
            string end = columns == 12 ? "n11, n12; indices go" : "n11, n12, ...; indices go";
            Assert.That(
                () => Parse($"{names}\n{row}\n", new CsvOptions { Label = "none" }), Throws.ArgumentException.With.Message.Contains(end));
        }
    }

    [Test]
    public void Every_thousandth_row_looks_whether_the_reading_is_cancelled()
    {
        CsvOptions options = new() { Cancellation = new CancellationToken(canceled: true) };
        Assert.That(() => options.CheckRow(999), Throws.Nothing);
        Assert.That(() => options.CheckRow(1000), Throws.TypeOf<OperationCanceledException>());
        Assert.That(() => options.CheckRow(1001), Throws.Nothing);
    }

    [Test]
    public void Limits_hold_before_memory_is_taken()
    {
        Assert.That(
            () => Parse("1,2\n3,4\n", new CsvOptions { Limit = 7 }),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("has 8 bytes, the limit is 7"));
        Assert.That(() => Parse(new string(',', 70_000)), Throws.TypeOf<DataFormatException>().With.Message.Contains("more than 65536 columns"));
        string wide = string.Join(',', Enumerable.Repeat("a", 60_000)) + "\n" + string.Join(',', Enumerable.Repeat("1", 60_000));
        string labels = string.Concat(Enumerable.Range(0, 1024).Select(i => $"1,{(char)('a' + (i % 26))}{i:X}\n"));
        string tall = string.Concat(Enumerable.Repeat("0,0\n", 50_000));
        foreach (string text in (string[])[wide, labels, tall])
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            CsvReader.Parse(bytes, "x");
            long before = GC.GetAllocatedBytesForCurrentThread();
            CsvReader.Parse(bytes, "x");

            // The file's own bytes are a quarter of what a reader may take.
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan((3 * bytes.Length) + 65536));
        }
    }

    [TestCase("1,2", "1", null)]
    [TestCase("1,2", "2,1", "0")]
    [TestCase("1,2\n3,1\n", "1,2", "1 0")]
    [TestCase("x,y\n3,2\n", "2", "0")]
    public void Given_classes_are_classes_whatever_the_target(string text, string classes, string? labels)
    {
        foreach (CsvTarget target in Enum.GetValues<CsvTarget>())
        {
            CsvOptions options = new() { Classes = classes.Split(','), Target = target };
            if (labels is null)
            {
                Assert.That(() => Parse(text, options), Throws.TypeOf<DataFormatException>().With.Message.Contains("'2' is not among the 1 classes"));
                continue;
            }

            FloatDataset data = Parse(text, options);
            Assert.That(string.Join(' ', Enumerable.Range(0, data.Count).Select(data.Label)), Is.EqualTo(labels), $"{target}");
        }
    }

    [Test]
    public void Iris_is_read()
    {
        FloatDataset iris = CsvReader.Read(RealData.Path("iris", "iris.data"));
        Assert.That((iris.Count, iris.InputLength, iris.ClassCount), Is.EqualTo((150, 4, 3)));
        Assert.That(iris.ClassNames, Is.EqualTo(new[] { "Iris-setosa", "Iris-versicolor", "Iris-virginica" }));
        Assert.That(iris.InputNames, Is.Null);
        Assert.That(Counts(iris), Is.EqualTo(new[] { 50, 50, 50 }));
        Assert.That(Standardizer.Fit(iris).Means.ToArray(), Is.EqualTo(new[] { 5.8433f, 3.0540f, 3.7587f, 1.1987f }).Within(0.00005f));
    }

    [TestCase("optdigits", "optdigits.tra", 64, new[] { 376, 389, 380, 389, 387, 376, 377, 387, 380, 382 })]
    [TestCase("optdigits", "optdigits.tes", 64, new[] { 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 })]
    [TestCase("pendigits", "pendigits.tra", 16, new[] { 780, 779, 780, 719, 780, 720, 720, 778, 719, 719 })]
    [TestCase("pendigits", "pendigits.tes", 16, new[] { 363, 364, 364, 336, 364, 335, 336, 364, 336, 336 })]
    public void The_small_digits_are_read(string folder, string file, int inputs, int[] counts)
    {
        FloatDataset digits = CsvReader.Read(RealData.Path(folder, file));
        Assert.That(digits.InputLength, Is.EqualTo(inputs));
        Assert.That(digits.ClassNames, Is.EqualTo(Enumerable.Range(0, 10).Select(c => $"{c}")));
        Assert.That(Counts(digits), Is.EqualTo(counts));
    }

    [TestCase("datatraining.txt", 8143, 21.23)]
    [TestCase("datatest.txt", 2665, 36.47)]
    [TestCase("datatest2.txt", 9752, 21.01)]
    public void Occupancy_has_a_column_without_a_name(string file, int rows, double occupied)
    {
        string path = RealData.Path("occupancy", file);
        Assert.That(() => CsvReader.Read(path), Throws.TypeOf<DataFormatException>().With.Message.Contains("'date': '2015-02-"));
        FloatDataset rooms = CsvReader.Read(path, new CsvOptions { Ignore = DateIgnored });
        Assert.That(rooms.Count, Is.EqualTo(rows));
        Assert.That(rooms.InputNames, Is.EqualTo(new[] { "Temperature", "Humidity", "Light", "CO2", "HumidityRatio" }));
        Assert.That(100.0 * Counts(rooms)[1] / rows, Is.EqualTo(occupied).Within(0.005));
    }

    private static FloatDataset Parse(string text, CsvOptions? options = null) => CsvReader.Parse(Encoding.UTF8.GetBytes(text), "test.csv", options);

    private static int[] Counts(FloatDataset data)
    {
        int[] counts = new int[data.ClassCount];
        for (int i = 0; i < data.Count; i++)
        {
            counts[data.Label(i)]++;
        }

        return counts;
    }
}
