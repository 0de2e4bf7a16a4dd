using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Sums over samples and positions, a chain a channel: 16 channels side by side, because one chain alone waits for every addition.</summary>
internal static unsafe class ConvChannelSums
{
    private const int Together = 16;

    private const int Block = 64;

    // The block is written before it is read.
    [SkipLocalsInit]
    public static void Run(int batch, int channels, int positions, float* x, int ldx, float* sums, bool accumulate)
    {
        float* block = stackalloc float[Block * Together];
        float one = 1f;
        for (int first = 0; first < channels; first += Together)
        {
            int count = Math.Min(Together, channels - first);
            bool started = accumulate;
            if (batch == 0 || positions == 0)
            {
                FloatBlocks.Fill(0f, sums + first, accumulate ? 0 : count);
            }

            for (int n = 0; n < batch; n++)
            {
                float* sample = x + ((nint)n * ldx) + ((nint)first * positions);
                for (int at = 0; at < positions; at += Block)
                {
                    int length = Math.Min(Block, positions - at);
                    Transpose.Pack(in *(sample + at), (nuint)positions, (nuint)count, (nuint)length, ref *block, Together);

                    // A product of a row of ones with the block: M(1, x, s) is s + x.
                    Gemm.RunAlone(
                        LaneDispatch.Either,
                        new GemmArguments(
                            1,
                            count,
                            length,
                            new ReadOnlySpan<float>(in one),
                            0,
                            0,
                            new ReadOnlySpan<float>(block, Block * Together),
                            Together,
                            false,
                            default,
                            new Span<float>(sums + first, count),
                            count,
                            started));
                    started = true;
                }
            }
        }
    }
}
