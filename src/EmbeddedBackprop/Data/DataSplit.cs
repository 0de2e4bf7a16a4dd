using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Data;

/// <summary>Which samples train and which test, drawn by a seed.</summary>
public sealed class DataSplit
{
    private DataSplit(int[] training, int[] test)
    {
        Training = training;
        Test = test;
    }

    /// <summary>The samples to train on, ascending; for <see cref="DatasetView.Subset"/>.</summary>
    public int[] Training { get; }

    /// <summary>The held-out samples, ascending; for <see cref="DatasetView.Subset"/>.</summary>
    public int[] Test { get; }

    /// <summary>Holds out the samples whose position modulo folds is fold: each sample is held out by exactly one of the folds.</summary>
    /// <param name="count">How many samples there are.</param>
    /// <param name="fold">Which part is held out, from 0 to folds - 1.</param>
    /// <param name="folds">How many parts there are, at least 2 and at most count.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument lies out of its range.</exception>
    public static DataSplit Fold(int count, int fold, int folds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(folds, count);
        ArgumentOutOfRangeException.ThrowIfNegative(fold);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fold, folds);
        int tested = ((count - 1 - fold) / folds) + 1;
        int[] training = new int[count - tested], test = new int[tested];
        int trained = 0;
        for (int i = 0; i < count; i++)
        {
            if (i % folds == fold)
            {
                test[i / folds] = i;
            }
            else
            {
                training[trained++] = i;
            }
        }

        return new DataSplit(training, test);
    }

    /// <summary>
    /// Holds out whole groups (speakers, machines, files), those whose number modulo folds is fold: no group is on both sides.
    /// </summary>
    /// <param name="groups">The group of each sample, from 0 on.</param>
    /// <param name="fold">Which part is held out, from 0 to folds - 1.</param>
    /// <param name="folds">How many parts there are, at least 2 and at most as many as groups.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument lies out of its range.</exception>
    public static DataSplit FoldGroups(ReadOnlySpan<int> groups, int fold, int folds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(folds, GroupCount(groups));
        ArgumentOutOfRangeException.ThrowIfNegative(fold);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fold, folds);
        return OfGroups(groups, group => group % folds == fold);
    }

    /// <summary>
    /// Holds out whole groups (speakers, machines, files), drawn without replacement: as many as it takes to have round(count * testFraction) samples
    /// or more, but not all.
    /// </summary>
    /// <param name="groups">The group of each sample, from 0 on; at least two groups.</param>
    /// <param name="testFraction">The share of samples to hold out, between 0 and 1.</param>
    /// <param name="seed">The same seed gives the same parts, on every machine.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than two groups, or a fraction that is not between 0 and 1.</exception>
    public static DataSplit RandomGroups(ReadOnlySpan<int> groups, double testFraction, ulong seed)
    {
        CheckFraction(testFraction);
        int[] sizes = new int[GroupCount(groups)], order = new int[sizes.Length];
        ArgumentOutOfRangeException.ThrowIfLessThan(sizes.Length, 2, nameof(groups));
        foreach (int group in groups)
        {
            sizes[group]++;
        }

        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        new CounterRandom(seed, RandomPurpose.Split).Shuffle(0, order);
        int wanted = Math.Max((int)Math.Round(groups.Length * testFraction), 1), tested = 0;
        bool[] isTested = new bool[sizes.Length];
        for (int i = 0; i < order.Length - 1 && tested < wanted; i++)
        {
            isTested[order[i]] = true;
            tested += sizes[order[i]];
        }

        return OfGroups(groups, group => isTested[group]);
    }

    /// <summary>Holds out whole groups (speakers, machines, files): no group is on both sides.</summary>
    /// <param name="groups">The group of each sample.</param>
    /// <param name="isTested">Whether a group is held out.</param>
    public static DataSplit OfGroups(ReadOnlySpan<int> groups, Func<int, bool> isTested)
    {
        ArgumentNullException.ThrowIfNull(isTested);
        List<int> training = [], test = [];
        for (int i = 0; i < groups.Length; i++)
        {
            (isTested(groups[i]) ? test : training).Add(i);
        }

        return new DataSplit([.. training], [.. test]);
    }

    /// <summary>Holds out round(count * testFraction) samples, at least one and not all, drawn without replacement.</summary>
    /// <param name="count">How many samples there are, at least 2.</param>
    /// <param name="testFraction">The share to hold out, between 0 and 1.</param>
    /// <param name="seed">The same seed gives the same parts, on every machine.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than two samples, or a fraction that is not between 0 and 1.</exception>
    public static DataSplit Random(int count, double testFraction, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        CheckFraction(testFraction);
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            order[i] = i;
        }

        new CounterRandom(seed, RandomPurpose.Split).Shuffle(0, order);
        int tested = Math.Clamp((int)Math.Round(count * testFraction), 1, count - 1);
        int[] test = order[..tested];
        int[] training = order[tested..];
        Array.Sort(test);
        Array.Sort(training);
        return new DataSplit(training, test);
    }

    private static void CheckFraction(double testFraction)
    {
        if (!(testFraction > 0 && testFraction < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(testFraction), testFraction, "The test fraction lies between 0 and 1.");
        }
    }

    private static int GroupCount(ReadOnlySpan<int> groups)
    {
        int last = -1;
        foreach (int group in groups)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(group, nameof(groups));
            last = Math.Max(last, group);
        }

        return last + 1;
    }
}
