using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// A <see cref="ConvChain"/>: all samples through its first convolution if that is of another kind, then sample by sample through the pairs.
/// </summary>
internal readonly unsafe struct ConvChainKernel : ILaneKernel<ConvChain>
{
    private const int CacheLine = 64;

    /// <summary>Floats that <see cref="Run"/> needs for a depthwise convolution of these sizes, at most.</summary>
    public static long Constants(in ConvSizes sizes)
    {
        (long across, long down) = (
            ConvDepthwiseChannelsKernel.Bands(ConvAxis.Columns(in sizes), null), ConvDepthwiseChannelsKernel.Bands(ConvAxis.Rows(in sizes), null));
        return ((sizes.Taps + 5L) * sizes.Channels)
            + (((across + down) * sizeof(ConvDepthwiseChannelsKernel.Band)) + (across * down * sizes.Taps * sizeof(ConvTapTerm))) / sizeof(float);
    }

    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvChain chain)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int count = chain.Count, batch = chain.Links->Batch, first = ConvChain.IsDepthwise(in chain.Links->Sizes) ? 0 : 1;
        int between = 0;
        long constants = 0;
        for (int i = 0; i < count; i++)
        {
            ref ConvArguments g = ref chain.Links[i];
            bool isDepthwise = ConvChain.IsDepthwise(in g.Sizes);
            if (isDepthwise ? g.Sizes.Channels % T.Count != 0
                : !ConvChannels.Fits(i < first ? g.Sizes : ConvChain.OverBlocks(in g.Sizes, T.Count), T.Count))
            {
                return;
            }

            constants += isDepthwise ? Constants(in g.Sizes) : 0;
            between = Math.Max(between, g.Sizes.SampleOutputs);
            if (isDepthwise && i == 0)
            {
                between = Math.Max(between, g.Sizes.Height * g.Sizes.Width * T.Count);
            }

            g.MapLanes = isDepthwise || i == count - 1 ? 0
                : g.Sizes.Outputs % (2 * T.Count) != 0 ? T.Count : ConvChannels.MostLanes(in g.Sizes, T.Count);
        }

        float* memory = stackalloc float[(2 * between) + (3 * CacheLine / sizeof(float)) + (int)constants];
        memory = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        int apart = (between + 15) & ~15;
        float* maps = memory, results = maps + apart, next = results + apart;
        Depthwise* works = stackalloc Depthwise[(count + 1) / 2];
        for (int i = first; i < count; i += 2)
        {
            works[i / 2] = Depthwise.Of<T>(in chain.Links[i], i == 0 ? T.Count : chain.Links[i - 1].MapLanes, ref next);
        }

        if (first > 0)
        {
            ConvArguments g = *chain.Links;
            (g.First, g.End) = (0, batch * g.Sizes.OutputHeight);
            ConvChannels.Run<T>(in g);
        }

        for (int n = 0; n < batch; n++)
        {
            for (int i = first; i < count; i += 2)
            {
                ref readonly ConvArguments depthwise = ref chain.Links[i];
                float* from = i == 0 ? depthwise.Image + ((nint)n * depthwise.LeadingImage)
                    : i == 1 ? chain.Links->Maps + ((nint)n * chain.Links->LeadingMaps) : maps;
                works[i / 2].Run<T>(in depthwise, i == 0, from, maps, results);
                ConvArguments g = chain.Links[i + 1];
                g.Maps = i + 2 == count ? g.Maps + ((nint)n * g.LeadingMaps) : maps;
                g.Sizes = ConvChain.OverBlocks(in g.Sizes, T.Count);
                g.Batch = 1;
                g.Image = results;
                (g.First, g.End) = (0, 1);
                ConvChannels.Run<T>(in g);
            }
        }

        *chain.Ran = true;
    }

    /// <summary>A depthwise convolution, and what is the same for all samples.</summary>
    private struct Depthwise
    {
        private ConvDepthwiseChannelsKernel.Work work;

        /// <summary>[block of channels][weights of a tap, start, constants of <see cref="ConvFinish"/>].</summary>
        private float* constants;

        public static Depthwise Of<T>(in ConvArguments g, int pitch, ref float* memory) where T : struct, IFloatLanes<T>
        {
            ref readonly ConvSizes sizes = ref g.Sizes;
            int taps = sizes.Taps, lanes = T.Count;
            ConvAxis rows = ConvAxis.Rows(in sizes), columns = ConvAxis.Columns(in sizes);
            float* constants = memory;
            for (int channel = 0; channel < sizes.Channels; channel += lanes)
            {
                Transpose.Pack(in *(g.Kernels + ((nint)channel * taps)), (nuint)taps, (nuint)lanes, (nuint)taps, ref *memory, (nuint)lanes);
                memory += taps * lanes;
                FloatBlocks.Fill(0f, memory, g.Bias == null ? lanes : 0);
                FloatBlocks.Copy(g.Bias + channel, memory, g.Bias == null ? 0 : lanes);
                memory += lanes;
                g.Finish.Pack<T>(channel, lanes, lanes, memory);
                memory += ConvFinish.PackedLength(lanes);
            }

            ConvDepthwiseChannelsKernel.Band* across = (ConvDepthwiseChannelsKernel.Band*)memory;
            int countAcross = ConvDepthwiseChannelsKernel.Bands(columns, across);
            int countDown = ConvDepthwiseChannelsKernel.Bands(rows, across + countAcross);
            ConvTapTerm* terms = (ConvTapTerm*)(across + countAcross + countDown);
            memory = (float*)(terms + (countAcross * countDown * taps));
            Depthwise made = new()
            {
                constants = constants,
                work = new()
                {
                    Rows = rows, Columns = columns, Across = across, Down = across + countAcross, CountAcross = countAcross, CountDown = countDown,
                    Terms = terms, Taps = taps, Tall = rows.Positions, Pitch = pitch,
                },
            };
            made.work.List(lanes, isForward: true);
            return made;
        }

        /// <summary>A sample; an image, [channel][position], is turned over before.</summary>
        public readonly void Run<T>(in ConvArguments g, bool isImage, float* from, float* turned, float* results) where T : struct, IFloatLanes<T>
        {
            int lanes = T.Count, source = work.Rows.Length * work.Columns.Length, positions = work.Rows.Positions * work.Columns.Positions;
            ConvDepthwiseChannelsKernel.Work own = work;
            own.Weights = constants;
            own.Sums = results;
            own.Source = isImage ? turned : from;
            for (int channel = 0; channel < g.Sizes.Channels; channel += lanes)
            {
                if (isImage)
                {
                    Transpose.Pack(in *(from + ((nint)channel * source)), (nuint)source, (nuint)lanes, (nuint)source, ref *turned, (nuint)lanes);
                }
                else
                {
                    own.Source = from + ((nint)(channel / own.Pitch * own.Pitch) * source) + (channel % own.Pitch);
                }

                float* start = own.Weights + (own.Taps * lanes), finish = start + lanes;
                ConvDepthwiseChannelsKernel.Block<T>(in own, 0, own.Tall, 0, T.Load(in *start, 0), false);
                if (g.Finish.Exists)
                {
                    g.Finish.Lanes<T>(finish, lanes, own.Sums, positions);
                }

                own.Weights = finish + ConvFinish.PackedLength(lanes);
                own.Sums += positions * lanes;
            }
        }
    }
}
