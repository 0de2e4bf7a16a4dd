namespace EmbeddedBackprop.Data.Digits;

/// <summary>
/// A grey picture that strokes are drawn on: every pixel keeps the square of its distance to the nearest stroke, and only at the end the pen's
/// width turns distances into ink. IEEE additions, multiplications, divisions and roots only, so the same bytes come out on every machine.
/// </summary>
internal sealed class StrokeCanvas
{
    public const int Side = 28;

    private readonly float[] squares = new float[Side * Side];
    private readonly float reach;

    /// <summary>A canvas for pens of at most the given radius, in pixels.</summary>
    public StrokeCanvas(float largestRadius)
    {
        // Ink fades out over one pixel, half of it outside the pen's radius.
        reach = largestRadius + 0.5f;
    }

    public void Clear() => squares.AsSpan().Fill(float.MaxValue);

    /// <summary>Draws a straight line; pixel (i, j) has its middle at (i, j).</summary>
    public void Line(float x0, float y0, float x1, float y1)
    {
        float dx = x1 - x0;
        float dy = y1 - y0;
        float lengthSquared = (dx * dx) + (dy * dy);
        float inverse = lengthSquared > 0f ? 1f / lengthSquared : 0f;
        int left = Cell((x0 < x1 ? x0 : x1) - reach);
        int right = Cell((x0 < x1 ? x1 : x0) + reach + 1f);
        int top = Cell((y0 < y1 ? y0 : y1) - reach);
        int bottom = Cell((y0 < y1 ? y1 : y0) + reach + 1f);
        for (int y = top; y < bottom; y++)
        {
            float py = y - y0;
            for (int x = left; x < right; x++)
            {
                float px = x - x0;

                // The nearest point of the line, as a fraction of its length.
                float t = ((px * dx) + (py * dy)) * inverse;
                t = t < 0f ? 0f : t > 1f ? 1f : t;
                float ex = px - (t * dx);
                float ey = py - (t * dy);
                float square = (ex * ex) + (ey * ey);
                ref float nearest = ref squares[(y * Side) + x];
                if (square < nearest)
                {
                    nearest = square;
                }
            }
        }
    }

    /// <summary>A smooth curve through all points (Catmull and Rom 1974), as short lines.</summary>
    public void Curve(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        const int pieces = 4;
        int last = x.Length - 1;
        float fromX = x[0], fromY = y[0];
        for (int i = 0; i < last; i++)
        {
            int before = i == 0 ? 0 : i - 1;
            int after = i + 2 > last ? last : i + 2;
            for (int piece = 1; piece <= pieces; piece++)
            {
                float t = piece * (1f / pieces);
                float toX = Between(x[before], x[i], x[i + 1], x[after], t);
                float toY = Between(y[before], y[i], y[i + 1], y[after], t);
                Line(fromX, fromY, toX, toY);
                fromX = toX;
                fromY = toY;
            }
        }
    }

    /// <summary>How much ink is at a pixel for a pen of this radius, from 0 to 1.</summary>
    public float Ink(int pixel, float radius)
    {
        float outer = radius + 0.5f;
        float square = squares[pixel];
        if (square >= outer * outer)
        {
            return 0f;
        }

        float ink = outer - MathF.Sqrt(square);
        return ink > 1f ? 1f : ink;
    }

    private static float Between(float p0, float p1, float p2, float p3, float t)
    {
        float a = ((3f * (p1 - p2)) + p3) - p0;
        float b = ((2f * p0) - (5f * p1)) + ((4f * p2) - p3);
        float c = p2 - p0;
        return p1 + (0.5f * t * (c + (t * (b + (t * a)))));
    }

    private static int Cell(float position) => position <= 0f ? 0 : position >= Side ? Side : (int)position;
}
