namespace EmbeddedBackprop.Export.Cost;

/// <summary>How many instructions each unit of work takes on a processor, as a fit to what the emulators count.</summary>
/// <param name="Weights">Instructions of each <see cref="CUnit"/>.</param>
/// <param name="Factors">
/// How much more or less a routine takes than its units say: registers that do not suffice, addresses that are shared. 1 for those not named.
/// </param>
internal sealed partial record CInstructionTable(double[] Weights, IReadOnlyDictionary<string, double> Factors)
{
    /// <summary>
    /// The end of the name of a routine of integers that is called at one place: the compiler knows its constants, so its factor is another one.
    /// </summary>
    public const string Only = " once";

    /// <summary>The table of a target; null where nothing here counts its instructions.</summary>
    public static CInstructionTable? Of(CTarget target) => All.GetValueOrDefault(target.Counts);

    /// <summary>The table of routines of integers; null where nothing here counts its instructions.</summary>
    public static CInstructionTable? OfIntegers(CTarget target) => Integers.GetValueOrDefault(target.Counts);

    /// <summary>The instructions of work that routines do.</summary>
    public double Instructions(IEnumerable<KeyValuePair<string, double[]>> units) =>
        units.Sum(routine => Factor(routine.Key) * Sum(routine.Value));

    private double Factor(string routine) =>
        Factors.TryGetValue(routine, out double factor) ? factor : Factors.GetValueOrDefault(routine.Replace(Only, "", StringComparison.Ordinal), 1);

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
