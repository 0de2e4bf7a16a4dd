using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// Any bytes given to a loader give a result or a <see cref="DataFormatException"/>, within the promised allocation and in no time to speak of. The
/// mutants of each format are counted, timed and printed with their seed.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class LoaderTests
{
    private const ulong Seed = 20261122;

    [TestCaseSource(typeof(Loaders), nameof(Loaders.Formats))]
    public void Mutants_give_a_result_or_the_format_error(string format)
    {
        Loader loader = Loaders.Of(format);
        int count = loader.BuildsNetworks ? Effort.Of(20_000, 500_000, 10_000_000) : Effort.Of(60_000, 1_000_000, 10_000_000);
        Mutants mutants = new(Seed, loader.Tokens, loader.Sources);
        int accepted = 0, refused = 0;
        long largest = 0, worst = long.MinValue, slowest = 0, begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            ReadOnlyMemory<byte> mutant = mutants.Next();
            long before = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp();
            if (IsAccepted(loader, mutant, $"{format}, seed {Seed}, mutant {i}"))
            {
                accepted++;
            }
            else
            {
                refused++;
            }

            slowest = Math.Max(slowest, Stopwatch.GetTimestamp() - started);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            largest = Math.Max(largest, allocated);
            // The file's own bytes are allocated, too, when it is read from a path.
            worst = Math.Max(worst, allocated + mutant.Length - loader.Bound(mutant));
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{format}: {count:N0} mutants, seed {Seed}: {accepted:N0} accepted, {refused:N0} refused, 0 other exceptions; "
                + $"{count / seconds:N0} a second, at most {largest:N0} bytes allocated, the slowest {1e3 * slowest / Stopwatch.Frequency:F1} ms"));
        Assert.That(accepted, Is.GreaterThan(count / 100), "mutants of both kinds");
        Assert.That(refused, Is.GreaterThan(count / 10), "mutants of both kinds");
        Assert.That(worst, Is.LessThanOrEqualTo(0), "bytes beyond 4 times the file (or the declared size) and 64 KiB");
        Assert.That((double)slowest / Stopwatch.Frequency, Is.LessThan(60), "seconds for a small file; microseconds on a quiet machine");
    }

    [TestCaseSource(typeof(Loaders), nameof(Loaders.Formats))]
    public void Every_truncation_and_every_flipped_bit_gives_a_result_or_the_format_error(string format)
    {
        Loader loader = Loaders.Of(format);
        int accepted = 0, refused = 0;
        // One model is enough: the sums of each of its mutants are made anew.
        foreach (Mutants.Source source in loader.Sources.Take(format.EndsWith("model file", StringComparison.Ordinal) ? 1 : loader.Sources.Length))
        {
            for (int length = 0; length < source.File.Length; length++)
            {
                bool isAccepted = Try(source, source.File[..length], $"cut to {length} bytes");
                Assert.That(isAccepted && source.Seal is null && !loader.PartsAreFiles, Is.False, $"{format}: {length} bytes are taken for a file");
            }

            for (int bit = 0; bit < 8 * source.File.Length; bit++)
            {
                byte[] flipped = [.. source.File];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                _ = Try(source, flipped, $"bit {bit} flipped");
            }
        }

        TestContext.Out.WriteLine($"{format}: {accepted} accepted, {refused} refused, 0 other exceptions");
        Assert.That(refused, Is.Positive);
        Assert.That(accepted, Is.Positive, "flips in values, or in names that nothing reads");

        bool Try(Mutants.Source source, byte[] bytes, string what)
        {
            bool isAccepted = IsAccepted(loader, source.Seal is { } seal ? seal(bytes) : bytes, $"{format}, {what}");
            (accepted, refused) = isAccepted ? (accepted + 1, refused) : (accepted, refused + 1);
            return isAccepted;
        }
    }

    /// <summary>The control: readers that believe their file meet other exceptions among the same mutants.</summary>
    [TestCaseSource(typeof(Loaders), nameof(Loaders.Formats))]
    public void A_trusting_reader_is_caught_by_the_same_mutants(string format)
    {
        Loader loader = Loaders.Of(format);
        Mutants mutants = new(Seed, loader.Tokens, loader.Sources);
        int wrong = 0;
        for (int i = 0; i < 5000; i++)
        {
            try
            {
                loader.Trust(mutants.Next().ToArray());
            }
            catch (DataFormatException)
            {
                // Strict as far as it goes.
            }
            catch (Exception)
            {
                wrong++;
            }
        }

        TestContext.Out.WriteLine($"{format}: {wrong} of 5000 mutants end a trusting reader");
        // Who believes nothing but a model's strings is caught by those.
        Assert.That(wrong, Is.GreaterThan(format.EndsWith("model file", StringComparison.Ordinal) ? 100 : 500));
    }

    private static bool IsAccepted(Loader loader, ReadOnlyMemory<byte> file, string what)
    {
        try
        {
            loader.Load(file);
            return true;
        }
        catch (DataFormatException)
        {
            return false;
        }
        catch (Exception error) when (error is not AssertionException)
        {
            Assert.Fail($"{what}: {error}\n{Convert.ToBase64String(file.Span)}");
            throw;
        }
    }
}
