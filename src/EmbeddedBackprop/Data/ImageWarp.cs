namespace EmbeddedBackprop.Data;

/// <summary>
/// Moves the pixels of an image: result pixel (x, y) is taken from (u, v) of the source, between its four neighbours, where pixels outside count as
/// 0. With p = x - (width - 1)/2 and q = y - (height - 1)/2: u = (c p + s q) + (width - 1)/2 - shiftX + dx, v = (c q - s p) + (height - 1)/2 - shiftY
/// + dy; dx and dy are smooth fields over a coarse grid of nodes: cubic B-splines, along y first. Then, with whole parts i, j and rests f, g: top = a
/// + (b - a) f, bottom = c + (d - c) f, result = top + (bottom - top) g.
/// </summary>
/// <remarks>Plain float arithmetic in the order written, separately rounded whatever the model's: the same bits on every machine.</remarks>
internal sealed class ImageWarp
{
    /// <summary>Nodes of the grid along one axis, at most.</summary>
    private const int MostNodes = 40;

    private readonly int channels;
    private readonly int height;
    private readonly int width;
    private readonly int nodesX;
    private readonly int nodesY;
    private readonly int[] firstX;
    private readonly int[] firstY;
    private readonly float[] weightsX;
    private readonly float[] weightsY;

    /// <summary>Floats of the displacements of the largest grid.</summary>
    public const int MostDisplacements = 2 * MostNodes * MostNodes;

    public ImageWarp(int channels, int height, int width, int spacing)
    {
        this.channels = channels;
        this.height = height;
        this.width = width;

        // Large images get a coarser grid, so that its nodes fit the stack.
        int largest = Math.Max(height, width);
        while ((largest / spacing) + 4 > MostNodes)
        {
            spacing++;
        }

        (firstX, weightsX, nodesX) = Splines(width, spacing);
        (firstY, weightsY, nodesY) = Splines(height, spacing);
    }

    /// <summary>Nodes of the grid: the field takes twice as many floats, dx of all nodes row by row, then dy.</summary>
    public int Nodes => nodesX * nodesY;

    /// <summary>Warps all channels of an image.</summary>
    /// <param name="source">[channels, height, width].</param>
    /// <param name="result">Receives the same; may not overlap the source.</param>
    /// <param name="shiftX">Pixels to the right.</param>
    /// <param name="shiftY">Pixels down.</param>
    /// <param name="c">Cosine of the turn, divided by the growth.</param>
    /// <param name="s">Sine of the turn, divided by the growth.</param>
    /// <param name="field">Displacements at the nodes; empty for none.</param>
    public void Run(ReadOnlySpan<float> source, Span<float> result, int shiftX, int shiftY, float c, float s, ReadOnlySpan<float> field)
    {
        int area = height * width;
        float middleX = (width - 1) * 0.5f, middleY = (height - 1) * 0.5f;
        Span<float> row = stackalloc float[2 * MostNodes];
        for (int y = 0; y < height; y++)
        {
            if (!field.IsEmpty)
            {
                AlongY(field, y, row);
            }

            float q = y - middleY;
            for (int x = 0; x < width; x++)
            {
                float p = x - middleX;
                float u = ((c * p) + (s * q)) + middleX - shiftX, v = ((c * q) - (s * p)) + middleY - shiftY;
                if (!field.IsEmpty)
                {
                    ReadOnlySpan<float> w = weightsX.AsSpan(4 * x, 4);
                    ReadOnlySpan<float> dx = row.Slice(firstX[x], 4), dy = row.Slice(nodesX + firstX[x], 4);
                    u += (((w[0] * dx[0]) + (w[1] * dx[1])) + (w[2] * dx[2])) + (w[3] * dx[3]);
                    v += (((w[0] * dy[0]) + (w[1] * dy[1])) + (w[2] * dy[2])) + (w[3] * dy[3]);
                }

                // Written so that a displacement beyond all bounds lies outside, too.
                if (!(u > -1f && u < width && v > -1f && v < height))
                {
                    for (int channel = 0; channel < channels; channel++)
                    {
                        result[(channel * area) + (y * width) + x] = 0f;
                    }

                    continue;
                }

                // Not by adding 1 first: just below the width the sum would round up to it.
                int i = (int)MathF.Floor(u), j = (int)MathF.Floor(v);
                float f = u - i, g = v - j;
                for (int channel = 0; channel < channels; channel++)
                {
                    ReadOnlySpan<float> plane = source.Slice(channel * area, area);
                    bool left = i >= 0, right = i + 1 < width;
                    int upper = (j * width) + i, lower = upper + width;
                    float a = j >= 0 && left ? plane[upper] : 0f, b = j >= 0 && right ? plane[upper + 1] : 0f;
                    float e = j + 1 < height && left ? plane[lower] : 0f, d = j + 1 < height && right ? plane[lower + 1] : 0f;
                    float top = a + ((b - a) * f), bottom = e + ((d - e) * f);
                    result[(channel * area) + (y * width) + x] = top + ((bottom - top) * g);
                }
            }
        }
    }

    /// <summary>The field of one row of pixels at the columns of nodes: dx, then dy.</summary>
    private void AlongY(ReadOnlySpan<float> field, int y, Span<float> row)
    {
        ReadOnlySpan<float> w = weightsY.AsSpan(4 * y, 4);
        for (int part = 0; part < 2; part++)
        {
            ReadOnlySpan<float> nodes = field.Slice((part * Nodes) + (firstY[y] * nodesX), 4 * nodesX);
            for (int n = 0; n < nodesX; n++)
            {
                row[(part * nodesX) + n] =
                    (((w[0] * nodes[n]) + (w[1] * nodes[nodesX + n])) + (w[2] * nodes[(2 * nodesX) + n])) + (w[3] * nodes[(3 * nodesX) + n]);
            }
        }
    }

    /// <summary>For each pixel the first of its four nodes and their weights: the cubic B-spline at a rest t in [0, 1).</summary>
    private static (int[] First, float[] Weights, int Nodes) Splines(int size, int spacing)
    {
        int[] first = new int[size];
        float[] weights = new float[4 * size];
        for (int x = 0; x < size; x++)
        {
            first[x] = x / spacing;
            float t = (float)(x % spacing) / spacing, r = 1f - t;
            weights[4 * x] = r * r * r / 6f;
            weights[(4 * x) + 1] = ((3f * t * t * t) - (6f * t * t) + 4f) / 6f;
            weights[(4 * x) + 2] = ((3f * r * r * r) - (6f * r * r) + 4f) / 6f;
            weights[(4 * x) + 3] = t * t * t / 6f;
        }

        return (first, weights, ((size - 1) / spacing) + 4);
    }
}
