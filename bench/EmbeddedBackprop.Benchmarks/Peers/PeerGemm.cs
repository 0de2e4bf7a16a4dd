using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Peers;

/// <summary>Products in the engine's padded layout, as its layers call them.</summary>
internal sealed class PeerGemm
{
    private readonly Dictionary<(string Kind, int M, int N, int K), Operands> prepared = [];

    /// <summary>C[m,n] = A B with A or B transposed in memory as the kind says, again and again for about the given time.</summary>
    /// <returns>Seconds of one product.</returns>
    public double Run(string kind, int m, int n, int k, double duration)
    {
        Operands operands = Prepared(kind, m, n, k);
        return kind switch
        {
            "NN" => Timing.OfCall(duration, new ProductNN(operands)),
            "TN" => Timing.OfCall(duration, new ProductTN(operands)),
            _ => Timing.OfCall(duration, new ProductNT(operands)),
        };
    }

    /// <summary>C as the last run left it, with the padding of its rows.</summary>
    public ReadOnlySpan<float> Result(string kind, int m, int n, int k) => Prepared(kind, m, n, k).C.Span;

    private Operands Prepared(string kind, int m, int n, int k)
    {
        if (!prepared.TryGetValue((kind, m, n, k), out Operands? operands))
        {
            operands = new Operands(kind, m, n, k);
            prepared.Add((kind, m, n, k), operands);
        }

        return operands;
    }

    private sealed class Operands
    {
        public Operands(string kind, int m, int n, int k)
        {
            (M, N, K) = (m, n, k);
            bool transposedA = kind == "TN", transposedB = kind == "NT";
            StrideA = Layout.Padded.Stride(transposedA ? m : k);
            StrideB = Layout.Padded.Stride(transposedB ? k : n);
            StrideC = Layout.Padded.Stride(n);
            A = Numbers((transposedA ? k : m) * StrideA, 1);
            B = Numbers((transposedB ? n : k) * StrideB, 2);
            C = Numbers(m * StrideC, 3);
        }

        public int M { get; }

        public int N { get; }

        public int K { get; }

        public int StrideA { get; }

        public int StrideB { get; }

        public int StrideC { get; }

        public Memory<float> A { get; }

        public Memory<float> B { get; }

        public Memory<float> C { get; }

        private static Memory<float> Numbers(int length, int seed)
        {
            Memory<float> memory = AlignedMemory.Allocate(length);
            new Random(seed).NextSamples(memory.Span);
            return memory;
        }
    }

    private readonly struct ProductNN(Operands o) : IWork
    {
        public void Call() => Gemm.NN(Arithmetic.Fused, o.M, o.N, o.K, o.A.Span, o.StrideA, o.B.Span, o.StrideB, default, o.C.Span, o.StrideC);
    }

    private readonly struct ProductTN(Operands o) : IWork
    {
        public void Call() => Gemm.TN(Arithmetic.Fused, o.M, o.N, o.K, o.A.Span, o.StrideA, o.B.Span, o.StrideB, o.C.Span, o.StrideC);
    }

    private readonly struct ProductNT(Operands o) : IWork
    {
        public void Call() => Gemm.NT(Arithmetic.Fused, o.M, o.N, o.K, o.A.Span, o.StrideA, o.B.Span, o.StrideB, o.C.Span, o.StrideC);
    }
}
