namespace EmbeddedBackprop.Export.Cost;

/// <summary>How many instructions each unit of work takes on a processor, as a fit to what the emulators count.</summary>
/// <param name="Weights">Instructions of each <see cref="CUnit"/>.</param>
/// <param name="Factors">
/// How much more or less a routine takes than its units say: registers that do not suffice, addresses that are shared. 1 for those not named.
/// </param>
internal sealed partial record CInstructionTable(double[] Weights, IReadOnlyDictionary<string, double> Factors)
{
    /// <summary>The table of a target; null where nothing here counts its instructions.</summary>
    public static CInstructionTable? Of(CTarget target) => All.GetValueOrDefault(target.Counts);

    /// <summary>The instructions of work that routines do.</summary>
    public double Instructions(IReadOnlyDictionary<string, double[]> units) =>
        units.Sum(routine => Factors.GetValueOrDefault(routine.Key, 1) * Sum(routine.Value));

    /// <summary>The instructions of units, without a routine's factor.</summary>
    public double Sum(double[] units)
    {
        double sum = 0;
        for (int i = 0; i < units.Length; i++)
        {
            sum += Weights[i] * units[i];
        }

        return sum;
    }
}
