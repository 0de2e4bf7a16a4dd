using System.Text;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Names and numbers as C, each rule at its limit.</summary>
internal sealed class CTextTests
{
    private static readonly string Ten = new('w', 10);

    [TestCase("", "n")]
    [TestCase("1a", "n1a")]
    [TestCase("_x", "x")]
    [TestCase("ab_", "ab")]
    [TestCase("a--b__c", "a_b_c")]
    [TestCase("a1é2", "a1_2")]
    [TestCase("abcdefghijabcdefghijabcdefghijabcdefghijK", "abcdefghijabcdefghijabcdefghijabcdefghij")]
    [TestCase("abcdefghijabcdefghijabcdefghijabcdefghi-k", "abcdefghijabcdefghijabcdefghijabcdefghi")]
    public void A_name_becomes_a_part_of_an_identifier(string name, string expected) =>
        Assert.That(CText.Identifier(name), Is.EqualTo(expected));

    [TestCase("Math", "Math_net")]
    [TestCase("con", "con_net")]
    [TestCase("maths", "maths")]
    public void A_name_that_is_taken_gets_an_ending(string name, string expected) =>
        Assert.That(CText.Prefix(name), Is.EqualTo(expected));

    [TestCase("a/b*c\\d?e", "a_b_c_d_e")]
    [TestCase("x .-+(),:9", "x .-+(),:9")]
    [TestCase("é\n;", "___")]
    public void A_name_in_a_comment_cannot_end_it(string name, string expected) =>
        Assert.That(CText.Comment(name), Is.EqualTo(expected));

    [Test]
    public void A_name_in_a_comment_is_cut_after_60_characters()
    {
        Assert.That(CText.Comment(new string('a', 60)), Is.EqualTo(new string('a', 60)));
        Assert.That(CText.Comment(new string('a', 61)), Is.EqualTo(new string('a', 60)));
    }

    [TestCase("y = x * 2 / ~z", "y = x * 2 / ~z")]
    [TestCase("a*/b", "a*_b")]
    [TestCase("a/*b", "a/_b")]
    [TestCase("*/", "*_")]
    [TestCase("a\\b?c\nd\u007Fé", "a_b_c_d__")]
    public void An_equation_in_a_comment_cannot_end_it(string equation, string expected) =>
        Assert.That(CText.Equation(equation), Is.EqualTo(expected));

    [Test]
    public void A_comment_of_more_than_120_characters_has_lines_of_120()
    {
        string eleven = string.Join(' ', Enumerable.Repeat(Ten, 11)), ten = string.Join(' ', Enumerable.Repeat(Ten, 10));
        Assert.That(CText.Block("short words"), Is.EqualTo("/* short words */"));
        Assert.That(CText.Block(eleven), Is.EqualTo($"/* {eleven} */"), "120 characters");
        Assert.That(CText.Block($"{eleven} w"), Is.EqualTo($"/*\n * {ten}\n * {Ten} w\n */"), "the eleventh word would end at 124");
        Assert.That(CText.Block($"seven77 {ten} {Ten}"), Is.EqualTo($"/*\n * seven77 {ten}\n * {Ten}\n */"), "the last word of the line ends at 120");
    }

    [TestCase(0f, "0.0f")]
    [TestCase(-0f, "-0.0f")]
    [TestCase(1f, "0x1p+0f")]
    [TestCase(-1.5f, "-0x1.8p+0f")]
    [TestCase(0.1f, "0x1.99999ap-4f")]
    [TestCase(0.5f, "0x1p-1f")]
    [TestCase(float.MaxValue, "0x1.fffffep+127f")]
    [TestCase(1.17549435e-38f, "0x1p-126f")]
    [TestCase(float.Epsilon, "0x0.000002p-126f")]
    [TestCase(-1.1754942e-38f, "-0x0.fffffep-126f")]
    public void A_float_is_exact_in_hexadecimal(float value, string expected) =>
        Assert.That(CText.Hex(value), Is.EqualTo(expected));

    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    public void What_is_not_finite_is_refused(float value) =>
        Assert.That(() => CText.Hex(value), Throws.ArgumentException.Or.InstanceOf<NotSupportedException>());

    [TestCase(1f, "1.0f")]
    [TestCase(0.1f, "0.1f")]
    [TestCase(-2.5f, "-2.5f")]
    [TestCase(1e20f, "1e+20f")]
    [TestCase(1e-10f, "1e-10f")]
    public void A_float_is_a_decimal_constant(float value, string expected) =>
        Assert.That(CText.Decimal(value), Is.EqualTo(expected));

    [TestCase(0, "p")]
    [TestCase(3, "(p + 3u)")]
    public void An_offset_of_zero_is_left_out(int offset, string expected) =>
        Assert.That(CText.At("p", offset), Is.EqualTo(expected));

    [TestCase("a = b + /* c */ d;", "d", true)]
    [TestCase("a = b + /* c */ d;", "c", false)]
    [TestCase("/* x */ /* x */ y", "x", false)]
    [TestCase("/* c */x", "x", true)]
    [TestCase("x /* y", "y", false)]
    [TestCase("x /* y", "x", true)]
    [TestCase("a1 = 2", "a", false)]
    [TestCase("_a = 2", "a", false)]
    [TestCase("ab + a", "a", true)]
    [TestCase("a", "a", true)]
    [TestCase("b a", "a", true)]
    [TestCase("a_", "a", false)]
    [TestCase("", "a", false)]
    public void A_word_is_found_outside_of_comments(string body, string word, bool uses) =>
        Assert.That(CText.Uses(body, word), Is.EqualTo(uses));

    [TestCase("a\"b\\c?\n", "\"a\\\"b\\\\c\\?\\012\"")]
    [TestCase(" ~é\u007F", "\" ~\\303\\251\\177\"")]
    [TestCase("", "\"\"")]
    public void A_string_constant_has_printable_characters_alone(string words, string expected) =>
        Assert.That(CText.Quoted(words), Is.EqualTo(expected));

    [Test]
    public void A_string_constant_is_cut_after_200_characters()
    {
        string whole = $"\"{new string('a', 200)}\"";
        Assert.That(CText.Quoted(new string('a', 200)), Is.EqualTo(whole));
        Assert.That(CText.Quoted(new string('a', 201)), Is.EqualTo(whole));
    }

    [Test]
    public void A_list_of_strings_has_lines_of_100_characters()
    {
        string thirty = new('q', 30), shorter = new('q', 29);
        Assert.That(CText.QuotedList(["a", "b"]), Is.EqualTo("{ \"a\", \"b\" }"));
        Assert.That(CText.QuotedList([]), Is.EqualTo("{ }"));
        Assert.That(CText.QuotedList([thirty, thirty, shorter]), Is.EqualTo($"{{ \"{thirty}\", \"{thirty}\", \"{shorter}\" }}"));
        Assert.That(CText.QuotedList([thirty, thirty, thirty]), Is.EqualTo($"{{ \"{thirty}\", \"{thirty}\", \\\n    \"{thirty}\" }}"));
        string[] lines = CText.QuotedList(Enumerable.Repeat(thirty, 7)).Split('\n');
        Assert.That(lines.Select(line => line.Count(c => c == '"') / 2), Is.EqualTo(new[] { 2, 3, 2 }), "each line is counted from its own begin");
    }

    [Test]
    public void A_file_leaves_none_of_its_macros()
    {
        Assert.That(CText.CFile(new StringBuilder("#define NET 1\r\nint x;\n")), Is.EqualTo("#define NET 1\nint x;\n"));
        Assert.That(
            CText.CFile(new StringBuilder("#define EBP_A 1\r\n  #define EBP_B(x) x\n#define NET 2\n#define EBP_A 1\n#define EBP_C\n\n")),
            Does.StartWith("#define EBP_A 1\n  #define EBP_B(x) x\n#define NET 2\n#define EBP_A 1\n#define EBP_C\n\n/* No macro")
                .And.EndsWith(" */\n#undef EBP_A\n#undef EBP_B\n#undef EBP_C\n"));
    }

    [Test]
    public void Constants_are_written_a_few_to_a_line()
    {
        StringBuilder text = new();
        CText.AppendList(text, ["1", "2", "3", "4", "5"], 2);
        Assert.That(text.ToString(), Is.EqualTo("    1, 2,\n    3, 4,\n    5\n"));
    }
}
