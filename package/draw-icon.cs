#:property PublishAot=false
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

// Draws icon.png, the packages' icon: a chip with a network of 3, 4 and 2 neurons.
// Usage: dotnet run --file package/draw-icon.cs -- package/icon.png
const int Size = 128, Samples = 4;
Colour paper = new(0, 0, 0, 0), chip = new(18, 52, 86, 255), pin = new(120, 134, 150, 255);
Colour line = new(122, 178, 214, 255), neuron = new(255, 190, 92, 255);
(float X, float Y)[][] layers = [.. new (float X, int Count)[] { (38, 3), (64, 4), (90, 2) }.Select(layer =>
    Enumerable.Range(0, layer.Count).Select(i => (layer.X, 64 + (17 * (i - ((layer.Count - 1) / 2f))))).ToArray())];

using MemoryStream pixels = new();
for (int y = 0; y < Size; y++)
{
    // Each row begins with the number of its filter: none.
    pixels.WriteByte(0);
    for (int x = 0; x < Size; x++)
    {
        pixels.Write(Pixel(x, y));
    }
}

File.WriteAllBytes(args[0], Png(pixels.ToArray()));

// The mean of 4 x 4 colours within the pixel, which smooths the edges.
byte[] Pixel(int x, int y)
{
    int red = 0, green = 0, blue = 0, alpha = 0;
    for (int i = 0; i < Samples * Samples; i++)
    {
        Colour c = At(x + (((i % Samples) + 0.5f) / Samples), y + (((i / Samples) + 0.5f) / Samples));
        (red, green, blue, alpha) = (red + (c.Red * c.Alpha), green + (c.Green * c.Alpha), blue + (c.Blue * c.Alpha), alpha + c.Alpha);
    }

    return alpha == 0 ? [0, 0, 0, 0] : [(byte)(red / alpha), (byte)(green / alpha), (byte)(blue / alpha), (byte)(alpha / (Samples * Samples))];
}

Colour At(float x, float y)
{
    if (layers.SelectMany(layer => layer).Any(n => MathF.Sqrt(((x - n.X) * (x - n.X)) + ((y - n.Y) * (y - n.Y))) < 6.5f))
    {
        return neuron;
    }

    if (layers.Zip(layers.Skip(1)).Any(pair => pair.First.Any(a => pair.Second.Any(b => DistanceToLine(x, y, a, b) < 0.9f))))
    {
        return line;
    }

    return InBox(x, y, 48, 48, 10) ? chip : OnPin(x, y) || OnPin(y, x) ? pin : paper;
}

// Six pins on the left and right edge; with x and y exchanged those at the top and bottom.
static bool OnPin(float x, float y) => MathF.Abs(x - 64) < 60 && MathF.Abs(y - 64) < 42 && (y - 22) % 14 is >= 4 and <= 10;

// A box around the middle with round corners.
static bool InBox(float x, float y, float halfWidth, float halfHeight, float radius)
{
    float dx = MathF.Max(MathF.Abs(x - 64) - halfWidth + radius, 0), dy = MathF.Max(MathF.Abs(y - 64) - halfHeight + radius, 0);
    return (dx * dx) + (dy * dy) <= radius * radius;
}

static float DistanceToLine(float x, float y, (float X, float Y) a, (float X, float Y) b)
{
    float dx = b.X - a.X, dy = b.Y - a.Y, t = Math.Clamp((((x - a.X) * dx) + ((y - a.Y) * dy)) / ((dx * dx) + (dy * dy)), 0, 1);
    float px = a.X + (t * dx) - x, py = a.Y + (t * dy) - y;
    return MathF.Sqrt((px * px) + (py * py));
}

// PNG, W3C Recommendation, third edition: signature, IHDR (8 bits, colour type 6: RGBA), IDAT, IEND.
static byte[] Png(byte[] rows)
{
    using MemoryStream compressed = new(), file = new();
    using (ZLibStream zlib = new(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
    {
        zlib.Write(rows);
    }

    file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
    byte[] header = [0, 0, 0, Size, 0, 0, 0, Size, 8, 6, 0, 0, 0];
    foreach ((string name, byte[] data) in new[] { ("IHDR", header), ("IDAT", compressed.ToArray()), ("IEND", []) })
    {
        byte[] chunk = [.. Encoding.ASCII.GetBytes(name), .. data], number = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(chunk);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(chunk));
        file.Write(number);
    }

    return file.ToArray();
}

static uint Crc32(byte[] bytes)
{
    uint crc = uint.MaxValue;
    foreach (byte b in bytes)
    {
        crc ^= b;
        for (int bit = 0; bit < 8; bit++)
        {
            crc = (crc >> 1) ^ (0xEDB88320u & (uint)-(int)(crc & 1));
        }
    }

    return ~crc;
}

internal readonly record struct Colour(int Red, int Green, int Blue, int Alpha);
