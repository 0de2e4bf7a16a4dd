using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Data.Digits;

/// <summary>One hand, one pen, one sheet: all that is drawn by lot once for a picture.</summary>
internal readonly struct DigitStyle
{
    public const float LargestRadius = 1.75f;

    private readonly float xx;
    private readonly float xy;
    private readonly float yx;
    private readonly float yy;
    private readonly float originX;
    private readonly float originY;
    private readonly float bend;
    private readonly float shake;

    private DigitStyle(
        float xx,
        float xy,
        float yx,
        float yy,
        float originX,
        float originY,
        float bend,
        float shake,
        float radius,
        float darkness,
        float noise)
    {
        this.xx = xx;
        this.xy = xy;
        this.yx = yx;
        this.yy = yy;
        this.originX = originX;
        this.originY = originY;
        this.bend = bend;
        this.shake = shake;
        Radius = radius;
        Darkness = darkness;
        Noise = noise;
    }

    /// <summary>The pen's radius in pixels.</summary>
    public float Radius { get; }

    /// <summary>The grey value of full ink.</summary>
    public float Darkness { get; }

    /// <summary>Grey values of noise per step of a signed random byte.</summary>
    public float Noise { get; }

    public static DigitStyle Draw(ref RandomSequence random)
    {
        float height = random.NextUniform(14f, 21f);
        float width = height * random.NextUniform(0.5f, 1f);
        float slant = Centred(ref random, 0.45f);

        // A turn of at most 1/24 of a circle, 15 degrees, to either side.
        UnitCircle.At((uint)random.NextBelow((1 << 24) / 12) - ((1 << 24) / 24), out float cosine, out float sine);
        float originX = 13.5f + Centred(ref random, 3f);
        float originY = 13.5f + Centred(ref random, 3f);
        float bend = Centred(ref random, 0.14f);
        float shake = random.NextUniform(0.01f, 0.055f);
        float radius = random.NextUniform(0.7f, LargestRadius);
        float darkness = random.NextUniform(190f, 255f);
        float noise = random.NextUniform(0f, 0.2f);

        // First the size, then the slant (x moves against y), then the turn: one matrix.
        float xx = cosine * width;
        float xy = -((cosine * slant * height) + (sine * height));
        float yx = sine * width;
        float yy = (cosine * height) - (sine * slant * height);
        return new DigitStyle(xx, xy, yx, yy, originX, originY, bend, shake, radius, darkness, noise);
    }

    /// <summary>Where a glyph's point comes to lie on the picture.</summary>
    public void Place(int glyphX, int glyphY, ref RandomSequence random, out float x, out float y)
    {
        float u = ((glyphX - 50) * 0.01f) + (shake * random.NextUniform(-1f, 1f));
        float v = ((glyphY - 50) * 0.01f) + (shake * random.NextUniform(-1f, 1f));

        // Long strokes are bows rather than lines.
        u += bend * ((4f * v * v) - 0.5f);
        x = originX + (xx * u) + (xy * v);
        y = originY + (yx * u) + (yy * v);
    }

    /// <summary>A value between -limit and limit, the middle being likelier: the mean of two draws.</summary>
    private static float Centred(ref RandomSequence random, float limit) =>
        0.5f * limit * (random.NextUniform(-1f, 1f) + random.NextUniform(-1f, 1f));
}
