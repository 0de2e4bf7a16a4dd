using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// The classes taken for others, balanced accuracy, and the area under the curve: by hand, by counting pairs, and through a network.
/// </summary>
internal sealed class ConfusionMatrixTests
{
    /// <summary>A net that passes its inputs on: predictions are the data's values.</summary>
    [Test]
    public void Counts_and_shares_by_hand()
    {
        // Labels 0 0 0 0 1 1 2; predictions 0 0 0 1 1 2 2.
        float[] x = [9, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9, 0, 0, 9];
        FloatDataset data = FloatDataset.Classified(x, 3, [0, 0, 0, 0, 1, 1, 2], 3);
        ConfusionMatrix matrix = ConfusionMatrix.Of(Identity(3, batch: 4), data);
        Assert.That((matrix[0, 0], matrix[0, 1], matrix[1, 1], matrix[1, 2], matrix[2, 2], matrix[2, 0]), Is.EqualTo((3, 1, 1, 1, 1, 0)));
        Assert.That((matrix.Total, matrix.Right, matrix.Count(0), matrix.Predicted(2)), Is.EqualTo((7, 5, 4, 2)));
        Assert.That(matrix.Accuracy, Is.EqualTo(5 / 7.0).Within(1e-12));
        Assert.That(matrix.BalancedAccuracy, Is.EqualTo((0.75 + 0.5 + 1) / 3).Within(1e-12));
        Assert.That(matrix.MajorityShare, Is.EqualTo(4 / 7.0).Within(1e-12));
        Assert.That((matrix.Precision(0), matrix.Precision(1), matrix.Precision(2)), Is.EqualTo((1.0, 0.5, 0.5)));
        Assert.That((matrix.Recall(0), matrix.Recall(1), matrix.Recall(2)), Is.EqualTo((0.75, 0.5, 1.0)));
        Assert.That((matrix.F1(0), matrix.F1(1), matrix.F1(2)), Is.EqualTo((6 / 7.0, 0.5, 2 / 3.0)));
        Assert.That(matrix.MacroF1, Is.EqualTo(((6 / 7.0) + 0.5 + (2 / 3.0)) / 3).Within(1e-12));

        // One against the rest, by counting pairs: class 0: (4 x 3 pairs, 3 won, 3 lost of the fourth's ...), as PairArea does.
        double expected = Enumerable
            .Range(0, 3)
            .Average(c =>
                PairArea([.. Enumerable.Range(0, 7).Select(i => x[(i * 3) + c])], [.. Enumerable.Range(0, 7).Select(i => data.Label(i) == c)]));
        Assert.That(RocCurve.Area(Identity(3, batch: 4), data), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void A_network_of_several_inputs_reads_each_sample_dealt_out()
    {
        using Network network = NetCompiler.Compile(
            "x = input 3; z = input 2; a = dense 4 tanh x; b = dense 3 tanh z; concat a b; dense 3 softmax", null,
            new NetworkOptions { Batch = 4, Seed = 2 });
        Samples.Fill(network.Parameters, 5);
        FloatDataset data = FloatDataset.Classified(Samples.Array(11 * 5, 3), 5, [.. Enumerable.Range(0, 11).Select(i => i % 3)], 3);
        int[,] expected = new int[3, 3];
        for (int i = 0; i < data.Count; i++)
        {
            expected[data.Label(i), Accuracy.ClassOf(network.Predict(data.Row(i)))]++;
        }

        ConfusionMatrix matrix = ConfusionMatrix.Of(network, data);
        for (int label = 0; label < 3; label++)
        {
            Assert.That(
                (matrix[label, 0], matrix[label, 1], matrix[label, 2]),
                Is.EqualTo((expected[label, 0], expected[label, 1], expected[label, 2])), $"{label}");
        }

        Assert.That(expected.Cast<int>().Count(count => count > 0), Is.GreaterThan(3), "the network tells the samples apart");
    }

    [Test]
    public void Data_without_classes_are_refused()
    {
        FloatDataset values = FloatDataset.Regression([1, 2, 3], 3, [1], 1);
        Network network = Identity(3, batch: 4);
        foreach (Action use in (Action[])[() => ConfusionMatrix.Of(network, values), () => RocCurve.Area(network, values)])
        {
            Assert.That(use, Throws.InstanceOf<ArgumentException>().With.Message.Contains("classes must be positive"));
        }
    }

    [Test]
    public void Areas_by_hand()
    {
        Assert.That(RocCurve.Area([0.1f, 0.4f, 0.35f, 0.8f], [false, false, true, true]), Is.EqualTo(0.75));
        Assert.That(RocCurve.Area([1f, 2f, 3f, 4f], [false, false, true, true]), Is.EqualTo(1));
        Assert.That(RocCurve.Area([1f, 2f, 3f, 4f], [true, true, false, false]), Is.Zero);
        Assert.That(RocCurve.Area([7f, 7f, 7f], [true, false, false]), Is.EqualTo(0.5), "ties count half");
        Assert.That(RocCurve.Area([float.NaN, 1f, float.NaN], [true, false, false]), Is.EqualTo(0.25), "no number is below all numbers");
        Assert.That(RocCurve.Area([1f, 2f], [true, true]), Is.NaN, "one class alone has no curve");
        Assert.That(() => RocCurve.Area([1f], [true, false]), Throws.ArgumentException);
    }

    [Test]
    public void The_area_is_the_share_of_pairs([Range(1, 8)] int seed)
    {
        float[] scores = [.. Samples.Array(60, seed).Select(s => MathF.Round(s * 8))];
        bool[] positive = [.. Samples.Array(60, 100 + seed).Select(s => s > 0.3f)];
        Assert.That(RocCurve.Area(scores, positive), Is.EqualTo(PairArea(scores, positive)).Within(1e-12));
        Assert.That(RocCurve.Area([.. scores.Reverse()], positive), Is.Not.EqualTo(PairArea(scores, positive)), "the control");
    }

    [Test]
    public void One_output_and_two_have_the_same_area()
    {
        float[] scores = Samples.Array(30, 5);
        int[] labels = [.. Samples.Array(30, 6).Select(s => s > 0 ? 1 : 0)];
        FloatDataset one = FloatDataset.Classified(scores, 1, labels, 2),
            two = FloatDataset.Classified([.. scores.SelectMany(s => (float[])[-s, s])], 2, labels, 2);
        double expected = PairArea(scores, [.. labels.Select(l => l == 1)]);
        Assert.That(RocCurve.Area(Identity(1, 7), new BinaryTarget(one)), Is.EqualTo(expected).Within(1e-12));
        Assert.That(RocCurve.Area(Identity(2, 7), two), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void Shares_of_classes_that_never_occur_are_zero()
    {
        // Class 2 is predicted once and never there, class 3 neither.
        ConfusionMatrix matrix = ConfusionMatrix.Of([0, 0, 1], [0, 2, 1], 4);
        Assert.That((matrix.F1(2), matrix.F1(3), matrix.Precision(3), matrix.Recall(2), matrix.Total), Is.EqualTo((0.0, 0.0, 0.0, 0.0, 3)));
        Assert.That(matrix.MacroF1, Is.EqualTo(((2 / 3.0) + 1 + 0) / 3).Within(1e-12), "class 3 does not count");
        Assert.That(ConfusionMatrix.Of([], [], 2).MacroF1, Is.Zero);
        Assert.That(() => ConfusionMatrix.Of([0], [0, 1], 2), Throws.ArgumentException);
    }

    [Test]
    public void Points_by_hand()
    {
        // Descending: 9+ 8- 7+ 7- 6+ 5- 4- 3-, and one without a score.
        float[] scores = [3, 9, 7, 5, 8, 6, 7, 4, float.NaN];
        bool[] positive = [false, true, true, false, false, true, false, false, true];
        Check(0, 9, 1 / 4.0, 0, 1, 1);
        Check(0.2, 8, 1 / 4.0, 1 / 5.0, 1 / 2.0, 2);
        Check(0.39, 8, 1 / 4.0, 1 / 5.0, 1 / 2.0, 2);
        Check(0.4, 6, 3 / 4.0, 2 / 5.0, 3 / 5.0, 5);
        Check(1, 3, 3 / 4.0, 1, 3 / 8.0, 8);
        OperatingPoint none = RocCurve.AtFalseAlarms([2, 1], [false, true], 0);
        Assert.That((none.Threshold, none.Recall, none.Alarms), Is.EqualTo((float.PositiveInfinity, 0.0, 0)));
        Assert.That(none.Precision, Is.NaN);
        Assert.That(RocCurve.AtFalseAlarms([2], [false], 1).Recall, Is.NaN);
        Assert.That(RocCurve.AtFalseAlarms([2], [true], 1).FalseAlarmRate, Is.NaN);
        Assert.That(() => RocCurve.AtFalseAlarms([2], [true], 1.5), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => RocCurve.AtFalseAlarms([2], [true, false], 0.5), Throws.InstanceOf<ArgumentException>());

        void Check(double bound, float threshold, double recall, double rate, double precision, int alarms) =>
            Assert.That(
                RocCurve.AtFalseAlarms(scores, positive, bound),
                Is.EqualTo(new OperatingPoint(threshold, recall, rate, precision, alarms)),
                $"{bound}");
    }

    [Test]
    public void A_threshold_from_elsewhere_counts_what_reaches_it()
    {
        float[] scores = [1, 5, float.NaN, 3, 3, 2];
        bool[] positive = [false, true, true, true, false, false];
        Assert.That(RocCurve.AtThreshold(scores, positive, 3), Is.EqualTo(new OperatingPoint(3, 2 / 3.0, 1 / 3.0, 2 / 3.0, 3)));
        Assert.That(RocCurve.AtThreshold(scores, positive, 6).Precision, Is.NaN);
        foreach (double bound in (double[])[0, 0.34, 0.67, 1])
        {
            // The threshold that is chosen on the samples themselves has its own point.
            OperatingPoint chosen = RocCurve.AtFalseAlarms(scores, positive, bound);
            Assert.That(RocCurve.AtThreshold(scores, positive, chosen.Threshold), Is.EqualTo(chosen), $"{bound}");
        }

        Assert.That(() => RocCurve.AtThreshold([2], [true, false], 1), Throws.InstanceOf<ArgumentException>());
    }

    [Test]
    public void A_class_of_a_network_has_the_points_of_its_scores()
    {
        float[] scores = Samples.Array(40, 5);
        int[] labels = [.. Samples.Array(40, 6).Select(s => s > 0 ? 1 : 0)];
        FloatDataset one = FloatDataset.Classified(scores, 1, labels, 2),
            two = FloatDataset.Classified([.. scores.SelectMany(s => (float[])[-s, s])], 2, labels, 2);
        for (int positive = 0; positive < 2; positive++)
        {
            float[] own = [.. scores.Select(s => positive == 0 ? -s : s)];
            OperatingPoint expected = RocCurve.AtFalseAlarms(own, [.. labels.Select(l => l == positive)], 0.1);
            Assert.That(RocCurve.AtFalseAlarms(Identity(1, 7), new BinaryTarget(one), positive, 0.1), Is.EqualTo(expected));
            Assert.That(RocCurve.AtFalseAlarms(Identity(2, 7), two, positive, 0.1), Is.EqualTo(expected));
            Assert.That(expected.FalseAlarmRate, Is.LessThanOrEqualTo(0.1));
        }

        Assert.That(() => RocCurve.AtFalseAlarms(Identity(2, 7), two, 2, 0.1), Throws.InstanceOf<ArgumentException>());
    }

    /// <summary>NumPy's answers in double, from other formulas: thresholds one by one, ranks, products of one-hot rows.</summary>
    [Test]
    public void The_figures_are_those_of_NumPy()
    {
        string python = Tools.RequirePython("numpy", "python3-numpy");
        using TemporaryFile file = new();
        float[] scores = [.. Samples.Array(500, 1).Select(s => MathF.Round(s * 40))];
        bool[] positive = [.. Samples.Array(500, 2).Select(s => s > 0.85f)];
        int[] labels = [.. Samples.Array(500, 3).Select(s => (int)((s + 1) * 2.4f))];
        int[] guesses = [.. Samples.Array(500, 4).Select(s => (int)((s + 1) * 2.2f))];
        File.WriteAllText(
            file.Path,
            string.Join('\n', Enumerable.Range(0, 500).Select(i => $"{(int)scores[i]},{(positive[i] ? 1 : 0)},{labels[i]},{guesses[i]}")));
        string printed = Tools.RunChecked(Path.GetTempPath(), python, "-c", $"""
            import numpy as np
            a = np.loadtxt('{file.Path}', delimiter=',')
            s, p, y, g = a[:, 0], a[:, 1] > 0, a[:, 2].astype(int), a[:, 3].astype(int)
            d = s[p][:, None] - s[~p][None, :]
            print(repr(((d > 0) + 0.5 * (d == 0)).mean()))
            for bound in (0.01, 0.05, 0.2):
                best = [t for t in sorted(set(s)) if (s[~p] >= t).mean() <= bound][0]
                print(best, repr((s[p] >= best).mean()), repr((s[~p] >= best).mean()), repr(p[s >= best].mean()))
            one = np.eye(5)
            m = one[y].T @ one[g]
            f = 2 * np.diag(m) / np.maximum(m.sum(0) + m.sum(1), 1)
            print(*(repr(x) for x in f), repr(f[(m.sum(0) + m.sum(1)) > 0].mean()), repr((np.diag(m) / np.maximum(m.sum(1), 1))[m.sum(1) > 0].mean()))
            """);
        double[][] lines =
        [
            .. printed.Trim().Split('\n').Select(line =>
                line.Split(' ').Select(word => double.Parse(word, System.Globalization.CultureInfo.InvariantCulture)).ToArray()),
        ];
        Assert.That(RocCurve.Area(scores, positive), Is.EqualTo(lines[0][0]).Within(1e-12));
        double[] bounds = [0.01, 0.05, 0.2];
        for (int i = 0; i < 3; i++)
        {
            OperatingPoint point = RocCurve.AtFalseAlarms(scores, positive, bounds[i]);
            double[] figures = [point.Threshold, point.Recall, point.FalseAlarmRate, point.Precision];
            Assert.That(figures, Is.EqualTo(lines[1 + i]).Within(1e-12), $"{bounds[i]}");
        }

        ConfusionMatrix matrix = ConfusionMatrix.Of(labels, guesses, 5);
        double[] shares = [.. Enumerable.Range(0, 5).Select(matrix.F1), matrix.MacroF1, matrix.BalancedAccuracy];
        Assert.That(shares, Is.EqualTo(lines[4]).Within(1e-12));
        Assert.That(positive.Count(p => p), Is.InRange(5, 100), "a rare class");
    }

    private static Network Identity(int width, int batch)
    {
        Network net = new Sequential(width).Dense<Identity>(width).Compile(new NetworkOptions { Batch = batch });
        foreach (ParameterRange range in net.InferencePlan.Parameters)
        {
            float[] compact = new float[range.Count];
            for (int i = 0; i < width && range.Kind == ParameterKind.Weight; i++)
            {
                compact[(i * width) + i] = 1f;
            }

            range.CopyFrom<float>(compact, net.Parameters);
        }

        return net;
    }

    private static double PairArea(float[] scores, bool[] positive)
    {
        double wins = 0, pairs = 0;
        for (int p = 0; p < scores.Length; p++)
        {
            for (int n = 0; n < scores.Length; n++)
            {
                if (!positive[p] || positive[n])
                {
                    continue;
                }

                pairs++;
                wins += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0;
            }
        }

        return wins / pairs;
    }
}
