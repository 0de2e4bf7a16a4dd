using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Random graphs of all ops learn as C with the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CRandomTrainingTests
{
    // So many to a program: it is compiled while little memory is free.
    private const int Together = 20;

    [TestCase("gcc -O0", 0u, 20)]
    [TestCase("clang -O2", 1000u, 20, Category = "Slow")]
    [TestCase("gcc -O3", 2000u, 20, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 3000u, 20, Category = "Slow")]
    [TestCase("gcc -O1", 100u, 200, Category = "Exhaustive")]
    public void Random_graphs_learn_with_the_bits_of_the_engine(string compiler, uint first, int wanted)
    {
        uint seed = first;
        for (int done = 0; done < wanted; done += Together)
        {
            List<CTrainingCase> cases = [];
            while (cases.Count < Math.Min(Together, wanted - done))
            {
                RandomNetwork net = new(seed++);
                if (!net.Graph.Ops.Any(op => op is not Loss && op.GetType().Assembly != typeof(Op).Assembly))
                {
                    cases.Add(Case(net, (int)seed));
                }
            }

            using CBuild build = new();
            CTrainingParity parity = new(build, cases);
            parity.Export();
            Assert.That(parity.FirstDifference(compiler), Is.Null);
        }
    }

    private static CTrainingCase Case(RandomNetwork net, int seed)
    {
        bool splits = !net.Graph.Ops.Any(op => op.DependsOnWholeBatch);
        return new CTrainingCase(net.ToString(), _ => ([.. net.Watched.Distinct()], [.. net.Losses]))
        {
            Arithmetic = net.Arithmetic,
            Batch = net.Batch,
            Accumulate = splits ? 1 + (seed % 2) : 1,
            Optimizer = (seed % 3) switch { 0 => new Sgd(), 1 => new Momentum(), _ => new Adam() },
            LearningRate = 0.01f,
            Regularization = seed % 4 == 0 ? new Regularization { L2 = 0.01f } : Regularization.None,
            Updates = 3,
            Draw = node => net.Inputs.GetValueOrDefault(node),
        };
    }
}
