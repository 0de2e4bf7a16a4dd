using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The input gradient where most gradients are 0, as after a pooling and a rectifier: positions one after the other, channels in the lanes. The other
/// gradients of a position add to the pixels that it reads, in one pass over them. Terms are left out under the conditions of
/// <see cref="SparseProduct"/>: a sample with a result of -0 is computed again with all terms (<see cref="ConvInputKernel"/>).
/// </summary>
internal readonly unsafe struct ConvSparseInputKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Floats of the image, of the kernels and of the gradients on the stack, at most.</summary>
    private const int Room = 1 << 14;

    /// <summary>Lanes at most: rows of channels and of outputs are filled up to them.</summary>
    private const int MostLanes = 16;

    /// <summary>Output channels are the bits of a word.</summary>
    private const int MostOutputs = 64;

    /// <summary>With fewer channels a vector is not filled.</summary>
    private const int FewestChannels = 4;

    private const int CacheLine = 64;

    /// <summary>Whether there is room for these sizes.</summary>
    public static bool Fits(in ConvSizes sizes)
    {
        long pixel = RoundUp(sizes.Channels, MostLanes);
        return sizes.Groups == 1 && sizes.Channels >= FewestChannels && sizes.Outputs <= MostOutputs
            && pixel * sizes.Height * sizes.Width <= Room
            && pixel * sizes.Outputs * sizes.KernelHeight * sizes.KernelWidth <= Room
            && (long)RoundUp(sizes.Outputs, MostLanes) * sizes.OutputPositions <= Room;
    }

    /// <summary>Samples g.First ... g.End - 1; the kernels are finite.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int pixel = RoundUp(sizes.Channels, T.Count), kernel = sizes.KernelHeight * sizes.KernelWidth, outputs = RoundUp(sizes.Outputs, MostLanes);
        float* memory = stackalloc float[(3 * Room) + MostLanes + (CacheLine / sizeof(float))];
        float* image = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), kernels = image + Room, delta = kernels + Room;
        Term* terms = stackalloc Term[MostOutputs];

        // Lanes without a channel are computed along, and denormal rubbish would be slow.
        FloatBlocks.Fill(0f, image, sizes.Height * sizes.Width * pixel);
        FloatBlocks.Fill(0f, kernels, sizes.Outputs * kernel * pixel);
        for (int o = 0; o < sizes.Outputs; o++)
        {
            Transpose.Pack(
                in *(g.Kernels + ((nint)o * sizes.Taps)), (nuint)kernel, (nuint)sizes.Channels, (nuint)kernel,
                ref *(kernels + ((nint)o * kernel * pixel)), (nuint)pixel);
        }

        nuint plane = (nuint)(sizes.Height * sizes.Width), positions = (nuint)sizes.OutputPositions, channels = (nuint)sizes.Channels;
        for (int n = g.First; n < g.End; n++)
        {
            float* to = g.Image + ((nint)n * g.LeadingImage);
            Begin<T>(in g, to, image, pixel);
            Transpose.Pack(
                in *(g.Maps + ((nint)n * g.LeadingMaps)), positions, (nuint)sizes.Outputs, positions, ref *delta, (nuint)outputs);
            Positions<T>(in sizes, delta, outputs, kernels, image, pixel, terms);
            if (SparseProduct.HasNegativeZero(image, (int)plane * pixel))
            {
                // A term left out might have made it +0: sum once more, with all terms.
                ConvInputKernel.Run<T, TTail>(g.Part(n, n + 1));
                continue;
            }

            Transpose.Pack(in *image, (nuint)pixel, plane, channels, ref *to, plane);
        }
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>[pixel][channel] of what the sums begin with.</summary>
    private static void Begin<T>(in ConvArguments g, float* from, float* image, int pixel) where T : struct, IFloatLanes<T>
    {
        int plane = g.Sizes.Height * g.Sizes.Width;
        if (g.Accumulate)
        {
            Transpose.Pack(in *from, (nuint)plane, (nuint)g.Sizes.Channels, (nuint)plane, ref *image, (nuint)pixel);
            return;
        }

        float* start = stackalloc float[pixel];
        FloatBlocks.Fill(0f, start, pixel);
        if (g.Bias != null)
        {
            FloatBlocks.Copy(g.Bias, start, g.Sizes.Channels);
        }

        for (int lane = 0; lane < pixel; lane += T.Count)
        {
            T value = T.Load(in *start, (nuint)lane);
            for (int i = 0; i < plane; i++)
            {
                T.Store(value, ref *(image + (i * pixel)), (nuint)lane);
            }
        }
    }

    private static void Positions<T>(in ConvSizes sizes, float* delta, int outputs, float* kernels, float* image, int pixel, Term* terms)
        where T : struct, IFloatLanes<T>
    {
        ConvAxis rows = ConvAxis.Rows(in sizes), columns = ConvAxis.Columns(in sizes);
        int kernel = sizes.KernelHeight * sizes.KernelWidth * pixel;
        for (int y = 0; y < rows.Positions; y++)
        {
            (int firstRow, int endRow) = rows.Taps(y);
            for (int x = 0; x < columns.Positions; x++, delta += outputs)
            {
                ulong bits = SparseProduct.NonZeros(delta, sizes.Outputs);
                if (bits == 0)
                {
                    continue;
                }

                int count = 0;
                for (; bits != 0; bits &= bits - 1)
                {
                    int o = BitOperations.TrailingZeroCount(bits);
                    terms[count++] = new Term { Weights = kernels + (o * kernel), Delta = delta[o] };
                }

                // Neighbouring taps read neighbouring pixels, or each a pixel of its own where columns are dilated.
                (int first, int end) = columns.Taps(x);
                int together = columns.Dilation == 1 ? Math.Max(end - first, 1) : 1;
                float* pixels = image + (((nint)((y * rows.Stride) - rows.Before + (firstRow * rows.Dilation)) * sizes.Width)
                    + (x * columns.Stride) - columns.Before) * pixel;
                Rows passed = new()
                {
                    Terms = terms, Count = count, Length = endRow - firstRow, Step = (nint)rows.Dilation * sizes.Width * pixel,
                    StepWeights = sizes.KernelWidth * pixel,
                };
                for (int kx = first; kx < end; kx += together)
                {
                    passed.Add<T>(
                        pixels + (kx * columns.Dilation * pixel), ((firstRow * sizes.KernelWidth) + kx) * pixel, together * pixel / T.Count);
                }
            }
        }
    }

    /// <summary>The gradients of a position, and the kernel rows that reach the image.</summary>
    private struct Rows
    {
        public Term* Terms;
        public int Count, Length;
        public nint Step, StepWeights;

        /// <summary>So many neighbouring vectors of each row: sums += delta * weights for each term, in order.</summary>
        public readonly void Add<T>(float* sums, nint offset, int vectors) where T : struct, IFloatLanes<T>
        {
            for (; vectors >= 5; vectors -= 5, sums += 5 * T.Count, offset += 5 * T.Count)
            {
                Some<T, Five>(sums, offset);
            }

            switch (vectors)
            {
                case 4: Some<T, Four>(sums, offset); break;
                case 3: Some<T, Three>(sums, offset); break;
                case 2: Some<T, Two>(sums, offset); break;
                case 1: Some<T, One>(sums, offset); break;
                default: break;
            }
        }

        private readonly void Some<T, TVectors>(float* sums, nint offset)
            where T : struct, IFloatLanes<T>
            where TVectors : unmanaged, ITileSize
        {
            nuint second = (nuint)T.Count, third = 2 * second, fourth = 3 * second, fifth = 4 * second;
            Term* end = Terms + Count;
            for (int row = 0; row < Length; row++, sums += Step, offset += StepWeights)
            {
                T s0 = T.Load(in *sums, 0);
                T s1 = sizeof(TVectors) > 1 ? T.Load(in *sums, second) : T.Zero;
                T s2 = sizeof(TVectors) > 2 ? T.Load(in *sums, third) : T.Zero;
                T s3 = sizeof(TVectors) > 3 ? T.Load(in *sums, fourth) : T.Zero;
                T s4 = sizeof(TVectors) > 4 ? T.Load(in *sums, fifth) : T.Zero;
                for (Term* term = Terms; term < end; term++)
                {
                    T d = T.Broadcast(term->Delta);
                    float* w = term->Weights + offset;
                    s0 = T.MultiplyAdd(d, T.Load(in *w, 0), s0);
                    if (sizeof(TVectors) > 1)
                    {
                        s1 = T.MultiplyAdd(d, T.Load(in *w, second), s1);
                    }

                    if (sizeof(TVectors) > 2)
                    {
                        s2 = T.MultiplyAdd(d, T.Load(in *w, third), s2);
                    }

                    if (sizeof(TVectors) > 3)
                    {
                        s3 = T.MultiplyAdd(d, T.Load(in *w, fourth), s3);
                    }

                    if (sizeof(TVectors) > 4)
                    {
                        s4 = T.MultiplyAdd(d, T.Load(in *w, fifth), s4);
                    }
                }

                T.Store(s0, ref *sums, 0);
                if (sizeof(TVectors) > 1)
                {
                    T.Store(s1, ref *sums, second);
                }

                if (sizeof(TVectors) > 2)
                {
                    T.Store(s2, ref *sums, third);
                }

                if (sizeof(TVectors) > 3)
                {
                    T.Store(s3, ref *sums, fourth);
                }

                if (sizeof(TVectors) > 4)
                {
                    T.Store(s4, ref *sums, fifth);
                }
            }
        }
    }

    /// <summary>A gradient that is not 0, and the weights of its output channel.</summary>
    private struct Term
    {
        public float* Weights;
        public float Delta;
    }
}
