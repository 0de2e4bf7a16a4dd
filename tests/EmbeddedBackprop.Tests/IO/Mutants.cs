namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// Mutants of good files: one to four changes each (bits, bytes, digits, tokens written over or put in, parts taken out, doubled, cut off), the same
/// ones for the same seed.
/// </summary>
internal sealed class Mutants
{
    private const int Room = 512;

    private readonly Source[] sources;
    private readonly byte[][] tokens;
    private readonly byte[] mutant;
    private ulong state;

    public Mutants(ulong seed, byte[][] tokens, params Source[] sources)
    {
        state = seed;
        this.sources = sources;
        this.tokens = tokens;
        mutant = new byte[sources.Max(source => source.File.Length) + Room];
    }

    /// <summary>Repairs what a change has broken (a length, a check sum), so that the mutant reaches deeper code.</summary>
    public delegate ReadOnlyMemory<byte> Seal(Memory<byte> mutant);

    /// <summary>A good file; how its mutants are repaired, null leaves them as they are; the length of a head that half of the changes hit.</summary>
    public sealed record Source(byte[] File, Seal? Seal = null, int Head = 0);

    /// <summary>The next mutant; its memory is used again by the one after it.</summary>
    public ReadOnlyMemory<byte> Next()
    {
        Source source = sources[Below(sources.Length)];
        source.File.CopyTo(mutant, 0);
        int length = source.File.Length;
        for (int changes = 1 + Below(4); changes > 0; changes--)
        {
            length = Change(length, source.Head);
        }

        Memory<byte> made = mutant.AsMemory(0, length);
        return source.Seal is { } seal ? seal(made) : made;
    }

    private int Change(int length, int head)
    {
        if (length == 0)
        {
            return 0;
        }

        int at = head > 0 && Below(2) == 0 ? Below(Math.Min(head, length)) : Below(length);
        byte[] token = tokens[Below(tokens.Length)];
        switch (Below(10))
        {
            case 0 or 1:
                mutant[at] ^= (byte)(1 << Below(8));
                return length;
            case 2:
                mutant[at] = (byte)Below(256);
                return length;
            case 3:
                int digit = mutant.AsSpan(at, length - at).IndexOfAnyInRange((byte)'0', (byte)'9');
                mutant[at + Math.Max(digit, 0)] = (byte)('0' + Below(10));
                return length;
            case 4:
                token.AsSpan(0, Math.Min(token.Length, length - at)).CopyTo(mutant.AsSpan(at));
                return length;
            case 5 or 6:
                return Splice(at, 0, token, length);
            case 7:
                return Splice(at, Math.Min(1 + Below(24), length - at), [], length);
            case 8:
                Span<byte> part = stackalloc byte[Math.Min(1 + Below(60), length - at)];
                mutant.AsSpan(at, part.Length).CopyTo(part);
                return Splice(Below(length), 0, part, length);
            default:
                return Below(4) == 0 ? at : length;
        }
    }

    private int Splice(int at, int removed, ReadOnlySpan<byte> inserted, int length)
    {
        if (length - removed + inserted.Length > mutant.Length)
        {
            return length;
        }

        mutant.AsSpan(at + removed, length - at - removed).CopyTo(mutant.AsSpan(at + inserted.Length));
        inserted.CopyTo(mutant.AsSpan(at));
        return length + inserted.Length - removed;
    }

    // A splitmix generator: a mutant takes less than a microsecond.
    private int Below(int n)
    {
        state += 0x9E3779B97F4A7C15UL;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        z ^= z >> 31;
        return (int)(((z >> 32) * (ulong)n) >> 32);
    }
}
