using System.Buffers.Binary;
using System.Numerics;

namespace EmbeddedBackprop.IO;

/// <summary>
/// SHA-256 (FIPS 180-4) over bytes that come in pieces. The platform's own loads a cryptography library, which a small system may not have and
/// without which the process ends; a sum that only finds damage needs none.
/// </summary>
internal sealed class Sha256
{
    /// <summary>The bytes of a sum.</summary>
    public const int Bytes = 32;

    private const int BlockBytes = 64;
    private const int LengthBytes = 8;

    private static ReadOnlySpan<uint> Beginning =>
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    private static ReadOnlySpan<uint> RoundConstants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    private readonly uint[] state = Beginning.ToArray();
    private readonly uint[] words = new uint[BlockBytes];
    private readonly byte[] rest = new byte[BlockBytes];
    private ulong length;

    /// <summary>The sum of one piece.</summary>
    public static void Hash(ReadOnlySpan<byte> bytes, Span<byte> sum)
    {
        Sha256 hash = new();
        hash.Append(bytes);
        hash.Finish(sum);
    }

    /// <summary>Adds a piece at the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        int kept = (int)(length % BlockBytes);
        length += (ulong)bytes.Length;
        if (kept + bytes.Length < BlockBytes)
        {
            bytes.CopyTo(rest.AsSpan(kept));
            return;
        }

        if (kept > 0)
        {
            bytes[..(BlockBytes - kept)].CopyTo(rest.AsSpan(kept));
            bytes = bytes[(BlockBytes - kept)..];
            Block(rest);
        }

        for (; bytes.Length >= BlockBytes; bytes = bytes[BlockBytes..])
        {
            Block(bytes);
        }

        bytes.CopyTo(rest);
    }

    /// <summary>Writes the sum of everything that was added; nothing may be added after it.</summary>
    public void Finish(Span<byte> sum)
    {
        // A one, zeros, and the number of bits, to the end of a block.
        ulong bits = length * 8;
        Span<byte> end = stackalloc byte[BlockBytes + LengthBytes];
        end.Clear();
        end[0] = 0x80;
        int zeros = (BlockBytes - LengthBytes - 1 - (int)(length % BlockBytes) + BlockBytes) % BlockBytes;
        BinaryPrimitives.WriteUInt64BigEndian(end[(1 + zeros)..], bits);
        Append(end[..(1 + zeros + LengthBytes)]);
        for (int i = 0; i < state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(sum[(i * sizeof(uint))..], state[i]);
        }
    }

    private void Block(ReadOnlySpan<byte> block)
    {
        Span<uint> w = words;
        for (int i = 0; i < 16; i++)
        {
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..]);
        }

        for (int i = 16; i < w.Length; i++)
        {
            uint early = w[i - 15], late = w[i - 2];
            uint low = BitOperations.RotateRight(early, 7) ^ BitOperations.RotateRight(early, 18) ^ (early >> 3);
            uint high = BitOperations.RotateRight(late, 17) ^ BitOperations.RotateRight(late, 19) ^ (late >> 10);
            w[i] = w[i - 16] + low + w[i - 7] + high;
        }

        ReadOnlySpan<uint> constants = RoundConstants;
        (uint a, uint b, uint c, uint d) = (state[0], state[1], state[2], state[3]);
        (uint e, uint f, uint g, uint h) = (state[4], state[5], state[6], state[7]);
        for (int i = 0; i < w.Length; i++)
        {
            uint chosen = (e & f) ^ (~e & g);
            uint most = (a & b) ^ (a & c) ^ (b & c);
            uint first = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25)) + chosen
                + constants[i] + w[i];
            uint second = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + most;
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}
