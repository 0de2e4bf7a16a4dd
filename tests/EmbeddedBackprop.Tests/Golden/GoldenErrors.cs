namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Collects relative errors, keeps the worst, and fails above the limit.</summary>
internal sealed class GoldenErrors
{
    public const double Limit = 1e-5;

    private readonly List<string> failures = [];
    private string worstWhere = "nothing compared";
    private double worst = -1;
    private int count;

    public void Add(string where, double error)
    {
        count++;
        if (error > worst)
        {
            (worst, worstWhere) = (error, where);
        }

        if (!(error <= Limit))
        {
            failures.Add($"{where}: {error:g3}");
        }
    }

    public void AssertSmall(string family)
    {
        TestContext.Out.WriteLine($"{family}: {count} tensors, worst relative error {worst:g3} ({worstWhere})");
        Assert.That(count, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{family}: above {Limit:g1}:\n{string.Join('\n', failures.Take(20))}");
    }
}
