using System.Text.RegularExpressions;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>PublicSurface.txt holds the surface that programs may rely on: nothing leaves it, and additions are seen in review.</summary>
internal sealed class PublicSurfaceTests
{
    private static readonly string Recorded =
        Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Architecture", "PublicSurface.txt");

    [Test]
    public void Nothing_public_is_taken_away()
    {
        Assert.That(File.ReadAllLines(Recorded).SelectMany(PublicSurface.Promises).Except(PublicSurface.Kept(typeof(Network).Assembly)), Is.Empty);
    }

    [Test]
    public void What_is_new_is_recorded()
    {
        string[] now = PublicSurface.Of(typeof(Network).Assembly);
        string written = Path.Combine(TestContext.CurrentContext.WorkDirectory, "PublicSurface.txt");
        File.WriteAllText(written, string.Join('\n', now) + "\n");
        Assert.That(now.Except(File.ReadAllLines(Recorded)), Is.Empty, $"add these lines; the whole list is in {written}");
    }

    [Test]
    public void A_lost_parameter_name_a_lost_member_and_a_lost_base_are_seen()
    {
        string[] before = [.. PublicSurface.Of(typeof(Before)).SelectMany(PublicSurface.Promises).Select(Same)],
            after = [.. PublicSurface.Kept(typeof(After)).Select(Same)];
        Assert.That(before.Except(after).Count(), Is.EqualTo(3), string.Join('\n', before.Except(after)));

        static string Same(string line) =>
            line.Replace(nameof(Before), "X", StringComparison.Ordinal).Replace(nameof(After), "X", StringComparison.Ordinal);
    }

    [TestCase(nameof(Changes.Text), "System.String? text")]
    [TestCase(nameof(Changes.Texts), "System.Collections.Generic.IReadOnlyList<System.String?>?")]
    [TestCase(nameof(Changes.Optional), "System.Int32 count = 3")]
    [TestCase(nameof(Changes.ByReference), "in System.Int32 read, out System.Int32 written, ref System.Int32 both")]
    [TestCase(nameof(Changes.Several), "params System.ReadOnlySpan<System.Int32> counts")]
    [TestCase(nameof(Changes.Constrained), "where T : struct, System.IDisposable")]
    [TestCase(nameof(Changes.Constant), "= 7")]
    [TestCase("set_" + nameof(Changes.Once), "init System.Void")]
    public void A_change_that_breaks_a_caller_changes_the_line(string member, string described)
    {
        string line = PublicSurface.Of(typeof(Changes)).Single(line => Regex.IsMatch(line, $@" {member}\b"));
        Assert.That(line, Does.Contain(described));
    }

    [Test]
    public void A_member_that_moved_to_a_base_class_is_still_there()
    {
        string[] before = [.. PublicSurface.Of(typeof(Before)).SelectMany(PublicSurface.Promises).Select(Same)],
            after = [.. PublicSurface.Kept(typeof(Moved)).Select(Same)];
        Assert.That(before.Except(after), Is.Empty);

        static string Same(string line) =>
            line.Replace(nameof(Before), "X", StringComparison.Ordinal).Replace(nameof(Moved), "X", StringComparison.Ordinal);
    }

#pragma warning disable CA1822, CA1034, CA1816
    public sealed class Before : IDisposable
    {
        public int Size { get; set; }

        public static void Run(int count) => _ = count;

        public void Dispose()
        {
        }
    }

    public sealed class Changes
    {
        public const int Constant = 7;

        public int Once { get; init; }

        public static void Text(string? text) => _ = text;

        public static IReadOnlyList<string?>? Texts() => null;

        public static void Optional(int count = 3) => _ = count;

        public static void ByReference(in int read, out int written, ref int both) => written = both = read;

        public static void Several(params ReadOnlySpan<int> counts) => _ = counts.Length;

        public static void Constrained<T>() where T : struct, IDisposable => _ = typeof(T);
    }

    public abstract class Lower : IDisposable
    {
        public int Size { get; set; }

        public static void Run(int count) => _ = count;

        public void Dispose()
        {
        }
    }

    public sealed class Moved : Lower;

    public sealed class After
    {
        public int Size { get; }

        public static void Run(int length) => _ = length;

        public void Dispose()
        {
        }
    }
#pragma warning restore CA1822, CA1034, CA1816
}
